# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Caps without the kernel's help: look at the job's processes, kill them when they hold too much.

Page cache never counts. Processes that double-fork or start a session of their own stay ours,
because this process is made their subreaper.
"""

from __future__ import annotations

import os
import resource
import signal
import time
import typing as t

from . import process
from .cap_report import CapReport, Strategy, Usage, children_cpu_seconds, host_oom_kills

_INTERVAL = 0.05
# Looking may cost at most this share of one core; on a huge tree we look less often.
_COST_SHARE = 0.05
_LONGEST_INTERVAL = 2.0


class _WatchedJob(Strategy):
    """Follows the job's tree; subclasses say whether too much memory ends it."""

    def __init__(self, *, note: str = "") -> None:
        self.note = note
        self.peak = 0
        self._killed = 0
        self._child: t.Optional[int] = None
        self._next_look = 0.0
        process.become_subreaper()
        # Children we had before the job are none of its own.
        self._strangers = frozenset(process.children(os.getpid()))
        self._cpu_before = children_cpu_seconds()
        self._maxrss_before = _children_maxrss()
        self._host_kills_before = host_oom_kills()

    def started(self, pid: int) -> None:
        self._child = pid

    def _tree(self) -> t.List[int]:
        return process.descendants(os.getpid(), ignore=self._strangers)

    def _reap_orphans(self) -> None:
        """Collect adopted zombies, never the runner's own child: it waits for that itself."""
        found = process.children(os.getpid())
        ours = [pid for pid in found if pid != self._child and pid not in self._strangers]
        process.reap(ours)

    def poll(self) -> bool:
        now = time.monotonic()
        if now < self._next_look:
            return self._killed > 0
        self._reap_orphans()
        tree = self._tree()
        self._judge(tree, self._measure(tree))
        cost = time.monotonic() - now
        self._next_look = now + min(max(_INTERVAL, cost / _COST_SHARE), _LONGEST_INTERVAL)
        return self._killed > 0

    def _judge(self, tree: t.List[int], memory: int) -> None:
        """Nothing to enforce here."""

    def _measure(self, tree: t.List[int]) -> int:
        """The tree's memory. The cheap sum counts shared pages once per process, so it is an
        upper bound; the exact one is asked only when the bound would be a new peak."""
        bound = sum(process.private_memory(pid) for pid in tree)
        if bound <= self.peak:
            return bound
        exact = bound if len(tree) < 2 else min(bound, _proportional(tree))
        self.peak = max(self.peak, exact)
        return exact

    def usage(self) -> Usage:
        tree = self._tree()
        return Usage(self._measure(tree), len(tree))

    def signal(self, number: int) -> int:
        if number == signal.SIGKILL:
            before = len(process.alive(self._tree()))
            self._kill()
            return before
        return process.send(self._tree(), number)

    def _kill(self) -> int:
        def listing() -> t.List[int]:
            self._reap_orphans()
            return self._tree()

        return process.kill_all(listing)

    def finish(self) -> CapReport:
        self._child = None
        leftovers = len(process.alive(self._tree()))
        remaining = self._kill() if leftovers else 0
        self._reap_orphans()
        events = {"polled_kill": self._killed}
        host_kills = host_oom_kills()
        if host_kills is not None and self._host_kills_before is not None:
            events["host_oom_kill"] = host_kills - self._host_kills_before
        return CapReport(
            enforcement=self.enforcement,
            peak_bytes=self._final_peak(),
            oom_kill=0,
            limit_hit=self._killed > 0,
            cpu_seconds=max(0.0, children_cpu_seconds() - self._cpu_before),
            events=events,
            leftovers=leftovers,
            note=f"{remaining} processes could not be killed" if remaining else self.note,
        )

    def _final_peak(self) -> t.Optional[int]:
        """Samples miss the last moments and short jobs; the kernel's high-water mark of the
        largest process helps, unless an earlier child of this process was larger."""
        maxrss = _children_maxrss()
        fresh = maxrss if maxrss > self._maxrss_before else 0
        return max(self.peak, fresh) or None


class PolledCap(_WatchedJob):
    """Above ``memory_bytes`` the whole job is killed, late by one look at most."""

    enforcement = "polled"

    def __init__(self, *, memory_bytes: int, note: str = "") -> None:
        super().__init__(note=note)
        self.memory_bytes: t.Optional[int] = memory_bytes
        self._limit = memory_bytes

    def _judge(self, tree: t.List[int], memory: int) -> None:
        if memory > self._limit and tree:
            self._killed += len(process.alive(tree))
            self._kill()

    def _final_peak(self) -> t.Optional[int]:
        # The high-water mark counts mapped files, which this cap does not: use it only where
        # no look came in time, and never above the cap that was not exceeded.
        if self.peak:
            return self.peak
        peak = super()._final_peak()
        return min(peak, self._limit) if peak is not None else None

    def another(self, memory_bytes: t.Optional[int]) -> PolledCap:
        return PolledCap(memory_bytes=memory_bytes or self._limit, note=self.note)


class UncappedJob(_WatchedJob):
    """By explicit choice, or because no memory was declared."""

    enforcement = "none"

    def another(self, memory_bytes: t.Optional[int]) -> UncappedJob:
        return UncappedJob(note=self.note)


def _proportional(tree: t.Iterable[int]) -> int:
    total = 0
    for pid in tree:
        exact = process.proportional_memory(pid)
        total += process.private_memory(pid) if exact is None else exact
    return total


def _children_maxrss() -> int:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
