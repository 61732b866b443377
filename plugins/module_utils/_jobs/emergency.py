# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The emergency stop: no new job, none left running, everything on record, and the way back."""

from __future__ import annotations

import typing as t

from .._dataclass import dataclass, replace
from .._errors import FleetError
from .._ledger.lease import Lease
from .._ledger.store import Ledger
from .._pueue.snapshot import Snapshot, Task
from .ending import end, name_of
from .instance import Instance

PURPOSE = "emergency stop"
# An emergency stop ends when a person says so, not by itself.
_TTL_SECONDS = 10 * 365 * 86400.0
LISTED = 50


@dataclass(frozen=True)
class StopPlan:
    """Groups to freeze and to remember, and tasks to kill; both may be empty."""

    freeze: t.Tuple[str, ...]
    remember: t.Tuple[str, ...]
    kill: t.Tuple[Task, ...]
    held: bool

    @property
    def changes(self) -> bool:
        return bool(self.freeze or self.kill or not self.held)

    def actions(self) -> t.List[str]:
        """What is or would be done, in plain sentences."""
        said = [] if self.held else ["Take the lease, so that nothing of ours is queued."]
        said += [f'Pause group "{name}".' for name in self.freeze]
        said += [f'Kill "{name_of(task)}".' for task in self.kill[:LISTED]]
        if len(self.kill) > LISTED:
            said.append(f"Kill {len(self.kill) - LISTED} more.")
        return said


@dataclass(frozen=True)
class ResumePlan:
    """Groups that the stop paused."""

    thaw: t.Tuple[str, ...]
    lease: t.Optional[Lease]

    def actions(self) -> t.List[str]:
        """What is or would be done, in plain sentences."""
        said = [f'Resume group "{name}".' for name in self.thaw]
        return [*said, "Give the lease back."] if self.lease else said


def plan_stop(snapshot: Snapshot, ledger: Ledger) -> StopPlan:
    """Look; what a deploy had frozen counts as running, since the way back must thaw it too."""
    lease = ledger.lease.current()
    running = tuple(sorted(n for n, group in snapshot.groups.items() if group.running))
    frozen = set(lease.frozen if lease else ()) | set(ledger.lease.expired_frozen())
    return StopPlan(
        freeze=running,
        remember=tuple(sorted({*running, *(frozen & set(snapshot.groups))})),
        kill=_running(snapshot),
        held=lease is not None and lease.purpose == PURPOSE,
    )


def stop(instance: Instance, *, owner: str) -> StopPlan:
    """Pause first, so that no freed slot is filled, then TERM, then KILL, until nothing runs."""
    with instance.lock(), instance.client() as client, instance.ledger() as ledger:
        plan = plan_stop(client.status(), ledger)
        held = ledger.lease.current()
        token = held.token if held and plan.held else None
        lease = ledger.lease.take(owner, PURPOSE, _TTL_SECONDS, take_over=True, token=token)
        ledger.lease.set_frozen(lease.token, plan.remember)
        for name in plan.freeze:
            client.pause_group(name, wait=True)
        # Until the pause, jobs were started that the first look could not see.
        plan = replace(plan, kill=_running(client.status()))
        for task in plan.kill:
            if task.label:
                ledger.kills.record(task.label, task.created_at, by=owner, reason=PURPOSE)
        left = end(client, plan.kill)
    if left:
        names = ", ".join(sorted(name_of(task) for task in left)[:10])
        raise FleetError(
            f"{len(left)} jobs still run after SIGKILL ({names}); they wait inside the kernel, as "
            "on a dead file system. All groups are paused. Look at their processes on the host.",
            details={"changed": True, "actions": plan.actions()},
        )
    return plan


def plan_resume(ledger: Ledger) -> ResumePlan:
    """Only what the emergency stop paused is resumed."""
    lease = ledger.lease.current()
    if lease is None or lease.purpose != PURPOSE:
        return ResumePlan((), None)
    return ResumePlan(lease.frozen, lease)


def resume(instance: Instance) -> ResumePlan:
    """Let the groups run again that ran before, then end the lease."""
    with instance.lock(), instance.client() as client, instance.ledger() as ledger:
        plan = plan_resume(ledger)
        if plan.lease is None:
            return plan
        present = client.groups()
        for name in plan.thaw:
            if name in present:
                client.start_group(name)
        ledger.lease.thawed(plan.thaw)
        ledger.lease.release(plan.lease.token)
        return plan


def _running(snapshot: Snapshot) -> t.Tuple[Task, ...]:
    found = snapshot.tasks.values()
    return tuple(task for task in found if task.status in ("Running", "Paused"))
