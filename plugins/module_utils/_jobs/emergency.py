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
from . import attempts_view, evidence, outlived
from .ending import end, name_of
from .instance import Instance
from .outlived import Left

PURPOSE = "emergency stop"
# An emergency stop ends when a person says so, not by itself.
_TTL_SECONDS = 10 * 365 * 86400.0
LISTED = 50


@dataclass(frozen=True)
class StopPlan:
    """Groups to freeze and to remember, and what to kill; all may be empty."""

    freeze: t.Tuple[str, ...]
    remember: t.Tuple[str, ...]
    kill: t.Tuple[Task, ...]
    left: t.Tuple[Left, ...]
    """What outlived a pueued: its processes are killed, and no task of it is there to kill."""
    held: bool

    @property
    def changes(self) -> bool:
        return bool(self.freeze or self.kill or self.left or not self.held)

    def labels(self) -> t.List[str]:
        """Names of all that is killed."""
        return [*(task.label or "(no label)" for task in self.kill), *(o.label for o in self.left)]

    def actions(self) -> t.List[str]:
        """What is or would be done, in plain sentences."""
        said = [] if self.held else ["Take the lease, so that nothing of ours is queued."]
        said += [f'Pause group "{name}".' for name in self.freeze]
        kills = [f'Kill "{name_of(task)}".' for task in self.kill]
        kills += [f'Kill "{one.label}", which outlived its pueued.' for one in self.left]
        said += kills[:LISTED]
        if len(kills) > LISTED:
            said.append(f"Kill {len(kills) - LISTED} more.")
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


def plan_stop(instance: Instance, snapshot: Snapshot, ledger: Ledger) -> StopPlan:
    """Look; what a deploy had frozen counts as running, since the way back must thaw it too."""
    lease = ledger.lease.current()
    running = tuple(sorted(n for n, group in snapshot.groups.items() if group.running))
    frozen = set(lease.frozen if lease else ()) | set(ledger.lease.expired_frozen())
    return StopPlan(
        freeze=running,
        remember=tuple(sorted({*running, *(frozen & set(snapshot.groups))})),
        kill=_running(snapshot),
        left=outlived.left_over(instance, snapshot, ledger),
        held=lease is not None and lease.purpose == PURPOSE,
    )


def stop(instance: Instance, *, owner: str) -> StopPlan:
    """Pause first, so that no freed slot is filled, then TERM, then KILL, until nothing runs."""
    with instance.lock(), instance.client() as client, instance.ledger() as ledger:
        plan = plan_stop(instance, client.status(), ledger)
        held = ledger.lease.current()
        token = held.token if held and plan.held else None
        lease = ledger.lease.take(owner, PURPOSE, _TTL_SECONDS, take_over=True, token=token)
        ledger.lease.set_frozen(lease.token, plan.remember)
        for name in plan.freeze:
            client.pause_group(name, wait=True)
        # Until the pause, jobs were started that the first look could not see.
        plan = replace(plan, kill=_running(client.status()))
        kills = {(task.label, task.created_at) for task in plan.kill if task.label}
        for label, created_at in kills | {(one.label, one.created_at) for one in plan.left}:
            ledger.kills.record(label, created_at, by=owner, reason=PURPOSE)
        names = {name_of(task) for task in end(client, plan.kill)}
        names |= {one.label for one in outlived.end(instance, plan.left)}
        _settle(instance, ledger, client.status(), plan.left)
    if names:
        raise FleetError(
            f"{len(names)} jobs still run after SIGKILL ({', '.join(sorted(names)[:10])}); they "
            "wait inside the kernel, as on a dead file system. All groups are paused. Look at "
            "their processes on the host.",
            details={"changed": True, "actions": plan.actions()},
        )
    return plan


def _settle(instance: Instance, ledger: Ledger, snapshot: Snapshot, left: t.Sequence[Left]) -> None:
    """A runner that was not there to be told writes nothing: its row is closed for it."""
    host = evidence.host_of(instance)
    for one in left:
        attempts_view.settle(ledger, snapshot, host=host, label=one.label)


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
