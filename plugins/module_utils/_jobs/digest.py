# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""A queue of any size in a few kilobytes: counts and bounded examples, never an environment."""

from __future__ import annotations

import collections
import json
import typing as t

from .._dataclass import dataclass, field
from .._errors import FleetError
from .._ledger.attempts import Attempt
from .._ledger.lease import Lease
from .._pueue.selection import Selection
from .._pueue.snapshot import Snapshot, Task

# The module's result may have 8 KB; changed, failed, actions and warnings need a part of it.
MAX_BYTES = 7400
MAX_PAGE = 25
DEFAULT_PAGE = 10
_SHOWN = 10
_EXAMPLES = 3
_GROUPS = 20
_CLASSES = 12
_LABEL_CHARACTERS = 200
# How many tasks there are of each group, status and result.
_Kinds = t.Mapping[t.Tuple[str, str, t.Optional[str]], int]


@dataclass(frozen=True)
class Page:
    """Which rows are wanted; size 0 wants none."""

    selection: Selection = field(default_factory=Selection)
    number: int = 1
    size: int = 0

    def matched(self, snapshot: Snapshot) -> t.List[Task]:
        """All tasks of the selection, by id."""
        return self.selection.select(snapshot)

    def tasks(self, snapshot: Snapshot) -> t.Sequence[Task]:
        """Those on this page."""
        return self.part(self.matched(snapshot))

    def part(self, matched: t.Sequence[Task]) -> t.Sequence[Task]:
        """What of all matched tasks is on this page."""
        start = (self.number - 1) * self.size
        return matched[start : start + self.size]


def page_of(selection: Selection, *, number: int, size: t.Optional[int]) -> Page:
    """The page that was asked for; without a size, one of a usual size if anything is selected."""
    if size is None:
        selects = selection.labels or selection.groups or selection.states
        size = DEFAULT_PAGE if selects else 0
    if number < 1 or not 0 <= size <= MAX_PAGE:
        raise FleetError(
            f"page: {number} with page_size: {size} cannot be shown; pages count from 1 and have "
            f"at most {MAX_PAGE} rows."
        )
    return Page(selection=selection, number=number, size=size)


@dataclass(frozen=True)
class Facts:
    """Everything that goes into a digest; ``attempts`` by label, newest of each."""

    snapshot: Snapshot
    source: str
    daemon_version: t.Optional[str]
    classes: t.Mapping[int, str]
    attempts: t.Mapping[str, Attempt] = field(default_factory=dict)
    leftovers: t.Tuple[str, ...] = ()
    lease: t.Optional[Lease] = None
    state_file: t.Mapping[str, t.Any] = field(default_factory=dict)


def digest(facts: Facts, page: t.Optional[Page] = None) -> t.Dict[str, t.Any]:
    """The report; at most ``MAX_BYTES`` as JSON whatever is in the queue."""
    tasks = list(facts.snapshot.tasks.values())
    kinds = collections.Counter((task.group, task.status, task.result) for task in tasks)
    failed = [task for task in tasks if task.failed]
    report: t.Dict[str, t.Any] = {
        "source": facts.source,
        "daemon_version": facts.daemon_version,
        "counts": _counts(kinds, facts),
        "groups": _groups(facts.snapshot, kinds),
        "state_file": dict(facts.state_file),
        "running": _labels([task for task in tasks if task.status == "Running"], _SHOWN),
        "failures": _failures(facts, failed),
        "duplicates": _duplicates(facts.snapshot),
        "strangers": sum(not task.marker for task in tasks),
        "leftovers": _bounded(sorted(facts.leftovers), _SHOWN),
        "lease": _lease(facts.lease),
        "blocked": _blocked(facts.snapshot, kinds),
        "jobs": [],
    }
    if page is not None and page.size:
        report.update(_page(facts, page))
    report["hints"] = _hints(report)
    return fit(report)


