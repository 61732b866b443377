# SPDX-License-Identifier: GPL-3.0-or-later
"""A wait with a clock of its own: what is reached, when it is read, when it ends."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import wait
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.selection import Selection
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.snapshot import Snapshot
from ansible_collections.fleet.jobs.tests.support.queues import snapshot, task

ALL = Selection()


def test_a_group_that_is_not_there_is_not_one_in_which_nothing_runs() -> None:
    with pytest.raises(FleetError, match='no group "nogroup"; it has default'):
        wait.observe(snapshot(), Selection(groups=("nogroup",)), until="drained")


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self, now: float = 1000.0) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class Queue:
    """A queue that changes at given moments; counts how often it is read."""

    def __init__(self, clock: Clock, *steps: t.Tuple[float, Snapshot], saved: bool = True) -> None:
        self.clock, self.steps, self.saved, self.reads = clock, steps, saved, 0

    def _step(self) -> int:
        return max(n for n, (since, _unused) in enumerate(self.steps) if since <= self.clock.now())

    def read(self) -> Snapshot:
        self.reads += 1
        return self.steps[self._step()][1]

    def fingerprint(self) -> t.Hashable:
        return self._step() if self.saved else None


RUNNING = snapshot(task(0, status="Running"), task(1))
QUEUED = snapshot(task(0, status="Success"), task(1))
DONE = snapshot(task(0, status="Success"), task(1, status="Failed"))


@pytest.mark.parametrize(
    ("queue", "drained", "finished"),
    [
        pytest.param(snapshot(), True, True, id="nothing"),
        pytest.param(RUNNING, False, False, id="running"),
        pytest.param(snapshot(task(0, status="Paused")), False, False, id="stopped half-way"),
        pytest.param(QUEUED, True, False, id="queued"),
        pytest.param(snapshot(task(0, status="Stashed")), True, False, id="stashed"),
        pytest.param(DONE, True, True, id="done"),
    ],
)
def test_goals(queue: Snapshot, drained: bool, finished: bool) -> None:
    assert wait.observe(queue, ALL, until="drained").reached is drained
    assert wait.observe(queue, ALL, until="finished").reached is finished


def test_jobs_queued_in_a_paused_group_are_named_as_stuck() -> None:
    assert wait.observe(snapshot(task(0), paused=["default"]), ALL, until="finished").stuck == (
        "default",
    )
    busy = snapshot(task(0), task(1, status="Running"), paused=["default"])
    assert wait.observe(busy, ALL, until="finished").stuck == ()


def waited(clock: Clock, queue: Queue, *, state: t.Any = None, **wish: t.Any) -> wait.Slice:
    return wait.wait_slice(
        wait.Wish(selection=ALL, **wish),
        read=queue.read,
        fingerprint=queue.fingerprint,
        state=state,
        clock=clock,
    )


def test_a_saved_change_is_seen_at_once_and_little_is_read() -> None:
    clock = Clock()
    queue = Queue(clock, (0.0, RUNNING), (1003.0, DONE))
    seen = waited(clock, queue)
    assert seen.finished and seen.seen.reached and seen.waited < 3.5
    assert queue.reads == 2


def test_an_unsaved_change_is_seen_a_little_later() -> None:
    clock = Clock()
    queue = Queue(clock, (0.0, RUNNING), (1003.0, DONE), saved=False)
    seen = waited(clock, queue)
    assert seen.seen.reached and seen.waited < 6


def test_slices_add_up_to_the_time_out_with_the_gaps_between_them() -> None:
    clock = Clock()
    queue = Queue(clock, (0.0, RUNNING))
    state: t.Any = None
    slices = 0
    while True:
        seen = waited(clock, queue, state=state, timeout=100.0, slice_seconds=30.0)
        slices, state = slices + 1, seen.state
        assert not seen.seen.reached
        if seen.finished:
            break
        clock.sleep(5.0)
    assert slices == 3
    assert 100.0 <= seen.waited < 101.0


def test_no_slice_is_longer_than_the_limit() -> None:
    clock = Clock()
    seen = waited(clock, Queue(clock, (0.0, RUNNING)), slice_seconds=500.0)
    assert not seen.finished and seen.waited <= wait.MAX_SLICE_SECONDS + 1


def test_the_time_out_after_a_reboot_starts_from_what_was_waited() -> None:
    clock = Clock(5.0)
    state = {"waited": 60.0, "clock": 99_999.0}
    seen = waited(clock, Queue(clock, (0.0, RUNNING)), state=state, timeout=70.0)
    assert seen.finished and 70.0 <= seen.waited < 71.0
