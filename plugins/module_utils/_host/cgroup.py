# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Cgroup v2 as files: where we are, a limited child, and what its counters say afterwards."""

from __future__ import annotations

import contextlib
import os
import signal
import time
import typing as t
from pathlib import Path

from .._dataclass import dataclass
from . import hierarchy, process
from .hierarchy import read_text

UNLIMITED = 1 << 60
# What the scope may hold beside the job: the runner itself.
RUNNER_BYTES = 64 << 20


class CgroupError(Exception):
    """A cgroup could not be made, limited or read back; the text says which and why."""


def own_path(*, root: Path = Path("/")) -> t.Optional[Path]:
    """The directory of this process's v2 cgroup, where it is mounted."""
    found = hierarchy.chain(hierarchy.UNIFIED, root=root)
    return found[0] if found else None


def read_number(path: Path) -> t.Optional[int]:
    """A file with one number; ``max`` and v1's giant are UNLIMITED; None where there is none."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    if text == "max":
        return UNLIMITED
    return min(int(text), UNLIMITED) if text.lstrip("-").isdigit() else None


def read_counters(path: Path) -> t.Dict[str, int]:
    """A file of ``name number`` lines, such as memory.events or cpu.stat."""
    try:
        words = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
    except OSError:
        return {}
    return {pair[0]: int(pair[1]) for pair in words if len(pair) == 2 and pair[1].isdigit()}


def _write(path: Path, text: str) -> None:
    try:
        # No O_CREAT: on a host that lies about its cgroups a plain file must not appear.
        handle = os.open(str(path), os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(handle, text.encode())
        finally:
            os.close(handle)
    except OSError as error:
        raise CgroupError(f'cannot write "{text}" to {path}: {error.strerror}') from error


def _mkdir(path: Path) -> Path:
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise CgroupError(f"cannot make the cgroup {path}: {error.strerror}") from error
    return path


def split(scope: Path) -> None:
    """Make room below our own scope: us into ``runner``, and the controllers on for the rest.

    A cgroup may hold processes or limited children, never both.
    """
    offered = read_text(scope / "cgroup.controllers").split()
    if "memory" not in offered:
        there = " ".join(offered) or "none"
        raise CgroupError(
            f"the memory controller is not delegated to {scope} (there: {there}); "
            "user@.service needs Delegate=memory"
        )
    runner = _mkdir(scope / "runner")
    _write(runner / "cgroup.procs", str(os.getpid()))
    wanted = [f"+{name}" for name in ("memory", "pids") if name in offered]
    _write(scope / "cgroup.subtree_control", " ".join(wanted))


def make_room(scope: Path, memory_bytes: int) -> None:
    """Raise the scope's own limit where the next job may hold more than the one it was made for."""
    limit = read_number(scope / "memory.max")
    if limit is not None and limit < memory_bytes + RUNNER_BYTES:
        _write(scope / "memory.max", str(memory_bytes + RUNNER_BYTES))


@dataclass(frozen=True)
class Counters:
    """What a job's cgroup knew at its end."""

    peak_bytes: t.Optional[int]
    cpu_seconds: float
    events: t.Dict[str, int]


@dataclass(frozen=True)
class JobCgroup:
    """A fresh limited cgroup for one job."""

    path: Path

    @classmethod
    def create(cls, path: Path, *, memory_bytes: int, swap_bytes: int = 0) -> JobCgroup:
        """Make it, limit it, and believe only what reads back (INV-7)."""
        job = cls(_mkdir(path))
        try:
            job.limit("memory.max", memory_bytes)
            job.limit("memory.swap.max", swap_bytes)
            with contextlib.suppress(CgroupError):  # kernel 4.19; without it only one process dies
                _write(path / "memory.oom.group", "1")
        except CgroupError:
            job.remove()
            raise
        return job

    def limit(self, name: str, value: int) -> None:
        """Set one limit and read it back; the kernel rounds down to whole pages."""
        if name == "memory.swap.max" and not (self.path / name).exists():
            if _swap_total() == 0:
                return
            raise CgroupError(
                f"{self.path} has no {name} although the host has swap: the cap would leak into it"
            )
        _write(self.path / name, str(value))
        found = read_number(self.path / name)
        page = os.sysconf("SC_PAGE_SIZE")
        if found is None or not value - page < found <= value:
            raise CgroupError(f"{name} of {self.path} was set to {value} but reads {found}")

    def enter(self) -> None:
        """Called in the child, before exec."""
        _write(self.path / "cgroup.procs", "0")

    def processes(self) -> t.List[int]:
        """Everything in it and in cgroups that the job made below it."""
        found: t.List[int] = []
        for folder, _folders, names in os.walk(self.path):
            if "cgroup.procs" in names:
                with contextlib.suppress(OSError):
                    text = Path(folder, "cgroup.procs").read_text(encoding="ascii")
                    found.extend(int(word) for word in text.split())
        return found

    def kill(self) -> int:
        """SIGKILL all of it; how many were left over."""
        if (self.path / "cgroup.kill").exists():
            with contextlib.suppress(CgroupError):
                _write(self.path / "cgroup.kill", "1")
        return process.kill_all(self.processes)

    def signal(self, number: int) -> int:
        """Signal every process; SIGKILL goes to all at once."""
        if number == signal.SIGKILL:
            return self.kill()
        return process.send(self.processes(), number)

    def memory(self) -> int:
        """Current use without the cache that the kernel can drop at once."""
        current = read_number(self.path / "memory.current") or 0
        stat = read_counters(self.path / "memory.stat")
        return max(0, current - stat.get("inactive_file", 0))

    def anonymous(self) -> int:
        """What could really run out: anonymous and shared memory."""
        stat = read_counters(self.path / "memory.stat")
        return stat.get("anon", 0) + stat.get("shmem", 0)

    def counters(self) -> Counters:
        """Events, peak and processor time; read before remove()."""
        events = read_counters(self.path / "memory.events")
        peak = read_number(self.path / "memory.peak")  # kernel 5.19
        usage = read_counters(self.path / "cpu.stat").get("usage_usec", 0)
        return Counters(peak, usage / 1e6, events)

    def remove(self, *, seconds: float = 2.0) -> bool:
        """Delete it and what the job made below; False if something still lives in it."""
        limit = time.monotonic() + seconds
        while True:
            if self._remove_once():
                return True
            if time.monotonic() >= limit:
                return False
            time.sleep(0.005)

    def _remove_once(self) -> bool:
        for folder, _folders, _names in os.walk(self.path, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
        return not self.path.exists()


def _swap_total() -> int:
    try:
        text = Path("/proc/swaps").read_text(encoding="utf-8")
    except OSError:
        return 0
    return len(text.splitlines()) - 1
