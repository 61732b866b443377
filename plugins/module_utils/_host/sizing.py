# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""How many jobs a host carries (INV-6), and what the binding limit is."""

from __future__ import annotations

import math
import typing as t
from fractions import Fraction

from .._dataclass import dataclass
from .._errors import FleetError

SHARE = 0.8


@dataclass(frozen=True)
class Capacity:
    """``max_jobs`` and why: the smaller of the two counts."""

    max_jobs: int
    limit: str
    by_memory: t.Optional[int]
    by_cores: int


def capacity(
    *,
    memory_available: int,
    cores: float,
    memory_per_job: t.Optional[int],
    cores_per_job: float = 1.0,
    share: float = SHARE,
) -> Capacity:
    """``floor(min(memory_available*share / memory_per_job, cores*share / cores_per_job))``.

    Without ``memory_per_job`` only the cores count. A tie is called memory: that is the limit
    that hurts when a job is larger than declared.
    """
    _positive("memory_per_job", memory_per_job)
    _positive("cores_per_job", cores_per_job)
    if not 0 < share <= 1:
        raise FleetError(f"share is {share}; give a number above 0 and at most 1, usually 0.8.")
    by_cores = _count(cores, cores_per_job, share)
    if memory_per_job is None:
        return Capacity(by_cores, "cores", None, by_cores)
    by_memory = _count(memory_available, memory_per_job, share)
    limit = "memory" if by_memory <= by_cores else "cores"
    return Capacity(min(by_memory, by_cores), limit, by_memory, by_cores)


def _count(available: float, per_job: float, share: float) -> int:
    """Exact: as floats, 0.8 times something may fall just below a whole number."""
    exact = Fraction(str(available)) * Fraction(str(share)) / Fraction(str(per_job))
    return max(0, math.floor(exact))


def _positive(option: str, value: t.Optional[float]) -> None:
    if value is not None and value <= 0:
        raise FleetError(f"{option} is {value}; a job needs more than nothing.")
