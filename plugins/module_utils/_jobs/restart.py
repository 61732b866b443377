# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Which failed jobs may run again, and why the others may not (AP-18): pure, no input or output."""

from __future__ import annotations

import typing as t

from .._dataclass import dataclass, field
from .._errors import Refused
from .._ledger.attempts import Attempt
from .._pueue.selection import Selection
from .._pueue.snapshot import Snapshot, Task
from .ending import name_of

# class -> (restarted without being named, why)
CLASSES: t.Mapping[str, t.Tuple[bool, str]] = {
    "oom_host": (True, "the host ran out of memory; the job itself kept within its cap"),
    "infra": (True, "the job's own program was never reached or the host failed under it"),
    "evicted": (True, "the job was put off the host to protect it"),
    "yielded": (True, "the job stopped by itself between two pieces of work"),
    "dependency": (True, "the job never started; it goes with the parent that failed"),
    "timeout": (False, "the same work takes the same time again"),
    "oom_cap": (False, "the same work needs the same memory again; raise its memory first"),
    "killed": (False, "somebody ended it on purpose"),
    "app": (False, "the program itself failed; deploy a fix first"),
    "permanent": (False, "the program says that trying again cannot help"),
    "unknown": (False, "nobody recorded why it ended"),
}
DEFAULT_CLASSES: t.Tuple[str, ...] = tuple(
    name for name, (safe, _unused) in CLASSES.items() if safe
)
_PERSISTENT = ("app", "permanent")


@dataclass(frozen=True)
class Wish:
    """What the caller allows."""

    selection: Selection
    classes: t.Tuple[str, ...] = DEFAULT_CLASSES
    budget: int = 50
    per_label_budget: int = 3
    allow_unsafe: bool = False
    strangers: bool = False


@dataclass(frozen=True)
class Evidence:
    """What is known about one label beside the queue; ``attempts`` newest first."""

    class_: str
    attempts: t.Tuple[Attempt, ...] = ()
    restart_safe: t.Optional[bool] = None
    release_now: t.Optional[str] = None
    spent: int = 0
    alive_pid: t.Optional[int] = None


@dataclass(frozen=True)
class Remark:
    """Why one label is not restarted."""

    label: str
    why: str
    hazard: t.Optional[str] = None


@dataclass(frozen=True)
class RestartPlan:
    """Tasks to restart, parents before their dependants, and every other candidate with why."""

    restart: t.Tuple[Task, ...] = ()
    skipped: t.Tuple[Remark, ...] = ()
    refused: t.Tuple[Remark, ...] = ()
    left: t.Tuple[Remark, ...] = ()


@dataclass
class _Draft:
    """The plan while it is made."""

    wish: Wish
    snapshot: Snapshot
    evidence: t.Mapping[str, Evidence]
    active: t.FrozenSet[str]
    latest: t.Mapping[str, Task]
    children: t.Mapping[int, t.Sequence[Task]]
    accepted: t.Dict[int, Task] = field(default_factory=dict)
    skipped: t.List[Remark] = field(default_factory=list)
    refused: t.List[Remark] = field(default_factory=list)
    left: t.List[Remark] = field(default_factory=list)

    def known(self, task: Task) -> Evidence:
        return self.evidence.get(task.label or "", Evidence(class_="unknown"))


def named(selection: Selection) -> Selection:
    """Refuse a selection of everything that nobody wrote down."""
    if selection.labels or selection.groups:
        return selection
    raise Refused(
        'Neither labels nor groups says which failed jobs are meant. Write labels: ["*"] if it is '
        "all of them.",
        hazard="AP-18",
    )


def candidates(snapshot: Snapshot, selection: Selection) -> t.List[Task]:
    """Selected labels whose latest task failed, by id; what an older task did is history."""
    latest = snapshot.latest()
    return [
        task
        for task in selection.select(snapshot)
        if task.failed and task.label and latest[task.label].id == task.id
    ]


def concerned(snapshot: Snapshot, selection: Selection) -> t.List[Task]:
    """The candidates and everything that failed only because one of them did."""
    reached = {task.id: task for task in candidates(snapshot, selection)}
    for child in _below(_children(snapshot), set(reached)):
        reached.setdefault(child.id, child)
    return [reached[number] for number in sorted(reached)]


