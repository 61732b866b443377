# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Everything that can be wrong with jobs that are about to be queued, before the first change."""

from __future__ import annotations

import functools
import os
import typing as t
from pathlib import Path

from .._dataclass import dataclass, replace
from .._errors import FleetError, Refused
from .._host import cap_scope
from .._pueue.snapshot import Snapshot, Task
from . import env_file, task_command
from .graph import Order, levels
from .isolation import Claim, claims, conflicts
from .refusals import Refusal
from .spec import JobSpec
from .standing import ACTIVE, DONE, FAILED, Standing


@dataclass(frozen=True)
class Scene:
    """What the checks look at: the jobs to queue and the queue they are to join."""

    specs: t.Sequence[JobSpec]
    snapshot: Snapshot
    standings: t.Mapping[str, Standing]
    running: t.Sequence[JobSpec]
    """Specs of active tasks, where the ledger knows them."""
    spent: t.Mapping[str, int]
    tool: task_command.Tool
    environ: t.Mapping[str, str]
    per_label_budget: int

    @functools.cached_property
    def wanted(self) -> t.FrozenSet[str]:
        return frozenset(spec.label for spec in self.specs)


def check(scene: Scene) -> t.List[Refusal]:
    """All refusals, job by job, then those of the set."""
    found: t.List[Refusal] = []
    places = _Places()
    for spec in scene.specs:
        for one in (places.check, _parents, _group, _cap, _retries, _command):
            try:
                one(scene, spec)
            except FleetError as error:
                found.append(Refusal.of(spec.label, error))
    found += _host_cap(scene)
    found += _graph(scene)
    return found


def inside(scene: Scene, spec: JobSpec) -> t.Tuple[str, ...]:
    """Parents of the same set."""
    return tuple(label for label in spec.after if label in scene.wanted)


def outside(scene: Scene, spec: JobSpec) -> t.Tuple[Task, ...]:
    """Parents that are active in the queue already; all of them where a label is there twice."""
    return tuple(
        task
        for label in spec.after
        if label not in scene.wanted
        for task in scene.standings[label].tasks
    )


class _Places:
    """chdir and env_file; a thousand jobs usually share one of each."""

    def __init__(self) -> None:
        self._seen: t.Dict[t.Tuple[str, str], t.Optional[FleetError]] = {}

    def check(self, _scene: Scene, spec: JobSpec) -> None:
        for kind, value in (("chdir", spec.chdir), ("env_file", spec.env_file)):
            if value is None:
                continue
            if (kind, value) not in self._seen:
                self._seen[kind, value] = _problem(kind, value)
            problem = self._seen[kind, value]
            if problem is not None:
                raise problem


def _problem(kind: str, value: str) -> t.Optional[FleetError]:
    try:
        if kind == "env_file":
            env_file.load(Path(value))
        else:
            _directory(value)
    except FleetError as error:
        return error
    return None


def _directory(path: str) -> None:
    if not path.startswith("/"):
        found = f'"{path}" is relative' if path else "it is not given"
        raise Refused(
            f"chdir must be an absolute path: {found}, and pueue would run the job wherever the "
            "submitting session happened to be.",
            hazard="AP-11",
        )
    if not os.path.isdir(path):
        what = "is no directory" if os.path.exists(path) else "does not exist on this host"
        raise Refused(f'chdir "{path}" {what}; create it first, or correct chdir.', hazard="AP-11")
    if not os.access(path, os.X_OK):
        raise Refused(f'chdir "{path}" cannot be entered by this account.', hazard="AP-11")


def _group(scene: Scene, spec: JobSpec) -> None:
    group = scene.snapshot.groups.get(spec.group)
    if group is None:
        known = ", ".join(sorted(scene.snapshot.groups)[:20])
        raise FleetError(
            f'The group "{spec.group}" does not exist in pueue (there are: {known}); make it with '
            "pueue_group, or correct group."
        )
    if group.status == "Reset":
        raise Refused(
            f'The group "{spec.group}" is being reset; pueued drops what is added to it now. Run '
            "this again when that is over.",
            hazard="INV-2",
        )


