# SPDX-License-Identifier: GPL-3.0-or-later
"""The formula of INV-6."""

from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError
from ansible_collections.fleet.jobs.plugins.module_utils._host.sizing import capacity

GIB = 1 << 30


@pytest.mark.parametrize(
    ("memory", "cores", "per_job", "cores_per_job", "share", "expected"),
    [
        (100 * GIB, 64, 5 * GIB, 1, 0.8, (16, "memory")),
        (1000 * GIB, 16, 5 * GIB, 1, 0.8, (12, "cores")),
        (1000 * GIB, 16, 5 * GIB, 4, 0.8, (3, "cores")),
        (5 * GIB, 64, 5 * GIB, 1, 0.8, (0, "memory")),
        (100 * GIB, 20, 5 * GIB, 1, 0.8, (16, "memory")),
        (100 * GIB, 1.5, GIB, 0.5, 0.8, (2, "cores")),
        (0, 8, GIB, 1, 0.8, (0, "memory")),
        (100, 100, 1, 1, 0.57, (57, "memory")),
        (100, 10, 1, 1, 0.7, (7, "cores")),
    ],
    ids=[
        "memory binds",
        "cores bind",
        "several cores a job",
        "not even one",
        "a tie is memory",
        "fractions of a core",
        "no memory left",
        "no rounding down by floats",
        "no rounding up by floats",
    ],
)
def test_formula(memory, cores, per_job, cores_per_job, share, expected):
    found = capacity(
        memory_available=memory,
        cores=cores,
        memory_per_job=per_job,
        cores_per_job=cores_per_job,
        share=share,
    )
    assert (found.max_jobs, found.limit) == expected


def test_without_a_declared_memory_only_cores_count():
    found = capacity(memory_available=GIB, cores=10, memory_per_job=None)
    assert (found.max_jobs, found.limit, found.by_memory) == (8, "cores", None)


@pytest.mark.parametrize(
    "wrong",
    [{"memory_per_job": 0}, {"cores_per_job": -1}, {"share": 0}, {"share": 1.01}],
    ids=str,
)
def test_nonsense_is_refused_by_name(wrong):
    options = {"memory_available": GIB, "cores": 4, "memory_per_job": GIB, **wrong}
    with pytest.raises(FleetError, match=next(iter(wrong))):
        capacity(**options)
