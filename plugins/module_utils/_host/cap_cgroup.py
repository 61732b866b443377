# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The kernel's cap: one limited cgroup per job beside the runner's, inside one scope."""

from __future__ import annotations

import itertools
import typing as t
from pathlib import Path

from .cap_report import CapReport, Strategy, Usage
from .cgroup import JobCgroup, make_room

_PEAK_SAMPLES = "sampled_peak"


class CgroupCap(Strategy):
    """``memory.max`` with ``memory.swap.max``; the job dies as a whole, the runner reads on."""

    enforcement = "cgroup"

    def __init__(
        self,
        scope: Path,
        job: JobCgroup,
        *,
        memory_bytes: int,
        swap_bytes: int,
        numbers: t.Iterator[int],
    ) -> None:
        self._scope, self._job = scope, job
        self._swap_bytes, self._numbers = swap_bytes, numbers
        self._sampled_peak = 0
        self.memory_bytes = memory_bytes

    @classmethod
    def create(
        cls,
        scope: Path,
        *,
        memory_bytes: int,
        swap_bytes: int = 0,
        numbers: t.Optional[t.Iterator[int]] = None,
    ) -> CgroupCap:
        """A fresh directory each time, so that ``memory.peak`` starts at zero."""
        counter = itertools.count(1) if numbers is None else numbers
        path = scope / f"job-{next(counter)}"
        job = JobCgroup.create(path, memory_bytes=memory_bytes, swap_bytes=swap_bytes)
        return cls(scope, job, memory_bytes=memory_bytes, swap_bytes=swap_bytes, numbers=counter)

    def enter(self) -> None:
        self._job.enter()
        super().enter()

    def started(self, pid: int) -> None:
        """Nothing to do: the child put itself in before exec."""

    def poll(self) -> bool:
        """Only samples the peak for kernels that keep none; the kernel does the killing."""
        self._sampled_peak = max(self._sampled_peak, self._job.anonymous())
        return False

    def usage(self) -> Usage:
        return Usage(self._job.anonymous(), len(self._job.processes()))

    def signal(self, number: int) -> int:
        return self._job.signal(number)

    def finish(self) -> CapReport:
        leftovers = len(self._job.processes())
        if leftovers:
            self._job.kill()
        counters = self._job.counters()
        removed = self._job.remove()
        events = dict(counters.events)
        events[_PEAK_SAMPLES] = self._sampled_peak
        peak = counters.peak_bytes if counters.peak_bytes is not None else self._sampled_peak
        return CapReport(
            enforcement=self.enforcement,
            peak_bytes=peak,
            oom_kill=events.get("oom_kill", 0),
            # "max" also counts harmless reclaim of page cache; "oom" means the cap had no more.
            limit_hit=events.get("oom", 0) > 0,
            cpu_seconds=counters.cpu_seconds,
            events=events,
            leftovers=leftovers,
            note="" if removed else f"the cgroup {self._job.path} could not be removed",
        )

    def another(self, memory_bytes: t.Optional[int]) -> CgroupCap:
        wanted = memory_bytes or t.cast(int, self.memory_bytes)
        make_room(self._scope, wanted)
        return CgroupCap.create(
            self._scope,
            memory_bytes=wanted,
            swap_bytes=self._swap_bytes,
            numbers=self._numbers,
        )
