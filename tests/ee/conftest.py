# SPDX-License-Identifier: GPL-3.0-or-later
"""The image, once for the whole run, and a fleet for it to work on."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.lab.left_out import (
    pytest_runtest_makereport,
    pytest_terminal_summary,
    say,
)

if t.TYPE_CHECKING:
    from ansible_collections.fleet.jobs.tests.ee.awx_node import Node
    from ansible_collections.fleet.jobs.tests.lab.podman import Stored

__all__ = ["pytest_runtest_makereport", "pytest_terminal_summary", "say"]


@pytest.fixture(scope="session")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection, as it is now."""
    from ansible_collections.fleet.jobs.tests.support import tarball

    return tarball.build(tmp_path_factory.mktemp("tarball"))


@pytest.fixture(scope="session")
def image(tarball: Path) -> Stored:
    """The image with that collection."""
    from ansible_collections.fleet.jobs.tests.lab import ee_image

    lacking = ee_image.reason()
    if lacking:
        pytest.skip(f"no execution environment is built: {lacking}")
    return ee_image.image(tarball)


@pytest.fixture
def make_node(image: Stored, tmp_path: Path) -> t.Iterator[t.Callable[[int], Node]]:
    """A factory of fleets, each with a place that runs jobs on it in the image."""
    from ansible_collections.fleet.jobs.tests.lab.loopback_sshd import missing

    lacking = missing()
    if lacking:
        pytest.skip(lacking)
    from ansible_collections.fleet.jobs.tests.ee.awx_node import Node
    from ansible_collections.fleet.jobs.tests.lab.fleet import FleetOverSsh

    made: t.List[Node] = []

    def make(count: int) -> Node:
        made.append(Node(image, FleetOverSsh(count), tmp_path))
        return made[-1]

    try:
        yield make
    finally:
        for node in made:
            node.close()
            node.fleet.close()
