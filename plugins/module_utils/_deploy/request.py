# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What a deploy was asked to do on one host; it travels from the audit to the apply as a plan."""

from __future__ import annotations

import os
import re
import typing as t
from pathlib import Path

from .._dataclass import asdict, dataclass
from .._errors import FleetError, Refused
from .._jobs import restart
from . import assertion

# Failures that a fix may have mended, or that were not the job's own fault; the others would only
# repeat themselves (timeout, oom_cap), say themselves that trying again cannot help, or were meant
# (killed): what the deploy itself killed it restarts in any case.
RESTART_CLASSES = ("app", "evicted", "infra", "oom_host", "yielded")
CLASSES_OPTION: t.Mapping[str, t.Any] = {
    "type": "list",
    "elements": "str",
    "choices": list(restart.CLASSES),
    "default": list(RESTART_CLASSES),
}
_SHA = re.compile(r"^[0-9a-f]{40}(?:[0-9a-f]{24})?$")


@dataclass(frozen=True)
class DeployRequest:
    """The options of ``deploy_audit`` that later steps need too; no secret is among them."""

    deploy_id: str
    project: str
    sha: str
    package: t.Optional[str]
    version: t.Optional[str]
    python: str
    modules: t.Tuple[str, ...]
    groups: t.Tuple[str, ...]
    when_running: str
    restart_labels: t.Tuple[str, ...]
    restart_classes: t.Tuple[str, ...]
    restart_budget: int
    restart_unsafe: bool
    assertions: t.Tuple[t.Mapping[str, t.Any], ...]
    rollback: bool

    @classmethod
    def parse(cls, params: t.Mapping[str, t.Any]) -> DeployRequest:
        """Check the options that no argument spec can check."""
        project = Path(os.path.expanduser(params["project"]))
        if not project.is_absolute():
            raise Refused(
                f'project "{params["project"]}" is relative; give the absolute path of the '
                "checkout on the host.",
                hazard="AP-11",
            )
        if not _SHA.match(params["sha"]):
            raise FleetError(
                f'sha "{params["sha"]}" is no full commit id. Resolve the ref once for the fleet '
                "with deploy_source and state: resolved, and hand its sha to every host."
            )
        assertion.parse(params["assertions"])
        if bool(params["package"]) != bool(params["version"]):
            raise FleetError("package and version belong together: give both or neither.")
        return cls(
            deploy_id=params["deploy_id"],
            project=str(project),
            sha=params["sha"],
            package=params["package"] or None,
            version=params["version"] or None,
            python=jobs_interpreter(project, params["python"]),
            modules=tuple(params["modules"]),
            groups=tuple(params["groups"]),
            when_running=params["when_running"],
            restart_labels=tuple(params["restart_labels"]),
            restart_classes=tuple(params["restart_classes"]),
            restart_budget=params["restart_budget"],
            restart_unsafe=params["restart_unsafe"],
            assertions=tuple(params["assertions"]),
            rollback=params["rollback"],
        )

    def as_dict(self) -> t.Dict[str, t.Any]:
        """Plain JSON for the journal."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: t.Mapping[str, t.Any]) -> DeployRequest:
        """The reverse of ``as_dict``."""
        values = dict(data)
        for name in ("modules", "groups", "restart_labels", "restart_classes", "assertions"):
            values[name] = tuple(values[name])
        return cls(**values)


def jobs_interpreter(project: Path, python: t.Optional[str]) -> str:
    """The interpreter that runs the jobs: as given, else the project's venv, else python3."""
    if python:
        given = Path(os.path.expanduser(python))
        return str(given if given.is_absolute() else project / given)
    own = project / ".venv" / "bin" / "python"
    return str(own) if own.exists() else "python3"