def plan(wish: Wish, snapshot: Snapshot, evidence: t.Mapping[str, Evidence]) -> RestartPlan:
    """Decide for each candidate: restart, skip, refuse, or leave for the next call."""
    active = frozenset(task.label for task in snapshot.tasks.values() if task.active and task.label)
    draft = _Draft(
        wish=wish,
        snapshot=snapshot,
        evidence=evidence,
        active=active,
        latest=snapshot.latest(),
        children=_children(snapshot),
    )
    roots = candidates(snapshot, wish.selection)
    own = [task for task in roots if task.result != "DependencyFailed"]
    for task in own:
        _consider(draft, task)
    # A dependant whose parents have meanwhile succeeded, or are on their way, needs none of them.
    pending = [task for task in roots if task.result == "DependencyFailed"]
    for task in pending:
        if task.id not in draft.accepted:
            _consider(draft, task)
    _explain_stranded(draft, own)
    return RestartPlan(
        restart=tuple(draft.accepted[number] for number in sorted(draft.accepted)),
        skipped=tuple(draft.skipped),
        refused=tuple(draft.refused),
        left=tuple(draft.left),
    )


def _consider(draft: _Draft, task: Task) -> None:
    label = task.label or ""
    skip = _why_skipped(draft, task)
    if skip is not None:
        draft.skipped.append(Remark(label, skip[0], skip[1]))
        return
    refusal = _why_refused(draft, task)
    if refusal is not None:
        draft.refused.append(Remark(label, refusal[0], refusal[1]))
        return
    bundle = [task, *_followers(draft, task)]
    room = draft.wish.budget - len(draft.accepted)
    if len(bundle) > room:
        draft.left.append(Remark(label, _over_budget(draft.wish.budget, room, bundle), "AP-18"))
        return
    draft.accepted.update({one.id: one for one in bundle})


def _why_skipped(draft: _Draft, task: Task) -> t.Optional[t.Tuple[str, t.Optional[str]]]:
    """There is nothing to do for this task, or the caller did not ask for it."""
    if not task.marker and not draft.wish.strangers:
        return (
            "it was not queued by fleet.jobs, so nothing is known about it "
            "(strangers: true restarts it all the same)",
            None,
        )
    if task.label in draft.active:
        return ("another task of this label is active", "INV-2")
    known = draft.known(task)
    if known.class_ not in draft.wish.classes:
        reason = CLASSES.get(known.class_, (False, "the class is not a known one"))[1]
        return (f"its class is {known.class_}, which classes does not list: {reason}", None)
    parent = _missing_parent(draft, task, set())
    if parent is not None:
        return (f'it depends on "{name_of(parent)}", which failed and is not restarted', None)
    return None


def _why_refused(draft: _Draft, task: Task) -> t.Optional[t.Tuple[str, str]]:
    """A guard says no although the caller asked for it."""
    known = draft.known(task)
    if not task.path.startswith("/"):
        return (f'its working directory "{task.path}" is not absolute; queue it again', "AP-11")
    if known.alive_pid is not None:
        return (
            f"its earlier process {known.alive_pid} still runs (its pueued died under it); "
            "let it end or end it, then restart",
            "INV-2",
        )
    unsafe = not known.restart_safe and bool(task.marker) and not draft.wish.allow_unsafe
    if unsafe and (task.result != "DependencyFailed" or known.attempts):
        return (
            "it was not declared restart_safe, so a second run may meet what the first one left "
            "behind; look at its checkpoints, then use allow_unsafe: true",
            "AP-1",
        )
    persistent = _why_persistent(known)
    if persistent:
        return (persistent, "AP-18")
    if known.spent >= draft.wish.per_label_budget:
        return (
            f"it was restarted {known.spent} times within a day and per_label_budget is "
            f"{draft.wish.per_label_budget}; find out why it fails before it runs again",
            "AP-18",
        )
    return None


