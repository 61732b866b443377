# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""A pueue group as it should be: there or not, how parallel, running or paused."""

from __future__ import annotations

import typing as t

from .._dataclass import asdict, dataclass, field
from .._errors import FleetError, Refused
from .._host.probe import read_cores, read_memory
from .._host.sizing import capacity
from .._pueue.client import Client
from .._pueue.errors import PueueError
from .._pueue.snapshot import Group, Snapshot
from .._quantity import parse_bytes
from .instance import Instance
from .recovery import foresee_thaw, thaw_expired
from .saving import save

DEFAULT_GROUP = "default"
_SHOWN = 5


@dataclass(frozen=True)
class Wish:
    """The group as the caller wants it; None leaves a property as it is."""

    name: str
    present: bool = True
    parallel: t.Optional[int] = None
    status: t.Optional[str] = None
    sized_once: bool = False
    """Leave slots alone that somebody has set, which is any number but a new group's one."""
    refused: t.Optional[Refused] = None
    """Why there is no number, in case that one is needed."""


@dataclass(frozen=True)
class Step:
    """One request to the daemon and the sentence that reports it."""

    kind: str
    sentence: str
    parallel: int = 0


@dataclass(frozen=True)
class GroupPlan:
    """The steps, and the group before and after them."""

    steps: t.Tuple[Step, ...]
    before: t.Mapping[str, t.Any]
    after: t.Mapping[str, t.Any]


@dataclass(frozen=True)
class Slots:
    """How many jobs at once; ``capacity`` says how a computed number came about."""

    number: t.Optional[int] = None
    capacity: t.Mapping[str, t.Any] = field(default_factory=dict)
    refused: t.Optional[Refused] = None


def slots(
    parallel: t.Optional[str], *, memory_per_job: t.Optional[str], cores_per_job: float
) -> Slots:
    """Read the option: a number, ``auto``, or nothing."""
    if parallel is None:
        return Slots()
    if parallel != "auto":
        return Slots(check_parallel(parallel))
    found = capacity(
        memory_available=read_memory().usable,
        cores=read_cores().usable,
        memory_per_job=parse_bytes(memory_per_job or "", option="memory_per_job"),
        cores_per_job=cores_per_job,
    )
    if found.max_jobs < 1:
        refused = Refused(
            f"parallel: auto finds room for no job at all: {memory_per_job} and "
            f"{cores_per_job:g} cores for each are more than 80 % of what is free here, the limit "
            f"is {found.limit}. Give a number to overrule that, or use a larger host.",
            hazard="INV-6",
        )
        return Slots(None, asdict(found), refused)
    return Slots(found.max_jobs, asdict(found))


def check_parallel(text: str) -> int:
    """0 would mean "no limit" to pueue, which no host can carry (INV-6)."""
    if not text.strip().isdigit():
        raise FleetError(f'parallel: "{text}" is no number; give 1 or more, or auto.')
    if int(text) < 1:
        raise Refused(
            f"parallel: {text} is refused: pueue reads 0 as no limit at all. Give 1 or more, "
            "or parallel: auto with memory_per_job to size it by the host; to keep a group from "
            "starting jobs use status: paused.",
            hazard="INV-6",
        )
    return int(text)


def plan(wish: Wish, snapshot: Snapshot) -> GroupPlan:
    """Compare the wish with what is there."""
    current = snapshot.groups.get(wish.name)
    before = describe(current)
    if not wish.present:
        return _absent(wish, snapshot, before)
    fresh = {"state": "present", "parallel": 1, "status": "running"}
    after = fresh if current is None else dict(before)
    steps: t.List[Step] = []
    sized = wish.sized_once and current is not None and current.parallel != 1
    if wish.refused is not None and not sized:
        raise wish.refused
    if current is None:
        number = 1 if wish.parallel is None else wish.parallel
        after["parallel"] = number
        steps.append(Step("add", f'Create group "{wish.name}" with {number} slots.', number))
    elif wish.parallel not in (None, current.parallel) and not sized:
        number = wish.parallel
        after["parallel"] = number
        said = f'Set the slots of group "{wish.name}" from {current.parallel} to {number}.'
        steps.append(Step("parallel", said, number))
    if wish.status is not None and after["status"] != wish.status:
        after["status"] = wish.status
        steps.append(_status_step(wish, snapshot))
    return GroupPlan(tuple(steps), before, after if steps else before)


