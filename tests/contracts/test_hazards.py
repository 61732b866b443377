# SPDX-License-Identifier: GPL-3.0-or-later
"""The page about hazards says what the tests say; nothing claims more than a test shows."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.support.ansible import COLLECTION, program

ENTRY = r"\b(?:INV|AP|G)-\d+\b"
# How a test says that it lets the accident happen.
ACCIDENT = r"without|accident|plain"

sys.path.insert(0, str(COLLECTION / "tools"))
import hazards  # noqa: E402

FILES = [path.relative_to(hazards.ROOT).as_posix() for path in hazards.files()]


def _page() -> str:
    return (COLLECTION / "docs" / "hazards.md").read_text(encoding="utf-8")


def _rows(part: str) -> t.List[t.List[str]]:
    text = _page().partition(f"\n## {part}\n")[2].partition("\n## ")[0]
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line[:1] == "|"]
    return [[cell.strip() for cell in row] for row in rows[2:]]


CLOSED = {entry for row in _rows("Closed") for entry in re.findall(ENTRY, row[0])}
OPEN = {entry for row in _rows("Open") for entry in re.findall(ENTRY, row[0])}


def test_page_is_up_to_date() -> None:
    tool = str(COLLECTION / "tools" / "hazards.py")
    done = subprocess.run(
        [program("python"), tool, "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_entry_is_closed_or_open() -> None:
    assert {*CLOSED, *OPEN} == set(hazards.catalogue())
    assert not CLOSED & OPEN


def test_every_row_names_a_test_and_its_layer() -> None:
    layers = {folder: name for folder, (name, _what) in hazards.LAYERS.items()}
    shown = {row[4].strip("`"): row[3] for row in _rows("Closed")}
    assert shown == {name: layers[name.rpartition("/")[0]] for name in FILES}


@pytest.mark.parametrize("name", FILES)
def test_the_file_lets_it_happen_and_shows_the_guard(name: str) -> None:
    """By the names of its tests: one at least for each, or one that says both."""
    tests = _tests(COLLECTION / name)
    accidents = [one for one in tests if re.search(ACCIDENT, one)]
    assert accidents, f"no test of {tests} lets the accident happen"
    both = len(tests) == 1 and re.search(r"guard|ours", tests[0].replace("without_the_guard", ""))
    assert len(tests) > len(accidents) or both, f"no test of {tests} shows the guard"


def _tests(path: Path) -> t.List[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [one.name for one in tree.body if isinstance(one, ast.FunctionDef)]
    return [name for name in names if name.startswith("test_")]


def test_what_a_refusal_names_has_a_test() -> None:
    named = {
        entry
        for path in (COLLECTION / "plugins").rglob("*.py")
        for text in re.findall(r'hazard(?:=|": )"([^"]+)"', path.read_text(encoding="utf-8"))
        for entry in re.findall(ENTRY, text)
    }
    assert named - CLOSED == set()


def test_what_a_text_for_users_names_has_a_test() -> None:
    """README, guides, roles, playbooks, and what modules and roles document."""
    places = ("README.md", "docs/*.md", "roles/**/*.yml", "roles/**/*.md", "playbooks/*.yml")
    places += ("plugins/modules/*.py", "plugins/doc_fragments/*.py")
    files = {path for place in places for path in COLLECTION.glob(place)}
    assert len(files) > 40
    named: t.Dict[str, t.Set[str]] = {}
    for path in files - {COLLECTION / "docs" / "hazards.md"}:
        for entry in re.findall(ENTRY, path.read_text(encoding="utf-8")):
            named.setdefault(entry, set()).add(path.name)
    assert {entry: names for entry, names in named.items() if entry not in CLOSED} == {}
