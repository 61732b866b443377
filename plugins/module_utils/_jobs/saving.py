# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Have pueued save what it would otherwise only keep in memory (Restart, Parallel, Enqueue)."""

from __future__ import annotations

import typing as t

from .._pueue.client import Client
from .._pueue.errors import RequestFailed
from .._pueue.snapshot import Task
from .evidence import TASK_MARKER

_CANDIDATES = 3


def save(client: Client, tasks: t.Iterable[Task]) -> bool:
    """Set a variable of a waiting job of ours to the value it has, which saves everything.

    False where there was no such job; then the next change that pueued saves takes it along. One
    that is spawned meanwhile refuses, but then the spawn has saved.
    """
    waiting = [
        task
        for task in tasks
        if task.status in ("Queued", "Stashed") and TASK_MARKER in task.marker
    ]
    # The last ones are the last to be started, and a started one refuses.
    for task in waiting[-_CANDIDATES:]:
        try:
            client.env_set(task.id, TASK_MARKER, task.marker[TASK_MARKER])
            return True
        except RequestFailed as error:
            if error.uncertain:
                raise
    return False
