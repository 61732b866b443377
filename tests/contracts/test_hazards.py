# SPDX-License-Identifier: GPL-3.0-or-later
"""The page about hazards says what the tests say, and holds every entry that a message names."""

from __future__ import annotations

import re
import subprocess

from ansible_collections.fleet.jobs.tests.support.ansible import COLLECTION, program

ENTRY = r"\b(?:INV|AP|G)-\d+\b"


def test_page_is_up_to_date() -> None:
    tool = str(COLLECTION / "tools" / "hazards.py")
    done = subprocess.run(
        [program("python"), tool, "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_what_a_refusal_names_has_a_test() -> None:
    page = (COLLECTION / "docs" / "hazards.md").read_text(encoding="utf-8")
    listed = {entry for row in re.findall(r"(?m)^\| ([^|]+) \|", page) for entry in _ids(row)}
    named = {
        entry
        for path in (COLLECTION / "plugins").rglob("*.py")
        for text in re.findall(r'hazard(?:=|": )"([^"]+)"', path.read_text(encoding="utf-8"))
        for entry in _ids(text)
    }
    assert named - listed == set()


def _ids(text: str) -> list[str]:
    return re.findall(ENTRY, text)
