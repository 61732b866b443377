# SPDX-License-Identifier: GPL-3.0-or-later
"""Every guide, typed as printed on a bare host; what it shows is what comes.

For who writes a guide: ``FLEET_JOBS_GUIDES_SAID=FILE`` keeps all that was typed and printed, and
goes on after a step that failed.
"""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.guides import guide
from ansible_collections.fleet.jobs.tests.support.ansible import COLLECTION

if t.TYPE_CHECKING:
    from ansible_collections.fleet.jobs.tests.guides.reader import Reader

GUIDES = COLLECTION / "docs" / "guides"
STAGES = COLLECTION / "tests" / "guides" / "stages"
FIRST = "first-fleet"
SAID = os.environ.get("FLEET_JOBS_GUIDES_SAID")


def follow(reader: Reader, name: str) -> None:
    """Do every step; before a section's first one, what happened to its reader."""
    section, failures = None, []
    for step in guide.read(GUIDES / f"{name}.md"):
        try:
            if step.section != section:
                section = step.section
                stage(reader, STAGES / name / f"{section}.sh")
            reader.do(step)
        except AssertionError as failure:
            if not SAID:
                raise
            failures.append(str(failure))
    if SAID:
        Path(SAID).write_text("\n".join(reader.said), encoding="utf-8")
    assert not failures, "\n".join(failures)


def stage(reader: Reader, script: Path) -> None:
    """Make the accident that a section is about."""
    if script.exists():
        library = (STAGES / "lib.sh").read_text(encoding="utf-8")
        code, printed = reader.type(library + script.read_text(encoding="utf-8"))
        assert code == 0, f"{script.name} ended with {code}\n{printed}"


@pytest.fixture(scope="session")
def reader(newcomer: Reader) -> Reader:
    """Has a fleet."""
    follow(newcomer, FIRST)
    return newcomer


def test_first_fleet(reader: Reader) -> None:
    assert reader.said


@pytest.mark.parametrize(
    "name", sorted(path.stem for path in GUIDES.glob("*.md") if path.stem != FIRST)
)
def test_guide(reader: Reader, name: str) -> None:
    follow(reader, name)
