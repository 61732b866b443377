# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What this host has and how busy it is, from procfs and cgroup files alone.

Works without systemd, without root and inside containers, where ``/proc/meminfo`` and the number
of processors are the machine's and the container's own limits count.
"""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

from .._dataclass import dataclass
from . import hierarchy, process
from .cgroup import UNLIMITED, read_counters, read_number
from .hierarchy import UNIFIED, read_text

_PRESSURES = ("cpu", "memory", "io")


@dataclass(frozen=True)
class Cores:
    """``usable`` is what counts: the affinity mask, cut by the cgroup's quota."""

    affinity: int
    quota: t.Optional[float]
    usable: float


@dataclass(frozen=True)
class Memory:
    """Bytes. ``usable`` is the smaller of what the host and what the cgroup can still give."""

    total: int
    available: int
    cgroup_limit: t.Optional[int]
    cgroup_used: t.Optional[int]
    usable: int


@dataclass(frozen=True)
class Swap:
    """Bytes, and the pages moved in and out since boot."""

    total: int
    free: int
    pages_in: int
    pages_out: int


@dataclass(frozen=True)
class Disk:
    """Room where ``path`` is or would be."""

    path: str
    total_bytes: int
    free_bytes: int
    total_inodes: int
    free_inodes: int


@dataclass(frozen=True)
class HostFacts:
    """One look at the host; ``pressure`` is empty where the kernel keeps none."""

    cores: Cores
    memory: Memory
    swap: Swap
    load: t.Tuple[float, float, float]
    pressure: t.Dict[str, t.Dict[str, float]]
    disks: t.Tuple[Disk, ...]
    cgroup_version: str
    boot_id: str


def probe_host(*, root: Path = Path("/"), paths: t.Iterable[str] = ()) -> HostFacts:
    """Look once; changes nothing."""
    return HostFacts(
        cores=read_cores(root=root),
        memory=read_memory(root=root),
        swap=read_swap(root=root),
        load=read_load(root=root),
        pressure=read_pressure(root=root),
        disks=tuple(read_disk(path) for path in paths),
        cgroup_version=hierarchy.version(root=root),
        boot_id=process.boot_id(proc=root / "proc"),
    )


def read_cores(*, root: Path = Path("/"), affinity: t.Optional[int] = None) -> Cores:
    """Processors this process may use, and how much of them its cgroups grant."""
    count = len(os.sched_getaffinity(0)) if affinity is None else affinity
    quotas = [*_quotas_v2(root), *_quotas_v1(root)]
    quota = min(quotas) if quotas else None
    return Cores(count, quota, min(float(count), quota) if quota is not None else float(count))


def online_cores(*, root: Path = Path("/")) -> int:
    """All processors of the machine (in a container too: its load average counts them all)."""
    names = [line.split(" ", 1)[0] for line in read_text(root / "proc/stat").splitlines()]
    return sum(name[:3] == "cpu" and name[3:].isdigit() for name in names) or os.cpu_count() or 1


def _quotas_v2(root: Path) -> t.Iterator[float]:
    for folder in hierarchy.chain(UNIFIED, root=root):
        words = read_text(folder / "cpu.max").split()
        if len(words) == 2 and words[0] != "max":
            yield int(words[0]) / int(words[1])


def _quotas_v1(root: Path) -> t.Iterator[float]:
    for folder in hierarchy.chain("cpu", root=root):
        quota = read_number(folder / "cpu.cfs_quota_us")
        period = read_number(folder / "cpu.cfs_period_us")
        if quota is not None and quota > 0 and period:
            yield quota / period


def read_memory(*, root: Path = Path("/")) -> Memory:
    """The machine's memory and the tightest cgroup above us."""
    info = _kilobytes(root / "proc/meminfo")
    total = info.get("MemTotal", 0)
    available = info.get("MemAvailable", info.get("MemFree", 0) + info.get("Cached", 0))
    limits = [*_limits_v2(root), *_limits_v1(root)]
    # A limit at or above the machine's memory limits nothing.
    real = [(limit, used) for limit, used in limits if limit < total]
    if not real:
        return Memory(total, available, None, None, available)
    limit, used = min(real, key=lambda pair: pair[0] - pair[1])
    return Memory(total, available, limit, used, max(0, min(available, limit - used)))


def _limits_v2(root: Path) -> t.Iterator[t.Tuple[int, int]]:
    for folder in hierarchy.chain(UNIFIED, root=root):
        limit = read_number(folder / "memory.max")
        used = read_number(folder / "memory.current")
        if limit is not None and used is not None and limit < UNLIMITED:
            cache = read_counters(folder / "memory.stat").get("inactive_file", 0)
            yield limit, max(0, used - cache)


def _limits_v1(root: Path) -> t.Iterator[t.Tuple[int, int]]:
    for folder in hierarchy.chain("memory", root=root):
        limit = read_number(folder / "memory.limit_in_bytes")
        used = read_number(folder / "memory.usage_in_bytes")
        if limit is not None and used is not None:
            cache = read_counters(folder / "memory.stat").get("total_inactive_file", 0)
            yield limit, max(0, used - cache)


def read_swap(*, root: Path = Path("/")) -> Swap:
    """Swap space and its traffic since boot."""
    info = _kilobytes(root / "proc/meminfo")
    counters = read_counters(root / "proc/vmstat")
    return Swap(
        info.get("SwapTotal", 0),
        info.get("SwapFree", 0),
        counters.get("pswpin", 0),
        counters.get("pswpout", 0),
    )


def read_load(*, root: Path = Path("/")) -> t.Tuple[float, float, float]:
    """The 1, 5 and 15 minute averages."""
    words = read_text(root / "proc/loadavg").split()
    if len(words) < 3:
        raise OSError(f"{root / 'proc/loadavg'} cannot be read")
    return float(words[0]), float(words[1]), float(words[2])


def read_pressure(*, root: Path = Path("/")) -> t.Dict[str, t.Dict[str, float]]:
    """Per resource ``some_avg10``, ``full_avg60`` and so on, in percent."""
    found: t.Dict[str, t.Dict[str, float]] = {}
    for resource in _PRESSURES:
        values: t.Dict[str, float] = {}
        for line in read_text(root / "proc/pressure" / resource).splitlines():
            kind, *pairs = line.split()
            for pair in pairs:
                name, _equals, number = pair.partition("=")
                if name.startswith("avg"):
                    values[f"{kind}_{name}"] = float(number)
        if values:
            found[resource] = values
    return found


def read_disk(path: str) -> Disk:
    """Room at ``path``, or at its nearest ancestor that exists."""
    place = Path(os.path.abspath(os.path.expanduser(path)))
    while not place.exists() and place != place.parent:
        place = place.parent
    facts = os.statvfs(str(place))
    return Disk(
        path,
        facts.f_blocks * facts.f_frsize,
        facts.f_bavail * facts.f_frsize,
        facts.f_files,
        facts.f_favail,
    )


def _kilobytes(path: Path) -> t.Dict[str, int]:
    found: t.Dict[str, int] = {}
    for line in read_text(path).splitlines():
        name, _colon, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdigit():
            found[name] = int(words[0]) * 1024
    return found
