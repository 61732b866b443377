# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Running jobs that a change of the daemon under them would not harm, and why others would be.

An orderly stop of pueued kills what it started; its sudden death does not. A capped job of ours is
in a scope of its own, outside the unit, and its runner writes the verdict without pueued. So such a
job can be left running while pueued is ended without a warning, and counts as running afterwards.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

from .._host import process, systemd
from .._jobs import evidence
from .._ledger.attempts import Attempt
from .._ledger.store import Ledger
from .._pueue.snapshot import Snapshot, Task
from .sight import jobs_run, running


def at_risk(snapshot: Snapshot, *, state_dir: Path, proc: Path = process.PROC) -> t.Optional[str]:
    """Why the daemon must not be changed under what runs; None where it may be."""
    tasks = running(snapshot)
    if not tasks:
        return None
    with Ledger.open(state_dir, read_only=True) as ledger:
        attempts = ledger.attempts.latest([task.label for task in tasks if task.label])
    bound = [task for task in tasks if not in_own_scope(task, attempts, proc=proc)]
    if bound:
        return f"{jobs_run(bound)} inside the daemon's unit and would be killed with it"
    ids = {task.id for task in tasks}
    waiting = [
        task for task in snapshot.tasks.values() if task.active and ids & set(task.dependencies)
    ]
    if waiting:
        names = ", ".join(sorted(f'"{task.label or task.id}"' for task in waiting)[:5])
        return f"{names} wait for what runs, and pueue would call that failed"
    return None


def in_own_scope(
    task: Task, attempts: t.Mapping[str, Attempt], *, proc: Path = process.PROC
) -> bool:
    """Whether this run of the task has a live runner of ours in a scope; a stopped one has not."""
    attempt = attempts.get(task.label or "")
    if attempt is None or task.status != "Running" or not evidence.of_this_run(task, attempt):
        return False
    if not attempt.pid or process.identity(attempt.pid, proc=proc) != attempt.boot_id:
        return False
    try:
        cgroup = (proc / str(attempt.pid) / "cgroup").read_bytes().decode("utf-8", "replace")
    except OSError:
        return False
    return systemd.is_scope_of(attempt.pid, cgroup)
