# SPDX-License-Identifier: GPL-3.0-or-later
"""Strangers between our steps, lost answers, failed saves: each injected at the exact moment."""

from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError
from ansible_collections.fleet.jobs.plugins.module_utils._ledger import submissions
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.client import Client
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.errors import (
    ConnectionLost,
    RequestFailed,
)
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue


@pytest.fixture
def queue(daemon):
    ready = GuardedQueue(daemon)
    ready.pause()
    ready.tool  # noqa: B018 (installed once, before anything is injected)
    return ready


@pytest.fixture
def around(monkeypatch):
    """Run something before or after the n-th call of a client's method."""

    def install(name, *, before=None, after=None, call=1):
        real = getattr(Client, name)
        count = [0]

        def wrapped(self, *arguments, **named):
            count[0] += 1
            hit = count[0] == call
            if hit and before is not None:
                before(self)
            answer = real(self, *arguments, **named)
            if hit and after is not None:
                after(self)
            return answer

        monkeypatch.setattr(Client, name, wrapped)

    return install


def unfinished(queue):
    with queue.instance.ledger(read_only=True) as ledger:
        return ledger.submissions.unfinished()


def lose(client):
    client.close()
    raise ConnectionLost("the test cut the connection")


def test_a_stranger_between_status_and_add_wins_and_dependants_follow_it(queue, around):
    """a/2 is a stranger's after our look: ours gives way, a/3 and a/4 wait for the stranger."""
    rival = []
    around("add_many", before=lambda _client: rival.append(queue.add_stranger("a/2")))
    report = queue.queue(
        queue.job("a/1"),
        queue.job("a/2", after=["a/1"]),
        queue.job("a/3", after=["a/2"]),
        queue.job("a/4", after=["a/3", "a/1"]),
        queue.job("a/5"),
    )
    assert set(report.queued) == {"a/1", "a/3", "a/4", "a/5"}
    assert [(one.label, one.why) for one in report.skipped] == [("a/2", "active")]
    snapshot = queue.status()
    assert {task.label: task.status for task in snapshot.tasks.values()} == dict.fromkeys(
        ("a/1", "a/2", "a/3", "a/4", "a/5"), "Queued"
    )
    by_label = snapshot.by_label()
    assert [task.id for task in by_label["a/2"]] == rival
    assert by_label["a/3"][0].dependencies == tuple(rival)
    parents = {snapshot.tasks[one].label for one in by_label["a/4"][0].dependencies}
    assert parents == {"a/3", "a/1"}
    assert by_label["a/1"][0].id == report.queued["a/1"]
    with queue.instance.ledger(read_only=True) as ledger:
        assert ledger.submissions.job_of("a/2") is None
        assert ledger.submissions.job_of("a/3") is not None


def test_everything_lost_is_everything_skipped(queue, around):
    around("add_many", before=lambda _client: queue.add_stranger("a/1"))
    report = queue.queue(queue.job("a/1"))
    assert not report.queued and not report.actions
    assert [one.why for one in report.skipped] == ["active"]
    assert len(queue.tasks("a/1")) == 1 and not unfinished(queue)


def test_a_stranger_who_restarts_an_old_failure_in_place_is_seen(queue, around):
    queue.start()
    old = queue.add_stranger("a/1", "false")
    queue.finished("a/1")
    queue.pause()
    around("add_many", after=lambda _client: queue.daemon.cli("restart", "--in-place", str(old)))
    report = queue.queue(queue.job("a/1"))
    assert not report.queued and [one.why for one in report.skipped] == ["active"]
    assert [task.id for task in queue.tasks("a/1")] == [old]


