# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""A job as a task of pueue: the command line with the host tool in front, and its environment."""

from __future__ import annotations

import shlex
import typing as t
from pathlib import Path

from .._dataclass import dataclass
from .._pueue.requests import AddRequest
from . import environment, host_tool
from .evidence import TASK_MARKER
from .spec import JobSpec

__all__ = ["SUBMISSION_MARKER", "TASK_MARKER", "Tool", "add_request", "command_line"]

SUBMISSION_MARKER = "FLEET_JOBS_SUBMISSION"


@dataclass(frozen=True)
class Tool:
    """What runs in front of every job of a call."""

    path: Path
    state_dir: Path
    cap: str = "require"
    python: t.Optional[str] = None


def command_line(spec: JobSpec, *, task_key: str, tool: Tool) -> str:
    """``exec`` so that a kill reaches the runner and no shell hides its exit code."""
    words = [*host_tool.invocation(tool.path, python=tool.python), "run"]
    words += ["--label", spec.label, "--task", task_key]
    if spec.memory is not None:
        words += ["--memory", str(spec.memory)]
    if spec.timeout is not None:
        words += ["--timeout", f"{spec.timeout:.3f}".rstrip("0").rstrip(".")]
    words += ["--cap", tool.cap]
    if spec.env_file is not None:
        words += ["--env-file", spec.env_file]
    if spec.restart_safe:
        words.append("--restart-safe")
    words += ["--state-dir", str(tool.state_dir), "--", *spec.argv]
    return "exec " + " ".join(shlex.quote(word) for word in words)


def add_request(
    spec: JobSpec,
    *,
    submission: str,
    task_key: str,
    tool: Tool,
    environ: t.Mapping[str, str],
    dependencies: t.Iterable[int] = (),
) -> AddRequest:
    """The stashed task of a job: nothing in it but what it needs to start, no secret (AP-16)."""
    envs = environment.minimal(environ)
    envs.update(spec.overrides)
    envs[SUBMISSION_MARKER] = submission
    envs[TASK_MARKER] = task_key
    if spec.overrides:
        envs[environment.OVERRIDES_MARKER] = ",".join(sorted(spec.overrides))
    return AddRequest(
        command=command_line(spec, task_key=task_key, tool=tool),
        path=spec.chdir,
        label=spec.label,
        group=spec.group,
        envs=envs,
        stashed=True,
        dependencies=tuple(sorted(dependencies)),
        priority=spec.priority,
    )
