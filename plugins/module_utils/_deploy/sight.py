# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""AUDIT: everything a deploy looks at before it decides. Reads only, changes nothing."""

from __future__ import annotations

import contextlib
import os
import typing as t
from collections import Counter
from pathlib import Path

from .._dataclass import dataclass
from .._jobs.instance import Instance
from .._jobs.outlived import outlived
from .._jobs.rerun import Report, foresee
from .._jobs.restart import Wish
from .._ledger.store import Ledger
from .._pueue.selection import Selection
from .._pueue.snapshot import Snapshot
from . import source, verify, wheel
from .decision import Decision, decide
from .plan import Failures, Package, Plan, Tree
from .request import DeployRequest
from .survey import Survey, survey

IN_PLACE_ALREADY = "the code is in place already, so running jobs are no obstacle"


@dataclass(frozen=True)
class Sight:
    """One look: the plan it makes, and the plans of the single steps behind it."""

    plan: Plan
    queue: Snapshot
    source: source.SourcePlan
    wheel: t.Optional[wheel.WheelPlan]
    restart: Report

    @property
    def changes(self) -> bool:
        """Whether the tree or the environment would change."""
        return self.plan.tree.changes or self.plan.package.changes

    def actions(self) -> t.List[str]:
        """What the steps would do, in their order."""
        said = list(self.source.actions)
        if self.wheel is not None:
            said += list(self.wheel.actions)
        said += [f'Restart "{task.label}".' for task in self.restart.restarted]
        return said


def look(
    request: DeployRequest,
    instance: Instance,
    *,
    repository: str,
    token: t.Optional[str],
    ledger: t.Optional[Ledger] = None,
    before: t.Optional[Sight] = None,
) -> Sight:
    """Look at the tree, the environment and the queue, as the holder of ``token`` may.

    Without an open ``ledger`` a copy is read that is no older than the queue. ``before`` is a look
    of a moment ago, of which only the queue is looked at again.
    """
    moving = before.source if before else plan_source(request, instance, repository=repository)
    upgrade = before.wheel if before else plan_wheel(request)
    with instance.client() as client:
        snapshot = client.status()
    with contextlib.nullcontext(ledger) if ledger else instance.ledger(read_only=True) as known:
        left = outlived(instance, snapshot, known)
        queue = survey(snapshot, groups=request.groups, outlived=left)
        wish, moved = restart_wish(request, queue.groups), (Path(request.project), request.sha)
        report = foresee(instance, wish, snapshot, known, lease_token=token, moved=moved)
    tree = Tree(moving.before_sha, request.sha, moving.changed)
    package = package_of(request, upgrade)
    failures = failures_of(report)
    changes = moving.changed or package.changes
    decision = decision_of(request, queue, failures, changes=changes)
    return Sight(
        plan=Plan(request, tree, package, decision, queue, failures),
        queue=snapshot,
        source=moving,
        wheel=upgrade,
        restart=report,
    )


def plan_source(
    request: DeployRequest, instance: Instance, *, repository: str
) -> source.SourcePlan:
    """What the move of the checkout would do."""
    return source.plan(
        project=request.project,
        repository=repository,
        sha=request.sha,
        state_dir=instance.state_dir,
    )


def plan_wheel(request: DeployRequest) -> t.Optional[wheel.WheelPlan]:
    """What the upgrade would do; None where no package is deployed."""
    if request.package is None or request.version is None:
        return None
    return wheel.plan(
        python=request.python,
        package=request.package,
        version=request.version,
        # A host's first deploy is audited before there is a checkout.
        chdir=request.project if os.path.isdir(request.project) else None,
    )


def package_of(request: DeployRequest, upgrade: t.Optional[wheel.WheelPlan]) -> Package:
    """The package before and after, where one is deployed."""
    if upgrade is None:
        return Package(None, request.version, False)
    return Package(upgrade.before_version, request.version, upgrade.changed)


def restart_wish(request: DeployRequest, groups: t.Sequence[str]) -> Wish:
    """Which failed jobs this deploy may restart."""
    return Wish(
        selection=Selection(labels=request.restart_labels, groups=tuple(groups)),
        classes=request.restart_classes,
        budget=request.restart_budget,
        allow_unsafe=request.restart_unsafe,
    )


def failures_of(report: Report) -> Failures:
    """The failed jobs: what restarts, and what stays with the reason."""
    stay = (*report.skipped, *report.refused, *report.left)
    return Failures(
        by_class=dict(Counter(report.classes.values())),
        identities=tuple((task.label or "", task.created_at) for task in report.restarted),
        restart=tuple(task.label or "" for task in report.restarted),
        kept=tuple(
            {"label": one.label, "why": one.why, "hazard": one.hazard or ""} for one in stay
        ),
    )


def decision_of(
    request: DeployRequest, queue: Survey, failures: Failures, *, changes: bool
) -> Decision:
    """The table's word; jobs that run on code that stays as it is count as none."""
    decision = decide(
        running=len(queue.running) if changes else 0,
        failed=len(failures.restart),
        policy=request.when_running,
    )
    if queue.running and not changes:
        return Decision(**{**decision.as_dict(), "reason": IN_PLACE_ALREADY})
    return decision


def verification(request: DeployRequest) -> verify.VerifyResult:
    """What the jobs would import now, against what the deploy wants."""
    return verify.check(
        python=request.python,
        chdir=request.project,
        modules=request.modules,
        package=request.package,
        expected_sha=request.sha,
        expected_version=request.version,
        assertions=request.assertions,
    )
