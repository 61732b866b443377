# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Putting a set of jobs into the queue, stashed, so that each label is ours alone or not ours.

Strangers do not take our lock. But ids only grow while a task of ours is there, so whoever has
the lowest active id of a label came first: we look after adding, and what lost is taken out.
"""

from __future__ import annotations

import typing as t

from .._dataclass import dataclass
from .._errors import FleetError, Refused
from .._pueue.errors import PueueError, RequestFailed
from .._pueue.requests import AddRequest
from .._pueue.snapshot import Snapshot, Task
from .graph import descendants, levels
from .session import Session, of_submission
from .spec import JobSpec
from .task_command import TASK_MARKER

_ROUNDS = 8
_ATTEMPTS = 4


@dataclass(frozen=True)
class PlannedJob:
    """A job with its parents: labels of the same set, and active tasks of the queue."""

    spec: JobSpec
    task_key: str
    inside: t.Tuple[str, ...] = ()
    outside: t.Tuple[Task, ...] = ()


@dataclass(frozen=True)
class Placed:
    """Our stashed tasks by label, and the labels that somebody else had first."""

    tasks: t.Mapping[str, Task]
    lost: t.Mapping[str, Task]


Requests = t.Callable[[PlannedJob, t.Sequence[int]], AddRequest]


class Placement:
    """One submission on its way into the queue."""

    def __init__(
        self,
        session: Session,
        submission: str,
        jobs: t.Sequence[PlannedJob],
        *,
        request: Requests,
    ) -> None:
        self._session = session
        self._submission = submission
        self._request = request
        self._keys = {job.task_key: job.spec.label for job in jobs}
        self._jobs = {job.spec.label: job for job in jobs}
        self._inside = {job.spec.label: set(job.inside) for job in jobs}
        self._outside = {job.spec.label: list(job.outside) for job in jobs}
        self._ids: t.Dict[str, int] = {}

    def place(self) -> Placed:
        """Add all; on return every label's lowest active task is ours, or it is in ``lost``."""
        lost: t.Dict[str, Task] = {}
        missing: t.Collection[str] = list(self._jobs)
        for _unused in range(_ROUNDS):
            self._add(missing)
            snapshot = self._session.client.status()
            mine = self._mine(snapshot)
            self._check(snapshot, mine)
            rivals = _rivals(snapshot, mine)
            if not rivals:
                return Placed(tasks=mine, lost=lost)
            lost.update(rivals)
            missing = self._give_way(mine, rivals)
        raise FleetError(
            f"Other clients kept adding tasks of the same labels ({len(lost)} so far); nothing "
            "was queued. Find out who else queues these labels, then run this again."
        )

    def undo(self) -> t.Optional[str]:
        """Take out whatever of this submission is in the queue; a sentence if some had to stay."""
        problem: t.Optional[PueueError] = None
        for _unused in range(_ATTEMPTS):
            try:
                ours = of_submission(self._session.client.status(), self._submission)
                if not ours:
                    return None
                self._session.client.remove(
                    [task.id for task in ours if task.status in ("Stashed", "Queued")]
                )
            except PueueError as error:
                problem = error
                if not isinstance(error, RequestFailed):
                    try:
                        self._session.reconnect()
                    except PueueError as second:
                        problem = second
                        break
        cause = f" {problem.message}" if problem else ""
        return (
            "What had been added could not be taken out again: it lies stashed in the queue, "
            f"does not start, and the next guarded call removes it.{cause}"
        )

    def _add(self, labels: t.Collection[str]) -> None:
        """Round by round, because a task can only name parents that have an id."""
        edges = {label: self._inside[label] for label in labels}
        for group in levels(edges):
            requests = [self._request(self._jobs[label], self._parents(label)) for label in group]
            answers = self._session.client.add_many(requests)
            for label, answer in zip(group, answers):
                if isinstance(answer, PueueError):
                    raise answer
                self._ids[label] = answer

    def _parents(self, label: str) -> t.List[int]:
        inside = [self._ids[parent] for parent in self._inside[label]]
        return inside + [task.id for task in self._outside[label]]

    def _mine(self, snapshot: Snapshot) -> t.Dict[str, Task]:
        return {
            self._keys[task.marker[TASK_MARKER]]: task
            for task in of_submission(snapshot, self._submission)
            if task.marker.get(TASK_MARKER) in self._keys
        }

    def _check(self, snapshot: Snapshot, mine: t.Mapping[str, Task]) -> None:
        """Nobody took ours out, resets a group, or put another task under a parent's id."""
        gone = [label for label in self._jobs if label not in mine]
        if gone:
            raise FleetError(
                f'The task of "{gone[0]}" vanished from the queue while it was being queued '
                f"({len(gone)} in all): somebody removes or resets tasks. Run this again."
            )
        for label in mine:
            _refuse_reset(snapshot, self._jobs[label].spec.group)
            for parent in self._outside[label]:
                found = snapshot.tasks.get(parent.id)
                if found is None or found.identity != parent.identity:
                    raise FleetError(
                        f'The task of "{parent.label}", which "{label}" comes after, was removed '
                        "from the queue meanwhile. Run this again."
                    )

    def _give_way(self, mine: t.Mapping[str, Task], rivals: t.Mapping[str, Task]) -> t.List[str]:
        """Take out the losers and what hangs on them; the labels to be added again."""
        hanging = descendants(self._inside, list(rivals))
        leaving = [mine[label] for label in (*rivals, *hanging) if label in mine]
        self._session.client.remove([task.id for task in leaving])
        after = self._session.client.status()
        for task in leaving:
            found = after.tasks.get(task.id)
            if found is not None and found.identity == task.identity:
                raise FleetError(
                    f'The task of "{task.label}" could not be taken out of the queue again: it '
                    f"is {found.status}. Run this again."
                )
        for label in hanging:
            taken = self._inside[label] & set(rivals)
            self._inside[label] -= taken
            self._outside[label] += [rivals[parent] for parent in taken]
        for label in rivals:
            job = self._jobs.pop(label)
            del self._inside[label], self._outside[label], self._keys[job.task_key]
        return [label for label in self._jobs if label in hanging]


def _rivals(snapshot: Snapshot, mine: t.Mapping[str, Task]) -> t.Dict[str, Task]:
    """Labels whose lowest active id is not ours, with that task."""
    by_label = snapshot.by_label()
    found: t.Dict[str, Task] = {}
    for label, task in mine.items():
        first = next(one for one in by_label[label] if one.active)
        if first.id != task.id:
            found[label] = first
    return found


def _refuse_reset(snapshot: Snapshot, name: str) -> None:
    group = snapshot.groups.get(name)
    if group is None or group.status == "Reset":
        raise Refused(
            f'The group "{name}" is being reset or was removed; pueued drops what is added to it '
            "then. Run this again when that is over.",
            hazard="INV-2",
        )
