# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""A connection that may be replaced: after a lost answer the queue is read over a new one."""

from __future__ import annotations

import typing as t

from .._pueue.client import Client
from .._pueue.snapshot import Snapshot, Task
from .instance import Instance
from .task_command import SUBMISSION_MARKER


class Session:
    """The client of one call; use it as a context manager."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self.client: Client = instance.client()

    def reconnect(self) -> None:
        """Whatever the old connection still had in it is out of step."""
        self.client.close()
        self.client = self._instance.client()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_unused: object) -> None:
        self.client.close()


def of_submission(snapshot: Snapshot, submission: str) -> t.List[Task]:
    """Active tasks that carry this submission's mark, by id: no stranger can have it."""
    return [
        task
        for task in snapshot.tasks.values()
        if task.active and task.marker.get(SUBMISSION_MARKER) == submission
    ]
