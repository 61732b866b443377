# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Which finished tasks nobody needs any more (AP-10): pure, no input or output."""

from __future__ import annotations

import collections
import typing as t

from .._dataclass import dataclass, field
from .._pueue.selection import Selection
from .._pueue.snapshot import Snapshot, Task

STATES = ("ok", "failed")


@dataclass(frozen=True)
class Wish:
    """What the caller allows to forget."""

    selection: Selection
    states: t.Tuple[str, ...] = ("ok",)
    older_than: float = 3600.0
    keep_per_label: int = 0
    strangers: bool = False
    budget: int = 5000


@dataclass(frozen=True)
class CleanPlan:
    """Tasks to forget, how many stay, by reason, and how many wait for the next call."""

    remove: t.Tuple[Task, ...] = ()
    kept: t.Mapping[str, int] = field(default_factory=dict)
    left: int = 0


KEPT_YOUNG = "younger than older_than"
KEPT_NEWEST = "among the newest of their label"
KEPT_STRANGER = "not queued by fleet.jobs (strangers)"
KEPT_NEEDED = "needed by a task that is not finished"
KEPT_UNRECORDED = "success not in the ledger, so the label could be queued again"
KEPT_FAILED = "failed (states)"
KEPT_OK = "succeeded (states)"


def plan(wish: Wish, snapshot: Snapshot, *, recorded: t.Container[str], now: float) -> CleanPlan:
    """``recorded`` are the labels whose success the ledger knows."""
    kept: t.Dict[str, int] = collections.Counter()
    newest = _newest(snapshot, wish.keep_per_label)
    chosen: t.Dict[int, Task] = {}
    for task in wish.selection.select(snapshot):
        if not task.done:
            continue
        reason = _why_kept(wish, task, recorded=recorded, now=now)
        if not reason and task.id in newest:
            reason = KEPT_NEWEST
        if reason:
            kept[reason] += 1
        else:
            chosen[task.id] = task
    for number in _needed(snapshot, chosen):
        del chosen[number]
        kept[KEPT_NEEDED] += 1
    remove = _within_budget(snapshot, chosen, wish.budget)
    return CleanPlan(remove=tuple(remove), kept=dict(kept), left=len(chosen) - len(remove))


def _why_kept(wish: Wish, task: Task, *, recorded: t.Container[str], now: float) -> str:
    if task.ok and "ok" not in wish.states:
        return KEPT_OK
    if task.failed and "failed" not in wish.states:
        return KEPT_FAILED
    if not task.marker:
        if not wish.strangers:
            return KEPT_STRANGER
    elif task.ok and (task.label or "") not in recorded:
        return KEPT_UNRECORDED
    ended = task.ended if task.ended is not None else task.created
    if ended is not None and now - ended < wish.older_than:
        return KEPT_YOUNG
    return ""


def _newest(snapshot: Snapshot, count: int) -> t.Set[int]:
    """Ids of the ``count`` newest finished tasks of each label."""
    if count <= 0:
        return set()
    kept: t.Set[int] = set()
    for tasks in snapshot.by_label().values():
        finished = [task.id for task in tasks if task.done]
        kept.update(finished[-count:])
    return kept


def _needed(snapshot: Snapshot, chosen: t.Mapping[int, Task]) -> t.Set[int]:
    """Those of ``chosen`` that a remaining task still depends on.

    pueue counts a forgotten parent as a successful one. So an ok parent is needed by what is not
    finished, and a failed one also by what failed because of it and may be restarted.
    """
    remaining = [task for number, task in snapshot.tasks.items() if number not in chosen]
    needed: t.Set[int] = set()
    while remaining:
        task = remaining.pop()
        if task.ok:
            continue
        for number in task.dependencies:
            parent = chosen.get(number)
            if parent is None or number in needed:
                continue
            if task.active or parent.failed:
                needed.add(number)
                remaining.append(parent)
    return needed


def _within_budget(snapshot: Snapshot, chosen: t.Mapping[int, Task], budget: int) -> t.List[Task]:
    """At most ``budget`` tasks: oldest successes first, then failures, dependants first."""
    succeeded = sorted((task for task in chosen.values() if task.ok), key=lambda task: task.id)
    failed = sorted((task for task in chosen.values() if not task.ok), key=lambda task: -task.id)
    cut = {task.id: task for task in [*succeeded, *failed][:budget]}
    for number in _needed(snapshot, cut):
        del cut[number]
    return list(cut.values())
