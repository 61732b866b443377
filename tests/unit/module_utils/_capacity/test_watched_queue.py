# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tasks speak against a change."""

from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._capacity.watched_queue import (
    WatchedQueue,
)
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.snapshot import Snapshot, Task

BEGUN = 1000.0


def task(number, label, *, status="Done", result=None, ended=None, group="default"):
    return Task(
        id=number,
        label=label,
        group=group,
        status=status,
        result=result,
        exit_code=3 if result == "Failed" else None,
        command="x",
        path="/",
        priority=0,
        dependencies=(),
        created_at=str(number),
        created=float(number),
        enqueued=None,
        started=None,
        ended=ended,
        enqueue_at=None,
        marker={},
    )


def kinds(queue, *tasks):
    snapshot = Snapshot(tasks={one.id: one for one in tasks}, groups={})
    return [(found.kind, found.label) for found in queue.violations(snapshot, since=BEGUN)]


OLD = task(1, "bars/A", result="Failed", ended=BEGUN - 1)
NEW = task(2, "bars/B", result="Failed", ended=BEGUN + 1)
OTHER = task(3, "ticks/C", result="Killed", ended=BEGUN + 1, group="io")
GOOD = task(4, "bars/D", result="Success", ended=BEGUN + 1)


def test_only_failures_since_the_watch_began_count():
    assert kinds(WatchedQueue(), OLD, NEW, GOOD) == [("failure", "bars/B")]


@pytest.mark.parametrize(
    ("queue", "labels"),
    [
        (WatchedQueue(), ["bars/B", "ticks/C"]),
        (WatchedQueue(labels=("bars/*",)), ["bars/B"]),
        (WatchedQueue(groups=("io",)), ["ticks/C"]),
        (WatchedQueue(labels=("bars/*",), groups=("io",)), []),
    ],
    ids=["everything", "labels", "groups", "both"],
)
def test_failures_elsewhere_are_not_ours(queue, labels):
    assert [label for _kind, label in kinds(queue, OLD, NEW, OTHER, GOOD)] == labels


def test_intended_kill_is_no_failure():
    queue = WatchedQueue(intended=lambda one: one.label == "ticks/C")
    assert kinds(queue, NEW, OTHER) == [("failure", "bars/B")]


@pytest.mark.parametrize("status", ["Queued", "Stashed", "Running", "Paused", "Locked"])
def test_restarted_job_that_is_active_is_alive(status):
    queue = WatchedQueue(labels=("none",), alive=("bars/A",))
    assert kinds(queue, OLD, task(9, "bars/A", status=status)) == []


def test_restarted_job_that_died_before_the_watch_began_is_dead():
    queue = WatchedQueue(labels=("none",), alive=("bars/A", "bars/D"))
    assert kinds(queue, OLD, GOOD) == [("dead", "bars/A")]


def test_restarted_job_that_the_queue_forgot_is_judged_by_the_ledger():
    assert kinds(WatchedQueue(alive=("bars/Z",))) == [("gone", "bars/Z")]
    assert kinds(WatchedQueue(alive=("bars/Z",), finished_ok=lambda _label: True)) == []


def test_dead_job_comes_first_and_says_its_exit_code():
    queue = WatchedQueue(alive=("bars/A",))
    snapshot = Snapshot(tasks={2: NEW, 1: OLD}, groups={})
    first = queue.violations(snapshot, since=BEGUN)[0]
    assert first.message == '"bars/A" was restarted and is dead again: Failed with exit code 3'


def test_unlabelled_failure_is_named_by_its_group():
    snapshot = Snapshot(tasks={7: task(7, None, result="Failed", ended=BEGUN)}, groups={})
    (found,) = WatchedQueue().violations(snapshot, since=BEGUN)
    assert found.label is None and "(no label, group default)" in found.message
