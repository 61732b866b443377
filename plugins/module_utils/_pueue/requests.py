# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What is asked of pueued, checked for what it would accept and then fail to run."""

from __future__ import annotations

import typing as t
from datetime import datetime

from .._dataclass import dataclass, field
from .._errors import Refused
from .timestamp import rfc3339

# The kernel's limit for one argument (MAX_ARG_STRLEN) less the terminating NUL.
COMMAND_BYTES = 128 * 1024 - 1
SIGNALS = {
    **{"INT": "SigInt", "KILL": "SigKill", "TERM": "SigTerm"},
    **{"CONT": "SigCont", "STOP": "SigStop"},
}


@dataclass(frozen=True)
class AddRequest:
    """A task to add; ``envs`` is all the environment it will have."""

    command: str
    path: str
    label: t.Optional[str] = None
    group: str = "default"
    envs: t.Mapping[str, str] = field(default_factory=dict)
    stashed: bool = False
    enqueue_at: t.Optional[datetime] = None
    dependencies: t.Tuple[int, ...] = ()
    priority: t.Optional[int] = None

    def wire(self) -> t.Dict[str, t.Any]:
        """The request; refuses what pueued would take and burn as FailedToSpawn."""
        _check_task(self.command, path=self.path, label=self.label)
        for name, value in self.envs.items():
            if not name or "=" in name or "\0" in name + value:
                raise Refused(
                    f'The task "{self.label or self.command}" has an environment variable that '
                    f"no process can have: {name!r}. Names must not be empty or contain "
                    '"=", names and values no NUL.'
                )
        content = {
            "command": self.command,
            "path": self.path,
            "envs": dict(self.envs),
            "start_immediately": False,
            "stashed": self.stashed,
            "group": self.group,
            "enqueue_at": rfc3339(self.enqueue_at),
            "dependencies": list(self.dependencies),
            "priority": self.priority,
            "label": self.label,
        }
        return {"Add": content}


@dataclass(frozen=True)
class RestartItem:
    """A finished task to run again in place; everything is resent, as pueued forgets the rest."""

    task_id: int
    command: str
    path: str
    label: t.Optional[str]
    priority: int = 0

    def wire(self) -> t.Dict[str, t.Any]:
        _check_task(self.command, path=self.path, label=self.label)
        return {
            "task_id": self.task_id,
            "original_command": self.command,
            "path": self.path,
            "label": self.label,
            "priority": self.priority,
        }


def _check_task(command: str, *, path: str, label: t.Optional[str]) -> None:
    name = label or command[:60]
    if not path.startswith("/") or "\0" in path:
        raise Refused(
            f'The task "{name}" has the working directory {path!r}, which is not absolute; '
            "pueued would resolve it against wherever it was started. Give an absolute chdir.",
            hazard="AP-11",
        )
    size = len(command.encode("utf-8", "surrogateescape"))
    if "\0" in command or not command.strip() or size > COMMAND_BYTES:
        raise Refused(
            f'The command of the task "{name}" cannot be run: it is empty, contains a NUL, or '
            f"has more than {COMMAND_BYTES} bytes ({size}). Put long input into a file."
        )


def wire_signal(name: t.Optional[str]) -> t.Optional[str]:
    """``TERM``, ``SIGTERM`` or ``SigTerm`` as pueue spells it; None is pueue's own kill."""
    if name is None:
        return None
    short = name.upper()
    short = short[3:] if short.startswith("SIG") else short
    if short not in SIGNALS:
        raise Refused(f'"{name}" is no signal pueue sends; use one of: {", ".join(SIGNALS)}.')
    return SIGNALS[short]