def _parents(scene: Scene, spec: JobSpec) -> None:
    for label in spec.after:
        if label in scene.wanted:
            continue
        standing = scene.standings[label]
        if standing.state == DONE or standing.tasks:
            continue
        if standing.state == ACTIVE:
            problem = f"{standing.found}, so nothing can wait for it; let it end first"
        elif standing.state == FAILED:
            problem = f"it failed ({standing.found}); restart it, or queue it in the same call"
        else:
            problem = "no such job is in this call, in the queue or in the ledger; correct after"
        raise Refused(f'after: "{label}" cannot be waited for: {problem}.', hazard="AP-6")


def _cap(scene: Scene, spec: JobSpec) -> None:
    if scene.tool.cap == "require" and spec.memory is None:
        raise Refused(
            "cap is require and the job declares no memory, so there is nothing to enforce; give "
            'memory (for example "5G"), or choose cap: prefer or none.',
            hazard="INV-7",
        )


def _retries(scene: Scene, spec: JobSpec) -> None:
    """A failed job that is queued again as a fresh task is a restart by another name."""
    if not charged(scene, spec):
        return
    spent = scene.spent.get(spec.label, 0)
    if spent >= scene.per_label_budget:
        raise Refused(
            f"It failed ({scene.standings[spec.label].found}) and was started again {spent} times "
            f"within a day; per_label_budget is {scene.per_label_budget}. Find out why it fails "
            "before it runs again.",
            hazard="AP-18",
        )


def charged(scene: Scene, spec: JobSpec) -> bool:
    """Whether queueing this job spends its restart budget."""
    standing = scene.standings[spec.label]
    return standing.state == FAILED and standing.ran


def _command(scene: Scene, spec: JobSpec) -> None:
    """What pueued would take and then fail to spawn; chdir has a check of its own."""
    task_command.add_request(
        replace(spec, chdir="/"),
        submission="0" * 16,
        task_key="0" * 24,
        tool=scene.tool,
        environ=scene.environ,
    ).wire()


def _host_cap(scene: Scene) -> t.List[Refusal]:
    """A cap that this host cannot keep costs a refusal now, not a failed task per job."""
    if scene.tool.cap != "require" or not any(spec.memory for spec in scene.specs):
        return []
    lacking = cap_scope.missing(environ=scene.environ)
    if lacking is None:
        return []
    why = (
        f"cap is require, and this host cannot enforce it: {lacking}. Repair that (host_probe "
        "shows it), or allow a weaker one with cap: prefer."
    )
    return [Refusal(scene.specs[0].label, why, "INV-7")]


def _graph(scene: Scene) -> t.List[Refusal]:
    edges: t.Dict[str, t.Collection[str]] = {
        spec.label: inside(scene, spec) for spec in scene.specs
    }
    try:
        levels(edges)
    except Refused as error:
        return [Refusal.of(error.details["cycle"][0], error)]
    return _isolation(scene, edges)


def _isolation(scene: Scene, edges: t.Dict[str, t.Collection[str]]) -> t.List[Refusal]:
    if not any(spec.artifacts for spec in scene.specs):
        return []
    tasks = scene.snapshot.tasks
    for task in tasks.values():
        if task.active and task.label and task.label not in edges:
            # One that has ended orders nothing any more, and its label may be a new job's.
            parents = [tasks[number] for number in task.dependencies if number in tasks]
            edges[task.label] = [one.label for one in parents if one.label and one.active]
    for spec in scene.specs:
        edges[spec.label] = [*edges[spec.label], *(one for one in spec.after if one in edges)]
    found: t.List[Claim] = []
    refusals: t.List[Refusal] = []
    resolve = functools.lru_cache(maxsize=4096)(os.path.realpath)
    for spec in (*scene.specs, *scene.running):
        try:
            found += claims(spec, resolve=resolve)
        except Refused as error:
            if spec.label in scene.wanted:
                refusals.append(Refusal.of(spec.label, error))
    clashes = conflicts(found, Order(edges), concerned=scene.wanted)
    return refusals + [
        Refusal(clash.one.spec.label, clash.why(), clash.hazard) for clash in clashes
    ]