def _hints(report: t.Mapping[str, t.Any]) -> t.List[str]:
    """One sentence for each kind of trouble that does not go away by itself."""
    said: t.List[str] = []
    if report["blocked"]:
        first = report["blocked"][0]
        said.append(
            f"{len(report['blocked'])} paused groups hold queued jobs that nobody starts, such as "
            f'"{first["group"]}" with {first["queued"]} (G-5: pueue kill pauses a group). Resume '
            "them with pueue_group status: running, unless a deploy has frozen them."
        )
    if report["duplicates"]["count"]:
        said.append(
            f"{report['duplicates']['count']} labels are active more than once (INV-2): somebody "
            "queued beside the guard. Decide which task is meant and remove the others."
        )
    if report["leftovers"]["count"]:
        said.append(
            f"{report['leftovers']['count']} stashed jobs were left by a submission that died; the "
            "next pueue_queue_guarded adopts or removes them."
        )
    return said


def _counts(kinds: _Kinds, facts: Facts) -> t.Dict[str, t.Any]:
    states: t.Dict[str, int] = {}
    results: t.Dict[str, int] = {}
    for (_group, status, result), number in kinds.items():
        states[status.lower()] = states.get(status.lower(), 0) + number
        if status == "Done":
            results[_result(result)] = results.get(_result(result), 0) + number
    by_class = collections.Counter(facts.classes.values())
    return {
        "tasks": len(facts.snapshot.tasks),
        "active": sum(number for kind, number in kinds.items() if kind[1] != "Done"),
        "by_state": states,
        "by_result": results,
        "by_class": _biggest(by_class, _CLASSES),
    }


def _biggest(counter: t.Mapping[str, int], limit: int) -> t.Dict[str, int]:
    """Words come from programs as well; a bounded number of them goes out."""
    ordered = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    return {_clip(name, 40): number for name, number in ordered[:limit]}


def _groups(snapshot: Snapshot, kinds: _Kinds) -> t.Dict[str, t.Any]:
    """Per group: how it is set and what is in it; the busiest first if there are many."""
    inside: t.Dict[str, t.Dict[str, int]] = {name: {} for name in snapshot.groups}
    for (group, status, result), number in kinds.items():
        ended = "ok" if result == "Success" else "failed"
        word = ended if status == "Done" else status.lower()
        counts = inside.setdefault(group, {})
        counts[word] = counts.get(word, 0) + number
    ordered = sorted(inside, key=lambda name: (-sum(inside[name].values()), name))
    listed = [
        {
            "name": _clip(name, 60),
            "status": snapshot.groups[name].status.lower() if name in snapshot.groups else "?",
            "parallel": snapshot.groups[name].parallel if name in snapshot.groups else 0,
            **({"tasks": inside[name]} if inside[name] else {}),
        }
        for name in ordered[:_GROUPS]
    ]
    return {"count": len(ordered), "shown": listed}


def _failures(facts: Facts, failed: t.Sequence[Task]) -> t.List[t.Dict[str, t.Any]]:
    """Failed jobs by class, the biggest class first, each with a few labels to look at."""
    found: t.Dict[str, t.List[Task]] = {}
    for task in failed:
        found.setdefault(facts.classes.get(task.id, "unknown"), []).append(task)
    ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    return [
        {"class": _clip(name, 40), **_labels(tasks, _EXAMPLES)}
        for name, tasks in ordered[:_CLASSES]
    ]


def _duplicates(snapshot: Snapshot) -> t.Dict[str, t.Any]:
    """Labels that are active more than once, which only a stranger to our guard can cause."""
    active = collections.Counter(task.label for task in snapshot.tasks.values() if task.active)
    return _bounded(sorted(label for label, n in active.items() if label and n > 1), _SHOWN)


def _blocked(snapshot: Snapshot, kinds: _Kinds) -> t.List[t.Dict[str, t.Any]]:
    """Paused groups in which jobs wait for ever, as after a ``pueue kill`` (G-5)."""
    queued = {
        group: number for (group, status, _result), number in kinds.items() if status == "Queued"
    }
    paused = [
        name
        for name, group in sorted(snapshot.groups.items())
        if group.status == "Paused" and queued.get(name)
    ]
    return [{"group": _clip(name, 60), "queued": queued[name]} for name in paused[:_GROUPS]]