def describe(group: t.Optional[Group]) -> t.Dict[str, t.Any]:
    """The managed fields of a group; the same for one that is absent."""
    if group is None:
        return {"state": "absent"}
    return {"state": "present", "parallel": group.parallel, "status": group.status.lower()}


def _absent(wish: Wish, snapshot: Snapshot, before: t.Mapping[str, t.Any]) -> GroupPlan:
    if wish.name not in snapshot.groups:
        return GroupPlan((), before, before)
    if wish.name == DEFAULT_GROUP:
        raise FleetError(
            'The group "default" cannot be removed: pueue needs it. Give it fewer slots or '
            "status: paused instead."
        )
    tasks = [task for task in snapshot.tasks.values() if task.group == wish.name]
    if tasks:
        labels = sorted({task.label or "(no label)" for task in tasks})
        more = f" and {len(labels) - _SHOWN} more" if len(labels) > _SHOWN else ""
        active = sum(task.active for task in tasks)
        raise Refused(
            f'The group "{wish.name}" cannot be removed: it holds {len(tasks)} tasks, {active} of '
            f"them active: {', '.join(labels[:_SHOWN])}{more}. Wait for them with pueue_wait and "
            "forget them with pueue_clean first.",
            hazard="INV-2",
        )
    step = Step("remove", f'Remove group "{wish.name}".')
    return GroupPlan((step,), before, {"state": "absent"})


def _status_step(wish: Wish, snapshot: Snapshot) -> Step:
    mine = [task for task in snapshot.tasks.values() if task.group == wish.name]
    queued = sum(task.status == "Queued" for task in mine)
    if wish.status == "running":
        return Step("start", f'Resume group "{wish.name}" ({queued} jobs are queued in it).')
    running = sum(task.status == "Running" for task in mine)
    return Step(
        "pause", f'Pause group "{wish.name}"; its {running} running jobs go on to their end.'
    )


def change(
    instance: Instance, wish: Wish, *, token: t.Optional[str], check_mode: bool
) -> t.Tuple[GroupPlan, t.Tuple[str, ...]]:
    """Make the group as wished; the plan, and what was thawed of an expired lease before."""
    if check_mode:
        with instance.ledger(read_only=True) as ledger, instance.client() as client:
            thawed, snapshot = foresee_thaw(client.status(), ledger, token=token)
            made = plan(wish, snapshot)
            if made.steps:
                ledger.lease.require(token)
            return made, thawed
    with instance.lock(), instance.ledger() as ledger, instance.client() as client:
        thawed = thaw_expired(instance, client, ledger, token=token)
        made = plan(wish, client.status())
        if made.steps:
            with ledger.change(token):
                apply(client, wish, made)
        return made, thawed


def apply(client: Client, wish: Wish, made: GroupPlan) -> None:
    """Send the steps, then look: a reply of pueue says nothing about what happened."""
    sent = 0
    try:
        for step in made.steps:
            _send(client, wish, step)
            sent += 1
        found = describe(client.groups().get(wish.name))
        if any(step.kind == "parallel" for step in made.steps):
            save(client, client.status().tasks.values())
    except PueueError as error:
        error.details["changed"] = bool(sent) or error.uncertain
        raise
    if made.steps and found != made.after:
        raise FleetError(
            f'The group "{wish.name}" was to become {_words(made.after)}, but pueue now has it as '
            f"{_words(found)}. Look at it with pueue_status and run this again.",
            details={"changed": True},
        )


def _send(client: Client, wish: Wish, step: Step) -> None:
    if step.kind == "add":
        client.group_add(wish.name, step.parallel)
    elif step.kind == "parallel":
        client.parallel(wish.name, step.parallel)
    elif step.kind == "start":
        client.start_group(wish.name)
    elif step.kind == "pause":
        client.pause_group(wish.name, wait=True)
    else:
        client.group_remove(wish.name)


def _words(group: t.Mapping[str, t.Any]) -> str:
    if group.get("state") == "absent":
        return "absent"
    return f"{group.get('status')} with {group.get('parallel')} slots"