def test_a_stranger_after_our_second_look_is_reported(queue, around):
    around("enqueue", before=lambda _client: queue.add_stranger("a/1"))
    report = queue.queue(queue.job("a/1"))
    assert list(report.queued) == ["a/1"] and report.duplicates == ("a/1",)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_to_add_leaves_nothing_and_the_next_call_queues(queue, around, when):
    around("add_many", **{when: lose})
    jobs = [queue.job("a/1"), queue.job("a/2", after=["a/1"])]
    with pytest.raises(FleetError, match="Nothing was queued"):
        queue.queue(*jobs)
    assert not queue.status().tasks and not unfinished(queue)
    assert set(queue.queue(*jobs).queued) == {"a/1", "a/2"}


@pytest.mark.parametrize("name", ["enqueue", "env_set"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_after_the_commit_is_made_good_at_once(queue, around, name, when):
    around(name, **{when: lose})
    report = queue.queue(queue.job("a/1"), queue.job("a/2", delay="1h"))
    assert set(report.queued) == {"a/1", "a/2"}
    assert queue.tasks("a/1")[0].status == "Queued"
    assert queue.tasks("a/2")[0].enqueue_at
    assert not unfinished(queue)


def test_a_save_that_fails_at_add_is_undone(queue, around):
    def fail(_client):
        raise RequestFailed("no space", answer="Failed to save state", uncertain=True)

    around("add_many", after=fail)
    with pytest.raises(FleetError, match="no space"):
        queue.queue(queue.job("a/1"))
    assert not queue.status().tasks and not unfinished(queue)


def test_a_parent_that_vanishes_undoes_the_set(queue, around):
    parent = queue.add_stranger("p/1")
    # pueue does not remove a task that others wait for, so both go.
    around("add_many", after=lambda client: client.remove([parent + 1, parent]))
    with pytest.raises(FleetError, match="Nothing was queued"):
        queue.queue(queue.job("a/1", after=["p/1"]))
    assert not queue.status().tasks


def test_a_lease_taken_meanwhile_stops_the_set_before_it_is_committed(queue, around):
    def take(_client):
        with queue.instance.ledger() as ledger:
            ledger.lease.take("deployer", "a fix", 600)

    around("add_many", after=take)
    with pytest.raises(FleetError, match="deployer") as error:
        queue.queue(queue.job("a/1"))
    assert error.value.hazard == "INV-2"
    assert not queue.status().tasks


def test_a_lease_taken_after_the_commit_comes_too_late(queue, around):
    def take(_client):
        with queue.instance.ledger() as ledger:
            ledger.lease.take("deployer", "a fix", 600)

    around("enqueue", before=take)
    assert list(queue.queue(queue.job("a/1")).queued) == ["a/1"]
    assert queue.tasks("a/1")[0].status == "Queued" and not unfinished(queue)


def test_a_daemon_that_dies_at_commit_is_finished_by_the_next_call(queue, around):
    def die(client):
        queue.daemon.kill9()
        lose(client)

    around("enqueue", before=die)
    jobs = [queue.job("a/1"), queue.job("a/2", after=["a/1"])]
    with pytest.raises(FleetError):
        queue.queue(*jobs)
    assert [one.state for one in unfinished(queue)] == [submissions.COMMITTED]
    queue.daemon.start()
    assert {task.status for task in queue.status().tasks.values()} == {"Stashed"}
    report = queue.queue(*jobs)
    assert not report.queued and len(report.skipped) == 2
    assert report.actions and "client died" in report.actions[0]
    assert {task.status for task in queue.status().tasks.values()} == {"Queued"}
    assert not unfinished(queue)


def test_strangers_stashed_tasks_and_other_submissions_are_left_alone(queue):
    own = queue.add_stranger("x/1", stashed=True)
    marked = queue.daemon.cli("add", "--print-task-id", "--stashed", "--label", "x/2", "--", "true")
    with queue.daemon.connect() as client:
        client.env_set(int(marked.stdout), "FLEET_JOBS_SUBMISSION", "unknown")
    queue.queue(queue.job("a/1"))
    snapshot = queue.status()
    assert snapshot.tasks[own].status == "Stashed"
    assert snapshot.tasks[int(marked.stdout)].status == "Stashed"
