# SPDX-License-Identifier: GPL-3.0-or-later
"""What one command cost: on the controller, on the wire, and on the hosts behind the sshd."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import secrets
import signal
import subprocess
import threading
import time
import typing as t
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.fleet.jobs.tests.lab.loopback_sshd import LoopbackSshd, Traffic
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

_MARK = "FLEET_JOBS_BENCH"
_EVERY_SECONDS = 0.4
_LIMIT_SECONDS = 600.0
_SUBREAPER = 36
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """One run. The controller's CPU is with its ssh clients; the hosts', all that ssh started."""

    wall: float
    controller_cpu: float
    hosts_cpu: float
    processes: int
    peak_bytes: int
    traffic: Traffic
    output: str

    @property
    def cpu(self) -> float:
        """On the controller and on the hosts."""
        return self.controller_cpu + self.hosts_cpu


def adopt() -> None:
    """Become the parent of orphans, before there is an sshd, so that their CPU can be counted.

    ssh masters leave their parent, and sshd's children lose theirs when a connection ends.
    """
    assert ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0) == 0


class Meter:
    """Runs commands one at a time, and counts."""

    def __init__(self, sshd: LoopbackSshd) -> None:
        self.sshd = sshd
        sshd.count_bytes()

    def run(self, argv: t.Sequence[str], environ: t.Mapping[str, str], folder: Path) -> Cost:
        """Once; a failed command is an error with its output."""
        mark = secrets.token_hex(8)
        traffic, hosts = self.sshd.traffic(), _children_cpu(self.sshd)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        process = subprocess.Popen(
            argv,
            env={**environ, _MARK: mark},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with _Sampler(mark, folder) as sampler:
            output, _none = process.communicate(timeout=_LIMIT_SECONDS)
            wall = time.perf_counter() - began
        assert process.returncode == 0, f"{argv}: exit code {process.returncode}\n{output}"
        _end_masters(folder)
        orphans = self._reap()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return Cost(
            wall=wall,
            controller_cpu=_seconds(after) - _seconds(before) - orphans,
            hosts_cpu=_children_cpu(self.sshd) - hosts + orphans,
            processes=sampler.processes,
            peak_bytes=sampler.peak_bytes,
            traffic=self.sshd.traffic() - traffic,
            output=output,
        )

    def _reap(self) -> float:
        """Wait until every connection is closed; CPU seconds of what sshd left to us."""
        spent = 0.0

        def closed() -> bool:
            nonlocal spent
            orphans = _named(b"sshd", besides=self.sshd.pid)
            for pid in orphans:
                done, _status, usage = os.wait4(pid, os.WNOHANG)
                spent += _seconds(usage) if done else 0.0
            return not orphans and not _children(self.sshd.pid or 0)

        eventually(closed, timeout=60, what="every connection is closed")
        return spent


class _Sampler:
    """Looks at the processes of one command again and again."""

    def __init__(self, mark: str, folder: Path) -> None:
        self.processes = 0
        self.peak_bytes = 0
        self._mark = mark
        self._folder = folder
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._stop.wait(_EVERY_SECONDS):
            pids = [*_marked(self._mark), *_masters(self._folder)]
            self.processes = max(self.processes, len(pids))
            self.peak_bytes = max(self.peak_bytes, sum(_own_bytes(pid) for pid in pids))

    def __enter__(self) -> _Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stop.set()
        self._thread.join()


def _marked(mark: str) -> t.List[int]:
    """Processes of this account that were started, however indirectly, with the mark."""
    wanted = f"{_MARK}={mark}".encode()
    found = []
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if entry.isdigit() and os.stat(f"/proc/{entry}").st_uid == os.getuid():
                with open(f"/proc/{entry}/environ", "rb") as stream:
                    if wanted in stream.read():
                        found.append(int(entry))
    return found


def _own_bytes(pid: int) -> int:
    """Its memory, shared pages in shares."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def _masters(folder: Path) -> t.List[int]:
    """ssh masters, which write their title over their environment."""
    title = f"ssh: {folder}/".encode()
    found = []
    for entry in _children(os.getpid()):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{entry}/cmdline").read_bytes().startswith(title):
                found.append(entry)
    return found


def _end_masters(folder: Path) -> None:
    """Whatever ssh the command left, reaped so that its CPU counts."""
    for pid in _masters(folder):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    for pid in _named(b"ssh"):
        os.waitpid(pid, 0)


def _named(name: bytes, *, besides: t.Optional[int] = None) -> t.List[int]:
    """Children of ours that are called so, dead or alive."""
    found = []
    for pid in _children(os.getpid()):
        with contextlib.suppress(OSError):
            if pid != besides and Path(f"/proc/{pid}/comm").read_bytes().strip() == name:
                found.append(pid)
    return found


def _seconds(usage: resource.struct_rusage) -> float:
    return usage.ru_utime + usage.ru_stime


def _children(pid: int) -> t.List[int]:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as stream:
        return [int(one) for one in stream.read().split()]


def _children_cpu(sshd: LoopbackSshd) -> float:
    """CPU seconds of all connections that ended, and of everything they started and reaped."""
    text = Path(f"/proc/{sshd.pid}/stat").read_text(encoding="utf-8")
    fields = text.rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / _TICKS
