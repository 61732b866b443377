# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Processes as procfs shows them: trees, memory, identity, and the subreaper that keeps orphans."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
import typing as t
from pathlib import Path

from .._dataclass import dataclass

PROC = Path("/proc")
_PR_SET_CHILD_SUBREAPER = 36
_KILOBYTES = re.compile(rb"^(\w+):\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True)
class Stat:
    """The few fields of ``/proc/PID/stat`` that decide anything here."""

    pid: int
    state: str
    parent: int
    group: int
    session: int
    start_ticks: int

    @property
    def dead(self) -> bool:
        return self.state in "ZXx"


def read_stat(pid: int, *, proc: Path = PROC) -> t.Optional[Stat]:
    """The process's stat line, or None when it is gone."""
    try:
        text = (proc / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # A command name may hold spaces and brackets: only the last ")" ends it.
    fields = text[text.rfind(b")") + 2 :].split()
    if len(fields) < 20:
        return None
    parent, group, session = (int(field) for field in fields[1:4])
    return Stat(pid, fields[0].decode(), parent, group, session, int(fields[19]))


def children(pid: int, *, proc: Path = PROC) -> t.List[int]:
    """Direct children by the kernel's own list (cheap), or by a scan where it has none."""
    threads = proc / str(pid) / "task"
    found: t.List[int] = []
    try:
        for thread in os.listdir(threads):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                found.extend(int(word) for word in _children_words(threads / thread))
    except FileNotFoundError:
        return []
    except _NoChildrenFile:
        return [stat.pid for stat in every(proc=proc) if stat.parent == pid]
    return found


class _NoChildrenFile(Exception):
    """This kernel was built without CONFIG_PROC_CHILDREN."""


def _children_words(thread: Path) -> t.List[bytes]:
    try:
        return (thread / "children").read_bytes().split()
    except FileNotFoundError:
        if (thread / "stat").exists():
            raise _NoChildrenFile from None
        raise


def every(*, proc: Path = PROC) -> t.Iterator[Stat]:
    """Every process there is."""
    for name in os.listdir(proc):
        stat = read_stat(int(name), proc=proc) if name.isdigit() else None
        if stat is not None:
            yield stat


def descendants(pid: int, *, ignore: t.AbstractSet[int] = frozenset()) -> t.List[int]:
    """Everything below ``pid`` (not itself), leaving out the trees under ``ignore``."""
    found: t.List[int] = []
    waiting = [pid]
    seen = {pid} | set(ignore)
    while waiting:
        for child in children(waiting.pop()):
            if child not in seen:
                seen.add(child)
                found.append(child)
                waiting.append(child)
    return found


def _kilobytes(path: Path) -> t.Dict[bytes, int]:
    try:
        return {name: int(value) * 1024 for name, value in _KILOBYTES.findall(path.read_bytes())}
    except OSError:
        return {}


def private_memory(pid: int, *, proc: Path = PROC) -> int:
    """Anonymous, shared-memory and swapped bytes of a process: no page cache, cheap to read."""
    values = _kilobytes(proc / str(pid) / "status")
    swapped = values.get(b"VmSwap", 0)
    if b"RssAnon" not in values:  # kernels before 4.5
        return values.get(b"VmRSS", 0) + swapped
    return values[b"RssAnon"] + values.get(b"RssShmem", 0) + swapped


def proportional_memory(pid: int, *, proc: Path = PROC) -> t.Optional[int]:
    """The same with shared pages divided among their users; None where it cannot be read.

    It walks the page tables, so ask only when the cheap number matters.
    """
    values = _kilobytes(proc / str(pid) / "smaps_rollup")
    if b"Pss_Anon" not in values:
        return None
    swapped = values.get(b"SwapPss", values.get(b"Swap", 0))
    return values[b"Pss_Anon"] + values.get(b"Pss_Shmem", 0) + swapped


def boot_id(*, proc: Path = PROC) -> str:
    """The kernel's name for this boot; empty where it is hidden."""
    try:
        return (proc / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def identity(pid: int, *, proc: Path = PROC) -> t.Optional[str]:
    """A name that no later process with the same pid can have; None when it is gone or dead."""
    stat = read_stat(pid, proc=proc)
    if stat is None or stat.dead:
        return None
    return f"{boot_id(proc=proc)}:{pid}:{stat.start_ticks}"


def become_subreaper() -> bool:
    """Have orphans below us handed to us instead of to init, so that none escapes the cap."""
    import ctypes  # only the runner needs it

    library = ctypes.CDLL(None, use_errno=True)
    return bool(library.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def send(pids: t.Iterable[int], number: int) -> int:
    """Signal each; the number of processes that were still there."""
    reached = 0
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
            reached += 1
    return reached


def reap(pids: t.Iterable[int]) -> None:
    """Collect those of our children that have ended; others are left alone."""
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def alive(pids: t.Iterable[int]) -> t.List[int]:
    """Those that still run (a zombie does not)."""
    stats = ((pid, read_stat(pid)) for pid in pids)
    return [pid for pid, stat in stats if stat is not None and not stat.dead]


def kill_all(listing: t.Callable[[], t.List[int]], *, seconds: float = 5.0) -> int:
    """SIGKILL what ``listing`` names until it names nothing alive; how many were left over.

    Repeated because a process may fork between the listing and the signal.
    """
    limit = time.monotonic() + seconds
    pause = 0.001
    while True:
        running = alive(listing())
        if not running or time.monotonic() >= limit:
            return len(running)
        send(running, signal.SIGKILL)
        time.sleep(pause)
        pause = min(pause * 2, 0.05)
