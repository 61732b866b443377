# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Jobs that run on although pueue calls their task ended, as after a crash of pueued."""

from __future__ import annotations

import signal
import time
import typing as t

from .._dataclass import dataclass
from .._errors import Refused
from .._host import process
from .._ledger.attempts import Attempt
from .._ledger.store import Ledger
from .._pueue.snapshot import Snapshot, Task
from . import evidence
from .ending import KILL_SECONDS, TERM_SECONDS
from .instance import Instance

_POLL_SECONDS = 0.1
# Commands beside the queue, of which no snapshot knows anything, have keys of their own.
_BESIDE_QUEUE = "once-"


@dataclass(frozen=True)
class Left:
    """A run whose processes live, and its task, unless the queue has forgotten that."""

    attempt: Attempt
    task: t.Optional[Task]

    @property
    def label(self) -> str:
        return self.attempt.label

    @property
    def created_at(self) -> str:
        """What a recorded kill is found by."""
        return self.task.created_at if self.task is not None else ""


def left_over(instance: Instance, snapshot: Snapshot, ledger: Ledger) -> t.Tuple[Left, ...]:
    """Every run that lives on without a running task, by label."""
    host = evidence.host_of(instance)
    latest = snapshot.latest()
    return tuple(
        Left(attempt, latest.get(attempt.label))
        for attempt in sorted(ledger.attempts.open_attempts(), key=lambda one: one.label)
        if _without_task(attempt, latest.get(attempt.label))
        and evidence.living_process(attempt, host=host) is not None
    )


def _without_task(attempt: Attempt, task: t.Optional[Task]) -> bool:
    if task is not None and task.marker.get(evidence.TASK_MARKER) == attempt.task_key:
        return task.done
    return not attempt.task_key.startswith(_BESIDE_QUEUE)


def outlived(instance: Instance, snapshot: Snapshot, ledger: Ledger) -> t.Tuple[Task, ...]:
    """The finished tasks whose process is still there: a change of code would meet them.

    Refused where the queue has forgotten such a task: nobody could wait for it there.
    """
    left = left_over(instance, snapshot, ledger)
    if any(one.task is None for one in left):
        # It may have been queued and started since: only a later look can tell.
        with instance.client() as client:
            left = left_over(instance, client.status(), ledger)
    forgotten = [one.label for one in left if one.task is None]
    if forgotten:
        names = ", ".join(f'"{label}"' for label in forgotten[:5])
        raise Refused(
            f"Processes of {names} run, and the queue knows nothing of such jobs any more, as "
            "after the loss of its state file. Nothing is changed under them: let them end, or end "
            "them with fleet.jobs.emergency_stop, and run this again.",
            hazard="AP-1",
        )
    return tuple(one.task for one in left if one.task is not None and one.task.done)


def end(instance: Instance, left: t.Sequence[Left]) -> t.List[Left]:
    """Ask with TERM, insist with KILL; what still lives then.

    A runner that is there passes TERM on and writes its verdict; what a dead one left behind is
    asked itself.
    """
    host = evidence.host_of(instance)

    def living(one: Left) -> t.List[int]:
        return list(evidence.living_processes(one.attempt, host=host))

    for one in left:
        pids = living(one)
        runner = [one.attempt.pid] if one.attempt.pid in pids else []
        process.send(runner or pids, signal.SIGTERM)
    alive = list(left)
    limit = time.monotonic() + TERM_SECONDS
    while alive and time.monotonic() < limit:
        time.sleep(_POLL_SECONDS)
        alive = [one for one in alive if living(one)]
    process.kill_all(lambda: [pid for one in alive for pid in living(one)], seconds=KILL_SECONDS)
    return [one for one in alive if living(one)]
