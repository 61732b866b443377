# SPDX-License-Identifier: GPL-3.0-or-later
"""One reader for all guides, who has followed the first; the others begin where it ends."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.fleet.jobs.tests.lab.containers import reason
from ansible_collections.fleet.jobs.tests.lab.left_out import (
    pytest_runtest_makereport,
    pytest_terminal_summary,
)

if t.TYPE_CHECKING:
    from ansible_collections.fleet.jobs.tests.guides.reader import Reader

__all__ = ["pytest_runtest_makereport", "pytest_terminal_summary"]


@pytest.fixture(scope="session")
def newcomer() -> t.Iterator[Reader]:
    """With a bare host, before the first guide."""
    lacking = reason()
    if lacking:
        pytest.skip(f"the guides need a host of their own: {lacking}")
    from ansible_collections.fleet.jobs.tests.guides.reader import reader

    with reader() as made:
        yield made
