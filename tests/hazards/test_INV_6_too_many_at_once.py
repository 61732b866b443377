# SPDX-License-Identifier: GPL-3.0-or-later
"""INV-6: more jobs at once than the host carries; pueue takes any number and nothing steps back.

Stopped by: ``pueue_group`` sizes by 80 % of memory and cores, and refuses ``0`` (no limit);
``host_watch`` says when it is too much.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._capacity.host_sample import measure
from ansible_collections.fleet.jobs.plugins.module_utils._capacity.queue_look import QueueLook
from ansible_collections.fleet.jobs.plugins.module_utils._capacity.watch import (
    Bounds,
    Plan,
    Slice,
    State,
    watch_slice,
)
from ansible_collections.fleet.jobs.plugins.module_utils._errors import Refused
from ansible_collections.fleet.jobs.plugins.module_utils._host.probe import read_cores, read_memory
from ansible_collections.fleet.jobs.plugins.module_utils._host.sizing import SHARE
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import group
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

JOBS = [f"bars/{number}" for number in range(6)]
# Two find room; who comes third dies of it. The others stay until they are let go.
TWO_FIT = """
if mkdir first; then place=first; elif mkdir second; then place=second; else exit 9; fi
while ! test -e go; do sleep 0.05; done
rmdir $place
"""
# What this machine does besides must not decide a test of the queue.
RELAXED = Bounds(load_share=1000.0, pressure_full=100.0)


@pytest.fixture
def queue(daemon: PrivateDaemon) -> GuardedQueue:
    return GuardedQueue(daemon)


def _third_of_memory() -> int:
    """Memory per job of which 80 % of what is free holds two."""
    return read_memory().usable // 3


def _add_all(queue: GuardedQueue, shell: str) -> None:
    place = ("--working-directory", str(queue.work))
    for label in JOBS:
        queue.daemon.cli("add", *place, "--label", label, "--", shell)


def _states(queue: GuardedQueue) -> t.List[str]:
    return [task.status for task in queue.status().tasks.values()]


def _watch(queue: GuardedQueue, state: t.Optional[State], bounds: Bounds = RELAXED) -> Slice:
    plan = Plan(seconds=0.3, slice_seconds=50, interval=0.1, bounds=bounds)
    return watch_slice(plan, state=state, measure=measure, look=QueueLook(queue.instance))


def test_without_the_guard_any_number_is_taken_and_started(queue: GuardedQueue) -> None:
    assert 100_000 * _third_of_memory() > read_memory().total
    for number in ("100000", "0"):
        queue.daemon.cli("parallel", number)
    _add_all(queue, "exec sleep 600")
    eventually(lambda: _states(queue) == ["Running"] * 6, timeout=30, what="all run at once")


def test_without_the_guard_jobs_die_and_nothing_steps_back(queue: GuardedQueue) -> None:
    queue.daemon.cli("parallel", "6")
    _add_all(queue, TWO_FIT)
    eventually(lambda: _states(queue).count("Done") == 4, timeout=30, what="four of six die")
    assert queue.status().groups["default"].parallel == 6


def test_the_host_decides_how_many_and_says_by_what(queue: GuardedQueue) -> None:
    per_job = _third_of_memory()
    found = group.slots("auto", memory_per_job=str(per_job), cores_per_job=0.001)
    assert (found.number, found.capacity["limit"]) == (2, "memory")
    assert per_job * 2 <= read_memory().total * SHARE
    by_cores = group.slots("auto", memory_per_job="1M", cores_per_job=read_cores().usable * 0.3)
    assert (by_cores.number, by_cores.capacity["limit"]) == (2, "cores")

    wish = group.Wish(name="default", parallel=found.number)
    group.change(queue.instance, wish, token=None, check_mode=False)
    _add_all(queue, TWO_FIT)
    eventually(lambda: _states(queue).count("Running") == 2, timeout=30, what="two run")
    assert _states(queue).count("Queued") == 4
    (queue.work / "go").touch()
    assert all(task.ok for task in queue.finished(*JOBS).tasks.values())


@pytest.mark.parametrize("wanted", ["0", "auto"])
def test_a_number_that_no_host_carries_is_refused(queue: GuardedQueue, wanted: str) -> None:
    with pytest.raises(Refused) as error:
        found = group.slots(wanted, memory_per_job="900T", cores_per_job=1.0)
        wish = group.Wish(name="default", parallel=found.number, refused=found.refused)
        group.change(queue.instance, wish, token=None, check_mode=False)
    assert error.value.hazard == "INV-6"
    assert "memory" in error.value.message


def test_the_watch_after_a_change_says_that_jobs_die(queue: GuardedQueue) -> None:
    queue.daemon.cli("parallel", "2")
    _add_all(queue, TWO_FIT)
    eventually(lambda: _states(queue).count("Running") == 2, timeout=30, what="two run")
    calm = _watch(queue, None)
    assert calm.verdict == "ok", calm.reason
    queue.daemon.cli("parallel", "3")
    eventually(lambda: "Done" in _states(queue), timeout=30, what="the third dies")
    seen = _watch(queue, replace(calm.state, elapsed=0.0))
    assert (seen.verdict, seen.finished) == ("bad", True)
    assert "failed during the watch: Failed with exit code 9" in seen.reason


def test_the_watch_after_a_change_says_that_the_load_is_over_its_bound(
    queue: GuardedQueue,
) -> None:
    calm = _watch(queue, None)
    queue.add_stranger("bars/busy", "while :; do :; done")
    eventually(lambda: measure().load > 0, timeout=60, what="the load shows")
    seen = _watch(queue, replace(calm.state, elapsed=0.0), Bounds(load_share=1e-6))
    assert (seen.verdict, seen.finished) == ("bad", True)
    assert seen.violation is not None and seen.violation.kind == "load"
