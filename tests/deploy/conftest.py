# SPDX-License-Identifier: GPL-3.0-or-later
"""Embedded fleets for the deploy suite."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.support.fleet import Fleet


@pytest.fixture
def make_fleet(tmp_path: Path) -> t.Iterator[t.Callable[[int], Fleet]]:
    """A factory of fleets; all of them are gone after the test."""
    made: t.List[Fleet] = []

    def make(count: int) -> Fleet:
        fleet = Fleet(count, tmp_path / f"fleet{len(made)}")
        made.append(fleet)
        return fleet

    yield make
    for fleet in made:
        fleet.close()