def _why_persistent(known: Evidence) -> str:
    """Not empty where the same code on the same release would only fail the same way again."""
    if not known.attempts or known.class_ not in _PERSISTENT:
        return ""
    last = known.attempts[0]
    if known.release_now is not None and known.release_now != last.release:
        return ""
    release = f"release {last.release[:12]}" if last.release else "an unrecorded release"
    if known.class_ == "permanent":
        return (
            f"it failed for good (class permanent, exit code {last.exit_code}) on {release} and "
            "the release has not changed since; deploy a fix first"
        )
    before = known.attempts[1] if len(known.attempts) > 1 else None
    if before is None or _mark(before) != _mark(last):
        return ""
    return (
        f"it failed the same way twice (class {last.class_}, exit code {last.exit_code}, "
        f"{release}) and the release has not changed since; deploy a fix first"
    )


def _mark(attempt: Attempt) -> t.Tuple[t.Any, ...]:
    return (attempt.class_, attempt.exit_code, attempt.release)


def _over_budget(budget: int, room: int, bundle: t.Sequence[Task]) -> str:
    rest = f"the budget of {budget} restarts has {max(room, 0)} left"
    if len(bundle) == 1:
        return f"{rest}; run this again, or raise budget"
    return f"it goes with {len(bundle) - 1} dependants and {rest}; run this again, or raise budget"


def _followers(draft: _Draft, root: Task) -> t.List[Task]:
    """Dependants of ``root`` that can run once ``root`` and what is accepted have run."""
    going = {*draft.accepted, root.id}
    found: t.List[Task] = []
    below = _below(draft.children, {root.id})
    progress = True
    while progress:
        progress = False
        for child in below:
            if child.id in going or _blocked(draft, child, going):
                continue
            going.add(child.id)
            found.append(child)
            progress = True
    return found


def _blocked(draft: _Draft, child: Task, going: t.Set[int]) -> str:
    """Why this dependant cannot come along; empty if it can."""
    if not child.label or draft.latest[child.label].id != child.id:
        return "a later task has its label, or it has none"
    if child.label in draft.active:
        return "another task of this label is active"
    if not child.marker and not draft.wish.strangers:
        return "it was not queued by fleet.jobs"
    refusal = _why_refused(draft, child)
    if refusal is not None:
        return refusal[0]
    parent = _missing_parent(draft, child, going)
    return f'it also depends on "{name_of(parent)}", which failed' if parent is not None else ""


def _missing_parent(draft: _Draft, child: Task, going: t.Set[int]) -> t.Optional[Task]:
    """A failed parent that is not among those restarted; one forgotten by pueue counts as done."""
    for number in child.dependencies:
        parent = draft.snapshot.tasks.get(number)
        if parent is None or number in going or number in draft.accepted:
            continue
        if parent.failed:
            return parent
    return None


def _explain_stranded(draft: _Draft, roots: t.Sequence[Task]) -> None:
    """Name the dependants of restarted jobs that stay behind."""
    said = {remark.label for remark in (*draft.skipped, *draft.refused, *draft.left)}
    started = {task.id for task in roots if task.id in draft.accepted}
    for child in _below(draft.children, started):
        if child.id not in draft.accepted and child.label and child.label not in said:
            why = _blocked(draft, child, set(draft.accepted)) or "the budget is used up"
            draft.skipped.append(Remark(child.label, why))


def _children(snapshot: Snapshot) -> t.Dict[int, t.List[Task]]:
    """Who failed only because of whom."""
    children: t.Dict[int, t.List[Task]] = {}
    for task in snapshot.tasks.values():
        if task.result == "DependencyFailed":
            for number in task.dependencies:
                children.setdefault(number, []).append(task)
    return children


def _below(children: t.Mapping[int, t.Sequence[Task]], roots: t.Set[int]) -> t.List[Task]:
    """DependencyFailed descendants of ``roots`` by id, along DependencyFailed tasks only."""
    found: t.Dict[int, Task] = {}
    pending = list(roots)
    while pending:
        for child in children.get(pending.pop(), ()):
            if child.id not in found and child.id not in roots:
                found[child.id] = child
                pending.append(child.id)
    return [found[number] for number in sorted(found)]
