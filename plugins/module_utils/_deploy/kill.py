# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Killing running jobs for a deploy: only those that may run again, on record, and in time."""

from __future__ import annotations

import typing as t

from .._errors import FleetError, Refused
from .._jobs import evidence
from .._jobs.ending import end, name_of, still_running
from .._jobs.instance import Instance
from .._jobs.outlived import outlived
from .._ledger.store import Ledger
from .._pueue.snapshot import Snapshot, Task
from .survey import Survey

REASON = "deploy"


def refuse_unsafe_kill(queue: Survey, ledger: Ledger) -> None:
    """Killing implies checkpoint handling (AP-1): only declared jobs are killed."""
    _refuse_outlived([task for task in queue.running if task.done], done="Nothing was changed.")
    unsafe = []
    for task in queue.running:
        spec = ledger.submissions.spec_of(task.label) if task.label and task.marker else None
        if spec is None or not spec.get("restart_safe"):
            unsafe.append(name_of(task))
    if unsafe:
        names = ", ".join(f'"{name}"' for name in unsafe[:5])
        raise Refused(
            f"deploy_when_running is kill, but {len(unsafe)} running jobs were not declared "
            f"restart_safe ({names}): a second run may meet the checkpoints of the first. Nothing "
            "was changed. Wait for them (deploy_when_running: wait), or queue such jobs with "
            "restart_safe: true.",
            hazard="AP-1",
        )


def _refuse_outlived(tasks: t.Sequence[Task], *, done: str) -> None:
    if tasks:
        names = ", ".join(f'"{name_of(task)}"' for task in tasks[:5])
        raise Refused(
            f"deploy_when_running is kill, but the processes of {names} outlived their pueued, "
            f"which cannot end them. {done} Let them end, or end them with "
            "fleet.jobs.emergency_stop, then deploy again.",
            hazard="AP-1",
        )


def owed(queue: Snapshot, ledger: Ledger) -> t.List[str]:
    """Labels of what a deploy killed and did not live to restart."""
    return [
        name_of(task)
        for task in queue.latest().values()
        if task.failed and evidence.kill_reason(ledger, task) == REASON
    ]


def kill_running(
    instance: Instance, tasks: t.Sequence[Task], *, token: str, by: str
) -> t.List[str]:
    """TERM, so that the runner records the attempt; KILL for who stays; the labels killed."""
    with instance.lock(), instance.client() as client, instance.ledger() as ledger:
        with ledger.change(token):
            alive = still_running(client, tasks)
        for task in alive:
            if task.label:
                ledger.kills.record(task.label, task.created_at, by=by, reason=REASON)
    # The runner's last words go to the ledger, so neither lock nor transaction is held meanwhile.
    with instance.client() as client:
        left = end(client, alive)
        after = client.status()
    if left:
        names = ", ".join(sorted(name_of(task) for task in left)[:10])
        raise FleetError(
            f"{len(left)} jobs still run after SIGKILL ({names}): they wait inside the kernel, as "
            "on a dead file system. Look at their processes on the host.",
            details={"changed": True},
        )
    _refuse_survivors(instance, after, tasks)
    return [name_of(task) for task in alive]


def _refuse_survivors(instance: Instance, after: Snapshot, tasks: t.Sequence[Task]) -> None:
    """A pueued that died meanwhile has called tasks ended whose processes live."""
    known = {(task.label, task.created_at) for task in tasks}
    with instance.ledger() as ledger:
        left = outlived(instance, after, ledger)
    survivors = [task for task in left if (task.label, task.created_at) in known]
    _refuse_outlived(survivors, done="The code was not moved.")
