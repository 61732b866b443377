# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What is known about one label: its attempts, and its newest task if the queue has one."""

from __future__ import annotations

import typing as t
from pathlib import Path

from .._dataclass import dataclass
from .._errors import FleetError
from .._jobs import archive, evidence, record
from .._jobs.attempts_view import is_running, with_spooled
from .._jobs.instance import Instance
from .._ledger.attempts import Attempt
from .._pueue.snapshot import Snapshot, Task
from .meaning import RUNNING


@dataclass(frozen=True)
class Sight:
    """``note`` says why the queue was not asked, where it was not."""

    label: str
    attempts: t.Tuple[Attempt, ...]
    task: t.Optional[Task]
    task_class: t.Optional[str]
    note: t.Optional[str]

    def is_of_task(self, attempt: Attempt) -> bool:
        """Whether the task's log in pueue is the one of this attempt, and not of another run."""
        newest = bool(self.attempts) and attempt is self.attempts[-1]
        return newest and self.task is not None and evidence.of_this_run(self.task, attempt)


def look(instance: Instance, label: str) -> Sight:
    """Read the ledger and the queue; a queue that does not answer is no reason to say nothing."""
    snapshot, note = _snapshot(instance)
    # Before the ledger: what is merged in between is then seen twice, and not never.
    spooled = record.spooled(instance.state_dir, label)
    with instance.ledger(read_only=True) as ledger:
        attempts = tuple(with_spooled(ledger.attempts.history(label), spooled))
        tasks = snapshot.by_label().get(label, []) if snapshot else []
        task = tasks[-1] if tasks else None
        task_class = None
        if task is not None and task.failed:
            task_class = evidence.class_of(
                task,
                attempts[-1] if attempts else None,
                killed_for=evidence.kill_reason(ledger, task),
                host=evidence.host_of(instance),
            )
    if not attempts and task is None:
        raise FleetError(
            f'There is no job "{label}": neither the queue nor "{instance.state_dir}" knows it. '
            "See what there is with: fleet-jobs status --label '*'" + (f" ({note})" if note else "")
        )
    return Sight(label, attempts, task, task_class, note)


def class_of(attempt: Attempt) -> str:
    """The class; of an attempt without an end, whether its runner is still there."""
    if attempt.class_ is not None:
        return attempt.class_
    return RUNNING if is_running(attempt) else "unknown"


def log_of(instance: Instance, sight: Sight, attempt: Attempt) -> t.Optional[Path]:
    """Where the output of exactly this attempt is; None if it is not kept any more."""
    kept = archive.place(
        instance.state_dir,
        sight.label,
        number=attempt.number,
        ended=attempt.ended or attempt.started,
    )
    places = [kept]
    logs = instance.state_dir / "logs"
    if attempt.log_path and logs in Path(attempt.log_path).parents:
        places.append(Path(attempt.log_path))
    if sight.task is not None and sight.is_of_task(attempt):
        places.append(instance.config.log_path(sight.task.id))
    elif sight.note and attempt.log_path and attempt is sight.attempts[-1]:
        # The queue cannot be asked: the file that the runner wrote to is the best there is.
        places.append(Path(attempt.log_path))
    return next((path for path in places if path.is_file()), None)


def _snapshot(instance: Instance) -> t.Tuple[t.Optional[Snapshot], t.Optional[str]]:
    try:
        with instance.client() as client:
            return client.status(), None
    except FleetError as error:
        return None, error.message
