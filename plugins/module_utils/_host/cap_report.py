# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What every cap strategy offers the runner, and what it reports at the end."""

from __future__ import annotations

import abc
import contextlib
import os
import typing as t
from pathlib import Path

from .._dataclass import dataclass, field

_OOM_SCORE = "500"


@dataclass(frozen=True)
class Usage:
    """Now: memory that cannot be dropped, and how many processes hold it."""

    memory_bytes: int
    processes: int


@dataclass(frozen=True)
class CapReport:
    """The evidence for a job's class; exit codes cannot tell, counters can.

    ``oom_kill`` counts kernel kills in the job's cgroup, ``limit_hit`` says that its own cap was
    the cause (a polled kill included). ``leftovers`` were alive after the job and were killed.
    """

    enforcement: str
    peak_bytes: t.Optional[int]
    oom_kill: int
    limit_hit: bool
    cpu_seconds: float
    events: t.Dict[str, int] = field(default_factory=dict)
    leftovers: int = 0
    note: str = ""

    @property
    def killed_by_cap(self) -> bool:
        """Class ``oom_cap``: it wanted more than its own limit."""
        return self.limit_hit and (self.oom_kill > 0 or self.enforcement != "cgroup")

    @property
    def killed_by_host(self) -> bool:
        """Class ``oom_host``: the machine ran out while the job was within its limit."""
        return self.oom_kill > 0 and not self.limit_hit


class Strategy(abc.ABC):
    """One job inside one cap."""

    enforcement: str = ""
    note: str = ""
    memory_bytes: t.Optional[int] = None

    def enter(self) -> None:
        """In the child between fork and exec: be the kernel's first choice when memory ends."""
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")

    @abc.abstractmethod
    def started(self, pid: int) -> None:
        """In the parent, right after the fork."""

    @abc.abstractmethod
    def poll(self) -> bool:
        """Look once (cheap; call it every 50-100 ms); True once the cap had to kill."""

    @abc.abstractmethod
    def usage(self) -> Usage:
        """What the job holds now."""

    @abc.abstractmethod
    def signal(self, number: int) -> int:
        """Signal every process of the job, escaped ones too; how many were reached."""

    @abc.abstractmethod
    def finish(self) -> CapReport:
        """After the child was waited for: end what it left behind, read the counters, clean up."""

    @abc.abstractmethod
    def another(self, memory_bytes: t.Optional[int]) -> Strategy:
        """A fresh cap for the next job of the same runner, with counters that start at zero."""


def host_oom_kills() -> t.Optional[int]:
    """The kernel's own count since boot, to tell a host that ran out during the job."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/vmstat").read_text(encoding="ascii").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return None


def children_cpu_seconds() -> float:
    """Processor time of all children that were waited for."""
    times = os.times()
    return times.children_user + times.children_system
