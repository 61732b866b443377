# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The watch's look into a real queue; the ledger is asked only where something seems wrong."""

from __future__ import annotations

import typing as t

from .._jobs import evidence
from .._jobs.instance import Instance
from .._pueue.snapshot import Task
from .watch import State, Violation
from .watched_queue import WatchedQueue


class QueueLook:
    """Callable for ``watch_slice``: one Status per look."""

    def __init__(
        self,
        instance: Instance,
        *,
        labels: t.Sequence[str] = (),
        groups: t.Sequence[str] = (),
        alive: t.Sequence[str] = (),
    ) -> None:
        self._instance = instance
        self._queue = WatchedQueue(
            labels=tuple(labels),
            groups=tuple(groups),
            alive=tuple(alive),
            intended=self._intended,
            finished_ok=self._finished_ok,
        )

    def __call__(self, state: State) -> t.List[Violation]:
        with self._instance.client() as client:
            snapshot = client.status()
        return self._queue.violations(snapshot, since=state.started)

    def _intended(self, task: Task) -> bool:
        """Also one that was asked to stop by TERM, which pueue calls Failed."""
        with self._instance.ledger(read_only=True) as ledger:
            return evidence.kill_reason(ledger, task) is not None

    def _finished_ok(self, label: str) -> bool:
        with self._instance.ledger(read_only=True) as ledger:
            attempt = ledger.attempts.latest([label]).get(label)
        return attempt is not None and attempt.class_ == "ok"
