# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The plan of a deploy on one host: what was audited, what was decided, and an id for both.

The id has one short digest per subject, so that a plan that no longer holds can say what moved.
"""

from __future__ import annotations

import json
import typing as t

from .._dataclass import dataclass
from .._digest import digest
from .._jobs.bounded import bounded
from .._pueue.snapshot import Task
from .decision import Decision
from .request import DeployRequest
from .survey import LISTED, Survey

SUBJECTS = ("options", "tree", "package", "running jobs", "failed jobs")
DONE = "release"
"""The phase with which a deploy has come to its end."""
_DIGITS = 6


@dataclass(frozen=True)
class Tree:
    """Where the checkout stands and where it goes."""

    before_sha: t.Optional[str]
    sha: str
    changes: bool


@dataclass(frozen=True)
class Package:
    """Which version is installed and which one is wanted; both None without a package."""

    installed: t.Optional[str]
    wanted: t.Optional[str]
    changes: bool


@dataclass(frozen=True)
class Failures:
    """The failed jobs of the deploy's part of the queue: which restart, and why others do not."""

    by_class: t.Mapping[str, int]
    identities: t.Tuple[t.Tuple[str, str], ...]
    restart: t.Tuple[str, ...]
    kept: t.Tuple[t.Mapping[str, t.Any], ...]


@dataclass(frozen=True)
class Plan:
    """Everything that ``deploy_apply`` needs to do what the audit saw and nothing else."""

    request: DeployRequest
    tree: Tree
    package: Package
    decision: Decision
    survey: Survey
    failures: Failures

    @property
    def plan_id(self) -> str:
        """``<deploy id>.<digest per subject>``."""
        subjects: t.Tuple[t.Any, ...] = (
            self.request.as_dict(),
            (self.tree.before_sha, self.tree.sha, self.tree.changes),
            (self.package.installed, self.package.wanted),
            _identities(self.survey.running),
            sorted(self.failures.identities),
        )
        digits = "".join(_digest(subject) for subject in subjects)
        return f"{self.request.deploy_id}.{digits}"

    def summary(self) -> t.Dict[str, t.Any]:
        """The bounded form for results and people."""
        return {
            "plan_id": self.plan_id,
            "deploy_id": self.request.deploy_id,
            "project": self.request.project,
            "before_sha": self.tree.before_sha,
            "sha": self.tree.sha,
            "installed_version": self.package.installed,
            "version": self.package.wanted,
            "decision": self.decision.as_dict(),
            "groups": list(self.survey.groups),
            "running": bounded(self.survey.running_labels(), limit=1000),
            "queued": self.survey.queued,
            "failed": dict(self.failures.by_class),
            "restart": bounded(self.failures.restart[:LISTED], limit=1000),
            "restart_count": len(self.failures.restart),
            "kept": bounded([dict(one) for one in self.failures.kept[:LISTED]], limit=2000),
            "kept_count": len(self.failures.kept),
            "duplicates": bounded(self.survey.duplicates, limit=500),
            "strangers": self.survey.strangers,
        }

    def record(self) -> t.Dict[str, t.Any]:
        """What the journal keeps: the same plan always gives the same text."""
        return {
            "request": self.request.as_dict(),
            "decision": self.decision.as_dict(),
            "before_sha": self.tree.before_sha,
            "installed": self.package.installed,
            "running": [list(one) for one in _identities(self.survey.running)],
            "failed": sorted([label, created] for label, created in self.failures.identities),
        }


def moved_subjects(record: t.Mapping[str, t.Any], expected: str, found: Plan) -> t.List[str]:
    """What changed since the plan was recorded, in a way that makes it another plan.

    Jobs that ran may have ended since, well or badly; that is what they were left to do.
    """
    one, two = expected.rpartition(".")[2], found.plan_id.rpartition(".")[2]
    moved = [
        subject
        for number, subject in enumerate(SUBJECTS[:3])
        if one[number * _DIGITS : (number + 1) * _DIGITS]
        != two[number * _DIGITS : (number + 1) * _DIGITS]
    ]
    ran = {tuple(identity) for identity in record["running"]}
    if set(_identities(found.survey.running)) - ran:
        moved.append(SUBJECTS[3])
    if set(found.failures.identities) - ran - {tuple(one) for one in record["failed"]}:
        moved.append(SUBJECTS[4])
    return moved


def deploy_of(plan_id: str) -> str:
    """The deploy id inside a plan id."""
    return plan_id.rpartition(".")[0]


def _identities(tasks: t.Iterable[Task]) -> t.List[t.Tuple[str, str]]:
    """In order; somebody else's task may have no label."""
    return sorted((task.label or "", task.created_at) for task in tasks)


def _digest(subject: t.Any) -> str:
    text = json.dumps(subject, sort_keys=True, separators=(",", ":"), default=list)
    return digest(text)[:_DIGITS]
