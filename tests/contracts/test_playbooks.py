# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks are thin, name whom they touch, and read only variables that are documented."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.support import documentation
from ansible_collections.fleet.jobs.tests.support.ansible import COLLECTION

PLAYBOOKS = sorted((COLLECTION / "playbooks").glob("*.yml"))
# Variables of an inventory that every playbook hands to the modules (docs name them once).
INSTANCE = {"fleet_hosts", "fleet_pueue_config", "fleet_state_dir", "fleet_cap"}


def _id(path: Path) -> str:
    return path.name


def test_there_are_playbooks() -> None:
    assert PLAYBOOKS


@pytest.mark.parametrize("path", PLAYBOOKS, ids=_id)
def test_says_how_to_call_it(path: Path) -> None:
    """The head shows a call by the collection's name, with the variables it needs."""
    head = _head(path)
    assert f"fleet.jobs.{path.stem}" in head


@pytest.mark.parametrize("path", PLAYBOOKS, ids=_id)
def test_hosts_are_chosen_by_the_caller(path: Path) -> None:
    for play in documentation.load("playbooks", path.name):
        hosts = play.get("hosts", "localhost")
        assert hosts == "localhost" or "fleet_hosts" in hosts, f'"{play.get("name")}" on {hosts}'


@pytest.mark.parametrize("path", PLAYBOOKS, ids=_id)
def test_variables_are_documented(path: Path) -> None:
    """In a role's specs, in the playbook's own head, or in a page of docs."""
    pages = [COLLECTION / "README.md", *sorted(COLLECTION.glob("docs/**/*.md"))]
    prose = _head(path) + "".join(page.read_text(encoding="utf-8") for page in pages)
    known = INSTANCE | _role_options() | set(re.findall(r"\w+", prose))
    assert sorted(_read(path) - known) == []


def _read(path: Path) -> t.Set[str]:
    """Names with a public prefix that the playbook's expressions read."""
    prefixes = "|".join(["fleet", *documentation.roles(), *(one.stem for one in PLAYBOOKS)])
    body = "\n".join(
        line
        for line in path.read_text(encoding="utf-8").splitlines()
        if not line.lstrip().startswith("#")
    )
    names = set(re.findall(rf"(?<![\w./])((?:{prefixes})_[a-z_]+)\b", body))
    names |= set(re.findall(r"(?<![\w.])([a-z]\w*) \| default\(", body))
    return names - set(documentation.modules()) - {one.stem for one in PLAYBOOKS} - _others(body)


def _others(body: str) -> t.Set[str]:
    """Names that are no variables: YAML anchors and our filters."""
    plugins = COLLECTION / "plugins" / "filter"
    return {*re.findall(r"[&*](\w+)", body), *(path.stem for path in plugins.glob("*.py"))}


def _role_options() -> t.Set[str]:
    return {
        option
        for role in documentation.roles()
        for spec in documentation.load("roles", role, "meta", "argument_specs.yml")[
            "argument_specs"
        ].values()
        for option in spec.get("options") or {}
    }


def _head(path: Path) -> str:
    """The comment lines before the first play."""
    lines = path.read_text(encoding="utf-8").splitlines()
    head = []
    for line in lines:
        if line.startswith("#"):
            head.append(line)
        elif line.strip() not in ("", "---"):
            break
    return "\n".join(head)
