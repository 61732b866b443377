# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets over ssh for the tests of many hosts."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.fleet.jobs.tests.lab.loopback_sshd import missing

if t.TYPE_CHECKING:
    from ansible_collections.fleet.jobs.tests.lab.fleet import FleetOverSsh


@pytest.fixture
def make_fleet() -> t.Iterator[t.Callable[[int], FleetOverSsh]]:
    """A factory of fleets over ssh; all of them are gone after the test."""
    lacking = missing()
    if lacking:
        pytest.skip(lacking)
    from ansible_collections.fleet.jobs.tests.lab.fleet import FleetOverSsh

    made: t.List[FleetOverSsh] = []

    def make(count: int) -> FleetOverSsh:
        made.append(FleetOverSsh(count))
        return made[-1]

    try:
        yield make
    finally:
        for fleet in made:
            fleet.close()
