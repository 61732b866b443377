# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Attempts without an end: which still run, and what became of those whose runner is gone."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._host import process
from .._ledger.attempts import Attempt
from .classes import without_attempt

if t.TYPE_CHECKING:
    from .._ledger.store import Ledger
    from .._pueue.snapshot import Snapshot, Task

TASK_MARKER = "FLEET_JOBS_TASK"


@dataclass(frozen=True)
class Verdict:
    """What an open attempt's row has to say."""

    class_: str
    ended: float
    message: str


def is_alive(attempt: Attempt) -> bool:
    """Whether the runner of an open attempt still runs: same boot, same pid, same start."""
    if attempt.ended is not None or attempt.pid is None or not attempt.boot_id:
        return False
    found = process.identity(attempt.pid)
    if found is None:
        return False
    if ":" not in attempt.boot_id:
        return found.partition(":")[0] == attempt.boot_id
    return found == attempt.boot_id


def settle(
    ledger: Ledger,
    snapshot: t.Optional[Snapshot] = None,
    *,
    daemon_started: t.Optional[float] = None,
    label: t.Optional[str] = None,
) -> t.List[Attempt]:
    """Close the rows whose runner is gone (killed with its job, or by a reboot); what was closed.

    A runner writes its verdict before it ends, so whoever is gone without one was killed. A row
    that its runner closes at this very moment keeps the runner's verdict. ``daemon_started`` is
    when pueued started (epoch seconds), if that is known; ``label`` limits it to that one.
    """
    found = ledger.attempts.open_attempts()
    wanted = [attempt for attempt in found if label in (None, attempt.label)]
    gone = [attempt for attempt in wanted if not is_alive(attempt)]
    closed: t.List[Attempt] = []
    for attempt in gone:
        if not _may_judge(attempt):
            continue
        task = _task_of(attempt, snapshot)
        verdict = judge(
            attempt,
            task=task,
            intended=_intended(ledger, attempt, task),
            daemon_started=daemon_started,
            now=ledger.now(),
        )
        closed.append(
            ledger.attempts.finish(
                attempt.id,
                class_=verdict.class_,
                ended=verdict.ended,
                message=verdict.message,
            )
        )
    return closed


def judge(
    attempt: Attempt,
    *,
    task: t.Optional[Task],
    intended: t.Optional[str],
    daemon_started: t.Optional[float],
    now: float,
) -> Verdict:
    """The class of an attempt whose runner is gone; pure."""
    ended = max(attempt.started, _ended(attempt, task) or now)
    if intended is not None:
        class_ = without_attempt("Killed", intended=intended)
        return Verdict(class_, ended, "Its kill was recorded beforehand.")
    if _rebooted(attempt):
        return Verdict("infra", ended, "The host was restarted while it ran.")
    if daemon_started is not None and daemon_started > attempt.started:
        return Verdict("infra", ended, "pueued was restarted while it ran.")
    if task is not None and task.result == "Killed":
        return Verdict("killed", ended, "It was killed together with its runner.")
    return Verdict("infra", ended, "Its runner vanished without a verdict.")


def _may_judge(attempt: Attempt) -> bool:
    """Without an identity nobody can say that the runner is gone."""
    return attempt.pid is not None and bool(attempt.boot_id)


def _rebooted(attempt: Attempt) -> bool:
    return (attempt.boot_id or "").partition(":")[0] != process.boot_id()


def _task_of(attempt: Attempt, snapshot: t.Optional[Snapshot]) -> t.Optional[Task]:
    """The task of this attempt: by its key, which an in-place restart keeps, else by label."""
    if snapshot is None:
        return None
    same = [task for task in snapshot.tasks.values() if task.label == attempt.label]
    keyed = [task for task in same if task.marker.get(TASK_MARKER) == attempt.task_key]
    return (keyed or same or [None])[-1]  # type: ignore[list-item]


def _ended(attempt: Attempt, task: t.Optional[Task]) -> t.Optional[float]:
    if task is None or task.ended is None or task.ended < attempt.started:
        return None
    return task.ended


def _intended(ledger: Ledger, attempt: Attempt, task: t.Optional[Task]) -> t.Optional[str]:
    if task is not None:
        kill = ledger.kills.find(attempt.label, task.created_at)
    else:
        kill = ledger.kills.latest(attempt.label)
    return kill.reason if kill is not None and kill.at >= attempt.started else None
