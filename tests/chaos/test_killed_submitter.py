# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of the guard before and after each of its steps: the next call converges."""

from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.tests.support import submitter
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue

CUTS = [(step, when, 1) for step in submitter.STEPS for when in ("before", "after")]
# Later calls of what is called more than once: the second level, the second look, the other time.
CUTS += [("Client.add_many", when, 2) for when in ("before", "after")]
CUTS += [("Client.status", when, 2) for when in ("before", "after")]
CUTS += [("Client.enqueue", "after", 2)]


@pytest.fixture
def queue(daemon):
    ready = GuardedQueue(daemon)
    ready.pause()
    return ready


@pytest.mark.parametrize(("step", "when", "call"), CUTS)
def test_the_next_call_converges(queue, step, when, call):
    jobs = [
        queue.job("a/1"),
        queue.job("a/2", after=["a/1"]),
        queue.job("a/3", delay="1h"),
    ]
    dead = submitter.start(queue, jobs, die_at=step, when=when, call=call)
    assert submitter.finish(dead)[0] == -9
    assert not [task for task in queue.status().tasks.values() if task.done]

    report = queue.queue(*jobs)

    assert {*report.queued, *(one.label for one in report.skipped)} == {"a/1", "a/2", "a/3"}
    assert {one.why for one in report.skipped} <= {"active"}
    snapshot = queue.status()
    by_label = snapshot.by_label()
    assert {label: len(tasks) for label, tasks in by_label.items()} == dict.fromkeys(by_label, 1)
    assert [by_label[f"a/{n}"][0].status for n in (1, 2, 3)] == ["Queued", "Queued", "Stashed"]
    assert by_label["a/3"][0].enqueue_at
    assert by_label["a/2"][0].dependencies == (by_label["a/1"][0].id,)
    with queue.instance.ledger(read_only=True) as ledger:
        assert not ledger.submissions.unfinished()
        for label in by_label:
            marker = by_label[label][0].marker
            assert ledger.submissions.job_of(label).task_key == marker["FLEET_JOBS_TASK"]
    again = queue.queue(*jobs)
    assert not again.queued and not again.actions and len(again.skipped) == 3


def test_a_committed_leftover_gives_way_to_a_stranger_who_came_meanwhile(queue):
    jobs = [queue.job("a/1"), queue.job("a/2", after=["a/1"])]
    dead = submitter.start(queue, jobs, die_at="Client.enqueue")
    assert submitter.finish(dead)[0] == -9
    queue.add_stranger("a/1")
    report = queue.queue(*jobs)
    assert [(one.label, one.why) for one in report.skipped] == [("a/1", "active")]
    assert list(report.queued) == ["a/2"]
    by_label = queue.status().by_label()
    assert [len(by_label[label]) for label in ("a/1", "a/2")] == [1, 1]
    assert by_label["a/2"][0].dependencies == (by_label["a/1"][0].id,)


def test_check_mode_sees_a_leftover_and_touches_nothing(queue):
    dead = submitter.start(queue, [queue.job("a/1")], die_at="Submissions.commit")
    assert submitter.finish(dead)[0] == -9
    report = queue.queue(queue.job("a/1"), check_mode=True)
    assert list(report.queued) == ["a/1"] and "client died" in report.actions[0]
    assert [task.status for task in queue.tasks("a/1")] == ["Stashed"]
