# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Ending running tasks: asked first, so that the runner records the attempt, then insisted on."""

from __future__ import annotations

import time
import typing as t

from .._pueue.client import Client
from .._pueue.snapshot import Task

TERM_SECONDS = 10.0
KILL_SECONDS = 10.0
_POLL_SECONDS = 0.1


def end(client: Client, tasks: t.Sequence[Task]) -> t.List[Task]:
    """Ask with TERM, insist with KILL; what still runs then."""
    alive = still_running(client, tasks)
    for signal, seconds in (("TERM", TERM_SECONDS), (None, KILL_SECONDS)):
        if not alive:
            break
        client.kill([task.id for task in alive], signal)
        limit = time.monotonic() + seconds
        while alive and time.monotonic() < limit:
            time.sleep(_POLL_SECONDS)
            alive = still_running(client, tasks)
    return alive


def still_running(client: Client, tasks: t.Sequence[Task]) -> t.List[Task]:
    """Which of these very tasks (an id alone may be somebody else's by now) still run."""
    found = client.tasks(task.id for task in tasks)
    return [
        found[task.id]
        for task in tasks
        if task.id in found
        and found[task.id].identity == task.identity
        and found[task.id].status in ("Running", "Paused")
    ]


def name_of(task: Task) -> str:
    """The label, or what there is to say about a task without one."""
    return task.label or f"a task without label in group {task.group}"
