# SPDX-License-Identifier: GPL-3.0-or-later
"""AP-18: a loop around ``pueue restart`` made 12,800 tasks out of 60, all bound to fail.

Stopped by: ``pueue_restart_guarded`` restarts in place, within a budget per label and day, and
refuses a failure that repeats itself.
"""

from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._jobs import rerun
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.restart import CLASSES, Wish
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.store import Ledger
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.selection import Selection
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.guarded import FLOOR, GuardedQueue
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

JOBS, ROUNDS = 3, 4


@pytest.fixture
def queue(daemon: PrivateDaemon) -> GuardedQueue:
    with daemon.connect() as client:
        client.parallel("default", 20)
    return GuardedQueue(daemon)


def all_done(queue: GuardedQueue) -> None:
    eventually(
        lambda: all(task.done for task in queue.status().tasks.values()),
        timeout=60,
        what="all tasks are done",
    )


def restart(queue: GuardedQueue) -> rerun.Report:
    """What a loop would call: everything that failed, whatever its class is."""
    wish = Wish(selection=Selection(labels=("*",)), classes=tuple(CLASSES))
    return rerun.rerun(queue.instance, wish, floor=FLOOR)


def test_without_the_guard_the_number_of_tasks_doubles(queue: GuardedQueue) -> None:
    for number in range(JOBS):
        queue.add_stranger(f"bars/{number}", "false")
    for _unused in range(ROUNDS):
        all_done(queue)
        queue.daemon.cli("restart", "--all-failed")
    all_done(queue)
    assert len(queue.status().tasks) == JOBS * 2**ROUNDS


def test_a_failure_that_repeats_itself_is_run_once_more_and_then_refused(
    queue: GuardedQueue,
) -> None:
    jobs = [
        queue.job(f"bars/{number}", "echo run >> runs; exit 3", restart_safe=True)
        for number in range(JOBS)
    ]
    queue.queue(*jobs)
    reports = []
    for _unused in range(ROUNDS):
        all_done(queue)
        reports.append(restart(queue))
    all_done(queue)
    assert len(queue.status().tasks) == JOBS
    assert [len(report.restarted) for report in reports] == [JOBS, 0, 0, 0]
    assert {remark.hazard for remark in reports[-1].refused} == {"AP-18"}
    assert (queue.work / "runs").read_text() == "run\n" * JOBS * 2


def test_a_failure_of_another_kind_has_a_budget_for_the_day(queue: GuardedQueue) -> None:
    """Its secret file never comes back: not the program's failure, so it may be tried again."""
    secret = queue.work / "secret.env"
    secret.write_text("WORD=x\n")
    secret.chmod(0o600)
    queue.pause()
    queue.queue(queue.job("bars/1", env_file=str(secret), restart_safe=True))
    secret.unlink()
    queue.start()
    counts = []
    for _unused in range(5):
        all_done(queue)
        counts.append(len(restart(queue).restarted))
    assert counts == [1, 1, 1, 0, 0]
    with Ledger.open(queue.state_dir, read_only=True) as ledger:
        assert [run.class_ for run in ledger.attempts.history("bars/1")] == ["infra"] * 4
