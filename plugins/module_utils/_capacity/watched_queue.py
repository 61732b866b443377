# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What may not happen in the queue while a change is watched: new failures, and restarted jobs
that are neither running nor done."""

from __future__ import annotations

import typing as t

from .._dataclass import dataclass
from .._pueue.selection import Selection
from .._pueue.snapshot import Snapshot, Task
from .watch import Violation


@dataclass(frozen=True)
class WatchedQueue:
    """``labels`` and ``groups`` restrict where failures count (empty: everywhere).

    ``intended`` says that somebody meant to kill this task; ``finished_ok`` that a label which
    the queue has forgotten had ended well.
    """

    labels: t.Tuple[str, ...] = ()
    groups: t.Tuple[str, ...] = ()
    alive: t.Tuple[str, ...] = ()
    intended: t.Callable[[Task], bool] = lambda _task: False
    finished_ok: t.Callable[[str], bool] = lambda _label: False

    def violations(self, snapshot: Snapshot, *, since: float) -> t.List[Violation]:
        """Dead jobs that were to be alive first, then what failed after ``since``."""
        latest = snapshot.latest()
        found = [
            problem
            for label in self.alive
            for problem in [self._dead(label, latest.get(label))]
            if problem is not None
        ]
        selection = Selection(labels=self.labels, groups=self.groups, states=("failed",))
        for task in selection.select(snapshot):
            if task.ended is not None and task.ended >= since and not self.intended(task):
                found.append(_violation("failure", task, "failed during the watch"))
        return found

    def _dead(self, label: str, task: t.Optional[Task]) -> t.Optional[Violation]:
        if task is None:
            if self.finished_ok(label):
                return None
            message = f'the restarted job "{label}" is no longer in the queue and did not end well'
            return Violation("gone", message, label=label)
        if task.active or task.ok or self.intended(task):
            return None
        return _violation("dead", task, "was restarted and is dead again")


def _violation(kind: str, task: Task, what: str) -> Violation:
    code = f" with exit code {task.exit_code}" if task.exit_code is not None else ""
    name = task.label or f"(no label, group {task.group})"
    return Violation(kind, f'"{name}" {what}: {task.result}{code}', label=task.label)
