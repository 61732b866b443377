# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of requests and the rule of the lowest id, on a queue of a few lines."""

from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.placement import (
    Placement,
    PlannedJob,
)
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.spec import JobSpec
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.errors import RequestFailed
from ansible_collections.fleet.jobs.tests.support.queues import snapshot, task


class Queue:
    """Stands in for session and client; ``meddle`` runs before the first add of each round."""

    def __init__(self, *tasks, meddle=lambda queue, labels: None, failing=()):
        self.tasks = {one.id: one for one in tasks}
        self.client = self
        self.rounds = []
        self.removed = []
        self._meddle, self._failing, self._counter = meddle, failing, 0
        self._fresh = True

    def put(self, label, **more):
        number = max(self.tasks, default=-1) + 1
        self._counter += 1
        self.tasks[number] = task(number, label, created_at=f"t{self._counter}", **more)
        return number

    def add_many(self, requests):
        if self._fresh:
            self._meddle(self, [job.spec.label for job, _unused in requests])
            self._fresh = False
        self.rounds.append([job.spec.label for job, _unused in requests])
        answers = []
        for job, parents in requests:
            if job.spec.label in self._failing:
                answers.append(RequestFailed("no", answer="no"))
                continue
            marker = {"FLEET_JOBS_SUBMISSION": "s", "FLEET_JOBS_TASK": job.task_key}
            answers.append(self.put(job.spec.label, status="Stashed", after=parents, marker=marker))
        return answers

    def status(self):
        self._fresh = True
        return snapshot(*self.tasks.values())

    def remove(self, ids):
        self.removed += [self.tasks.pop(number).label for number in ids]


def planned(**parents):
    return [
        PlannedJob(
            spec=JobSpec(label=f"f/{name}", command=("x",)),
            task_key=f"k-{name}",
            inside=tuple(f"f/{parent}" for parent in after),
        )
        for name, after in parents.items()
    ]


def placement(queue, jobs):
    return Placement(queue, "s", jobs, request=lambda job, parents: (job, parents))


def test_parents_are_added_first_in_rounds():
    queue = Queue()
    placed = placement(queue, planned(c=["a", "b"], a=[], b=["a"], d=[])).place()
    assert queue.rounds == [["f/a", "f/d"], ["f/b"], ["f/c"]]
    parents = {placed.tasks["f/a"].id, placed.tasks["f/b"].id}
    assert set(placed.tasks["f/c"].dependencies) == parents
    assert not placed.lost and not queue.removed


def test_a_lost_label_takes_its_dependants_along_and_they_come_back_behind_the_winner():
    came = []

    def meddle(queue, _labels):
        if not came:
            came.append(queue.put("f/b", ours=False))

    queue = Queue(meddle=meddle)
    placed = placement(queue, planned(a=[], b=["a"], c=["b"], d=["c", "a"], e=["a"])).place()
    assert sorted(queue.removed) == ["f/b", "f/c", "f/d"]
    assert set(placed.lost) == {"f/b"} and set(placed.tasks) == {"f/a", "f/c", "f/d", "f/e"}
    assert placed.tasks["f/c"].dependencies == (came[0],)
    assert set(placed.tasks["f/d"].dependencies) == {
        placed.tasks["f/c"].id,
        placed.tasks["f/a"].id,
    }


def test_a_dependant_that_loses_only_when_it_is_added_again():
    def meddle(queue, labels):
        if labels in (["f/a"], ["f/b"]):
            queue.put(labels[0], ours=False)

    queue = Queue(meddle=meddle)
    placed = placement(queue, planned(a=[], b=["a"], c=["b"])).place()
    assert set(placed.lost) == {"f/a", "f/b"} and set(placed.tasks) == {"f/c"}
    (parent,) = placed.tasks["f/c"].dependencies
    assert queue.tasks[parent].label == "f/b" and parent == placed.lost["f/b"].id


def test_strangers_without_end_are_an_error_and_nothing_stays():
    """In each round somebody takes the first job of what is left of the chain."""
    queue = Queue(meddle=lambda queue, labels: queue.put(labels[0], ours=False))
    work = placement(queue, planned(**{f"n{i}": [f"n{i - 1}"] if i else [] for i in range(20)}))
    with pytest.raises(FleetError, match="kept adding"):
        work.place()
    assert work.undo() is None
    left = [one for one in queue.tasks.values() if "FLEET_JOBS_SUBMISSION" in one.marker]
    assert queue.tasks and not left


def test_a_failed_add_is_raised_and_undo_takes_the_rest_out():
    queue = Queue(task(0, "x/1"), failing=["f/b"])
    work = placement(queue, planned(a=[], b=[], c=[]))
    with pytest.raises(RequestFailed):
        work.place()
    assert work.undo() is None
    assert [one.label for one in queue.tasks.values()] == ["x/1"]
