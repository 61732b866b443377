# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The last step of a submission: stashed tasks become queued ones, and pueued saves that."""

from __future__ import annotations

import typing as t
from datetime import datetime, timezone

from .._errors import FleetError
from .._pueue.client import Client
from .._pueue.errors import PueueError, RequestFailed
from .._pueue.snapshot import Snapshot, Task
from .saving import save
from .session import Session, of_submission
from .task_command import TASK_MARKER

_ATTEMPTS = 4


def waiting(snapshot: Snapshot, submission: str) -> t.List[Task]:
    """Tasks of a submission that were added and neither enqueued nor given a time yet."""
    return [
        task
        for task in of_submission(snapshot, submission)
        if task.status == "Stashed" and task.enqueue_at is None
    ]


def enqueue_all(
    session: Session,
    submission: str,
    *,
    moments: t.Mapping[str, t.Optional[float]],
) -> Snapshot:
    """Enqueue what is waiting, have it saved, and return the queue as it is then.

    ``moments`` maps task keys to the epoch seconds before which they must not start. Safe to
    repeat: what is no longer waiting is left alone.
    """
    problem: t.Optional[PueueError] = None
    for _unused in range(_ATTEMPTS):
        try:
            snapshot = session.client.status()
            left = waiting(snapshot, submission)
            if not left:
                save(session.client, of_submission(snapshot, submission))
                return snapshot
            _enqueue(session.client, left, moments)
        except PueueError as error:
            problem = error
            if not isinstance(error, RequestFailed):
                session.reconnect()
            elif error.uncertain:
                break
    cause = f" {problem.message}" if problem else ""
    raise FleetError(
        "The jobs are in the queue, but not all of them could be enqueued and saved."
        f"{cause} Run this again: it goes on from here."
    )


def _enqueue(
    client: Client, tasks: t.Sequence[Task], moments: t.Mapping[str, t.Optional[float]]
) -> None:
    by_moment: t.Dict[t.Optional[float], t.List[int]] = {}
    for task in tasks:
        moment = moments.get(task.marker.get(TASK_MARKER, ""))
        by_moment.setdefault(moment, []).append(task.id)
    for moment, ids in by_moment.items():
        at = None if moment is None else datetime.fromtimestamp(moment, timezone.utc)
        client.enqueue(ids, at)