def _lease(lease: t.Optional[Lease]) -> t.Optional[t.Dict[str, t.Any]]:
    """Who may change this queue; never the token, which is the right itself."""
    if lease is None:
        return None
    return {
        "owner": _clip(lease.owner, 100),
        "purpose": _clip(lease.purpose, 100),
        "expires": round(lease.expires),
        "frozen": [_clip(name, 60) for name in lease.frozen[:_SHOWN]],
    }


def _page(facts: Facts, page: Page) -> t.Dict[str, t.Any]:
    matched = page.matched(facts.snapshot)
    return {
        "jobs": [_row(task, facts) for task in page.part(matched)],
        "page": page.number,
        "pages": max(1, -(-len(matched) // page.size)),
        "matched": len(matched),
    }


def _row(task: Task, facts: Facts) -> t.Dict[str, t.Any]:
    attempt = facts.attempts.get(task.label or "")
    release = attempt.release if attempt is not None else None
    return {
        "label": _clip(task.label or ""),
        "group": _clip(task.group, 60),
        "state": task.status.lower(),
        "result": _result(task.result) if task.done else None,
        "class": facts.classes.get(task.id),
        "exit_code": task.exit_code,
        "started": _seconds(task.started),
        "ended": _seconds(task.ended),
        "attempt": attempt.number if attempt is not None else None,
        "release": release[:12] if release else None,
    }


def fit(report: t.Dict[str, t.Any], limit: int = MAX_BYTES) -> t.Dict[str, t.Any]:
    """Shorten lists, the least needed first, until the report fits; say so in ``shortened``."""
    shortened: t.List[str] = []
    report["shortened"] = shortened
    for name, owner, key, floor in _shrinkable(report):
        while _size(report) > limit and len(owner[key]) > floor:
            owner[key] = owner[key][: max(floor, len(owner[key]) // 2)]
            if name not in shortened:
                shortened.append(name)
    return report


def _shrinkable(
    report: t.Dict[str, t.Any],
) -> t.List[t.Tuple[str, t.Dict[str, t.Any], str, int]]:
    """Lists in the order in which they are given up, with what stays of each at least."""
    lists: t.List[t.Tuple[str, t.Dict[str, t.Any], str, int]] = [
        ("failures", failure, "labels", 1) for failure in report["failures"]
    ]
    lists += [(name, report[name], "labels", 3) for name in ("running", "leftovers")]
    lists += [("duplicates", report["duplicates"], "labels", 3)]
    lists += [("groups", report["groups"], "shown", 5), ("blocked", report, "blocked", 3)]
    lists += [("jobs", report, "jobs", 1), ("failures", report, "failures", 3)]
    return lists


def _size(report: t.Mapping[str, t.Any]) -> int:
    return len(json.dumps(report))


def _labels(tasks: t.Sequence[Task], limit: int) -> t.Dict[str, t.Any]:
    return {
        "count": len(tasks),
        "labels": [_clip(task.label or "(no label)") for task in tasks[:limit]],
    }


def _bounded(labels: t.Sequence[str], limit: int) -> t.Dict[str, t.Any]:
    return {"count": len(labels), "labels": [_clip(label) for label in labels[:limit]]}


def _result(result: t.Optional[str]) -> str:
    return (result or "unknown").lower()


def _clip(text: str, limit: int = _LABEL_CHARACTERS) -> str:
    """A stranger's text may be of any length, and grows again as JSON; ours fits as it is."""
    if len(text) <= limit and len(json.dumps(text)) <= limit + 2:
        return text
    kept = text[:limit]
    while len(json.dumps(kept)) > limit - 4:
        kept = kept[: len(kept) * 3 // 4]
    return kept + "…"


def _seconds(moment: t.Optional[float]) -> t.Optional[float]:
    return None if moment is None else round(moment, 1)
