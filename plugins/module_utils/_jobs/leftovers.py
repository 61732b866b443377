# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What a client that died while queueing left behind: finished, or undone.

Only with the instance's lock in hand: then the client of every unfinished submission is dead.
Nothing is touched but tasks that carry such a submission's mark and were never enqueued.
"""

from __future__ import annotations

import contextlib
import typing as t

from .._dataclass import dataclass, replace
from .._ledger.store import Ledger
from .._ledger.submissions import COMMITTED, Submission
from .._pueue.errors import RequestFailed
from .._pueue.snapshot import Snapshot, Task
from .enqueueing import enqueue_all, waiting
from .session import Session, of_submission


@dataclass(frozen=True)
class Leftover:
    """One unfinished submission and what becomes of it: ``enqueue`` or, if false, removal."""

    submission: Submission
    tasks: t.Tuple[Task, ...]
    enqueue: bool

    def sentence(self) -> str:
        """For ``actions``."""
        number = len(self.tasks)
        what = "enqueue" if self.enqueue else "remove"
        return f"{what} {number} stashed task(s) of a submission whose client died"


def plan(unfinished: t.Sequence[Submission], snapshot: Snapshot) -> t.List[Leftover]:
    """A committed submission is finished, a begun one undone: its caller never heard of it.

    A committed one is undone as well where somebody else has a label of it active by now:
    enqueueing would run that job twice.
    """
    found: t.List[Leftover] = []
    for submission in unfinished:
        tasks = waiting(snapshot, submission.id)
        own = {task.id for task in of_submission(snapshot, submission.id)}
        labels = {task.label for task in tasks}
        rival = any(
            task.active and task.label in labels and task.id not in own
            for task in snapshot.tasks.values()
        )
        found.append(
            Leftover(
                submission=submission,
                tasks=tuple(tasks),
                enqueue=submission.state == COMMITTED and not rival,
            )
        )
    return found


def foreseen(snapshot: Snapshot, leftovers: t.Sequence[Leftover]) -> Snapshot:
    """The queue as it would be after ``settle``, for check mode."""
    removed = {task.id for one in leftovers if not one.enqueue for task in one.tasks}
    kept = {number: task for number, task in snapshot.tasks.items() if number not in removed}
    return replace(snapshot, tasks=kept)


def settle(
    session: Session,
    ledger: Ledger,
    leftovers: t.Sequence[Leftover],
    *,
    token: t.Optional[str] = None,
) -> t.List[str]:
    """Carry the plan out; sentences for ``actions``, none where only the ledger had to learn."""
    actions: t.List[str] = []
    for one in leftovers:
        if one.enqueue:
            enqueue_all(session, one.submission.id, moments=moments(one.submission))
        elif not _removed(session, one):
            continue
        with ledger.change(token):
            if one.enqueue:
                ledger.submissions.enqueued(one.submission.id)
            else:
                ledger.submissions.abandon(one.submission.id)
        if one.tasks:
            actions.append(one.sentence())
    return actions


def moments(submission: Submission) -> t.Dict[str, t.Optional[float]]:
    """Task key → the time before which it must not start, None for at once."""
    return {
        job.task_key: submission.created + job.spec["delay"] if job.spec.get("delay") else None
        for job in submission.jobs
    }


def _removed(session: Session, leftover: Leftover) -> bool:
    """False where some had to stay, because somebody enqueued what depends on them."""
    with contextlib.suppress(RequestFailed):  # the queue itself says what is left
        session.client.remove([task.id for task in leftover.tasks])
    return not waiting(session.client.status(), leftover.submission.id)
