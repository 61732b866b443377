# SPDX-License-Identifier: GPL-3.0-or-later
"""One reader for all guides, who has followed the first; the others begin where it ends."""

from __future__ import annotations

import os
import typing as t

import pytest

from ansible_collections.fleet.jobs.tests.lab.containers import reason

if t.TYPE_CHECKING:
    from ansible_collections.fleet.jobs.tests.guides.reader import Reader


@pytest.fixture(scope="session")
def newcomer() -> t.Iterator[Reader]:
    """With a bare host, before the first guide."""
    lacking = reason()
    if lacking:
        text = f"the guides need a host of their own: {lacking}"
        if os.environ.get("FLEET_JOBS_LAB") == "require":
            pytest.fail(text)
        pytest.skip(text)
    from ansible_collections.fleet.jobs.tests.guides.reader import reader

    with reader() as made:
        yield made
