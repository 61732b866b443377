# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Where a label stands: active, done, failed or new, from the queue and the ledger (INV-2)."""

from __future__ import annotations

import typing as t

from .._dataclass import dataclass
from .._ledger.attempts import OK, Attempt
from .._pueue.snapshot import Snapshot, Task
from . import evidence

ACTIVE = "active"
DONE = "done"
FAILED = "failed"
NEW = "new"
# pueued and the runner read the same clock at different moments.
_SLACK_SECONDS = 2.0


@dataclass(frozen=True)
class Standing:
    """``found`` is the evidence in words; ``tasks`` are the active ones, lowest id first."""

    state: str
    found: str = ""
    tasks: t.Tuple[Task, ...] = ()
    ran: bool = False


def standings(
    labels: t.Iterable[str],
    snapshot: Snapshot,
    attempts: t.Mapping[str, Attempt],
    *,
    host: evidence.Host,
) -> t.Dict[str, Standing]:
    """The standing of each label."""
    by_label = snapshot.by_label()
    return {
        label: _standing(by_label.get(label, []), attempts.get(label), host=host)
        for label in labels
    }


def _standing(
    tasks: t.Sequence[Task], attempt: t.Optional[Attempt], *, host: evidence.Host
) -> Standing:
    active = tuple(task for task in tasks if task.active)
    if active:
        return Standing(ACTIVE, f"{active[0].status} in group {active[0].group}", active)
    # pueued died and the process lived on, or somebody removed the task from under it.
    pid = evidence.living_process(attempt, host=host)
    if pid is not None:
        return Standing(ACTIVE, f"its process {pid} runs, without a task in the queue")
    task = tasks[-1] if tasks else None
    if attempt is not None and (task is None or _later(attempt, task)):
        if attempt.class_ == OK:
            return Standing(DONE, f"attempt {attempt.number} ended ok")
        if task is None or not task.ok:
            return Standing(FAILED, f"attempt {attempt.number} ended {attempt.class_}", ran=True)
    if task is None:
        return Standing(NEW)
    if task.ok:
        return Standing(DONE, "Success in the queue")
    return Standing(FAILED, f"{task.result} in the queue", ran=task.started is not None)


def _later(attempt: Attempt, task: Task) -> bool:
    """Whether the attempt is the run of this task, or came after it."""
    return attempt.started >= (task.started or task.created) - _SLACK_SECONDS
