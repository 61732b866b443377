# SPDX-License-Identifier: GPL-3.0-or-later
"""The README is short, and what it tells people to type exists."""

from __future__ import annotations

import re
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.support import documentation
from ansible_collections.fleet.jobs.tests.support.ansible import COLLECTION

README_LINES = 150
# Pages that people write; test_reference.py holds the others, and every link, against the code.
PAGES = sorted(
    path
    for path in (
        *(COLLECTION / "README.md", COLLECTION / "CONTRIBUTING.md"),
        *COLLECTION.glob("docs/**/*.md"),
    )
    if COLLECTION / "docs" / "reference" not in path.parents
)


def _id(path: Path) -> str:
    return str(path.relative_to(COLLECTION))


def test_readme_is_short() -> None:
    assert len((COLLECTION / "README.md").read_text(encoding="utf-8").splitlines()) <= README_LINES


def test_make_help_names_the_targets_people_are_told() -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=COLLECTION,
        capture_output=True,
        text=True,
        check=True,
    )
    listed = re.findall(r"make ([a-z-]+)", done.stdout)
    for target in ("demo", "test", "lint", "sanity", "bench", "build", "help"):
        assert target in listed


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_make_targets_exist(page: Path) -> None:
    targets = re.findall(r"^([a-z-]+):", (COLLECTION / "Makefile").read_text(), flags=re.M)
    call = r"(?:^\s*|[;&$] |\()make (?:-s )?([a-z][a-z-]*)"
    named = [name for line in _code(page) for name in re.findall(call, line)]
    assert sorted(set(named) - set(targets)) == []


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_content_exists(page: Path) -> None:
    """Every ``fleet.jobs.NAME`` in code is a module, playbook, role, filter or group."""
    plugins = COLLECTION / "plugins"
    known = {
        "all",
        *documentation.modules(),
        *documentation.roles(),
        *(path.stem for path in (COLLECTION / "playbooks").glob("*.yml")),
        *(path.stem for kind in ("filter", "lookup") for path in (plugins / kind).glob("*.py")),
    }
    named = {name for line in _code(page) for name in re.findall(r"fleet\.jobs\.([a-z_]+)", line)}
    assert sorted(named - known) == []


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_playbooks_exist(page: Path) -> None:
    """Here, or the page has the reader write it."""
    written = re.findall(r"`([\w-]+\.yml)`:", page.read_text(encoding="utf-8"))
    for line in _code(page):
        for argument in re.findall(r"ansible-playbook [^#`]*?([\w./-]+\.yml)\b", line):
            beside = (COLLECTION / argument, COLLECTION / "playbooks" / argument)
            inventory = re.search(rf"(-i |@){re.escape(argument)}", line)
            here = argument in written or any(path.exists() for path in beside)
            assert inventory or here, argument


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_variables_exist(page: Path) -> None:
    """Every ``-e NAME=`` that a page shows is a variable that a playbook or role reads."""
    content = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("playbooks", "roles")
        for path in sorted((COLLECTION / folder).rglob("*.yml"))
    )
    named = {name for line in _code(page) for name in re.findall(r"-e ['\"]?(\w+)=", line)}
    assert sorted(name for name in named if not re.search(rf"\b{name}\b", content)) == []


def _code(page: Path) -> t.List[str]:
    """Lines of code blocks (fenced or indented) and pieces between backticks."""
    lines: t.List[str] = []
    fenced = False
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            lines.append(line)
        else:
            lines += re.findall(r"`([^`]+)`", line)
    return lines
