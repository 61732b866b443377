# SPDX-License-Identifier: GPL-3.0-or-later
"""A role's argument specs and its defaults agree, key by key and value by value."""

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.fleet.jobs.tests.support import documentation
from ansible_collections.fleet.jobs.tests.support.ansible import COLLECTION

ROLES = documentation.roles()
TASK_FILES = 8


def test_there_are_roles() -> None:
    assert ROLES


@pytest.mark.parametrize("role", ROLES)
def test_specs_and_defaults_agree(role: str) -> None:
    """The spec sets no defaults and converts nothing, so both files must say the same."""
    defaults = _defaults(role)
    documented = {
        option: entry["default"] for option, entry in _options(role) if "default" in entry
    }
    assert documented == defaults


@pytest.mark.parametrize("role", ROLES)
def test_options_are_complete(role: str) -> None:
    for option, entry in _options(role):
        assert option.startswith(f"{role}_"), f"{option} lacks the role's prefix"
        assert entry.get("description"), f"{option} has no description"
        assert entry.get("type"), f"{option} has no type"
        assert not (entry.get("required") and "default" in entry), f"{option}: required + default"


@pytest.mark.parametrize("role", ROLES)
def test_tasks_use_only_documented_variables(role: str) -> None:
    folder = COLLECTION / "roles" / role
    known = {option for option, _entry in _options(role)}
    modules = set(documentation.modules())
    for path in sorted(folder.glob("tasks/*.yml")) + sorted(folder.glob("templates/*")):
        text = path.read_text(encoding="utf-8")
        used = set(re.findall(rf"(?<![\w.]){role}_\w+", text)) - modules
        assert used <= known, f"{path.name} uses {sorted(used - known)}"


@pytest.mark.parametrize("role", ROLES)
def test_every_entry_point_has_a_spec(role: str) -> None:
    """A task file that is no step of another one can be called, and then must check its input."""
    folder = COLLECTION / "roles" / role / "tasks"
    files = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.yml")}
    assert len(files) <= TASK_FILES
    included = {step for text in files.values() for step in re.findall(r"_tasks: (\w+)\.yml", text)}
    assert set(_specs(role)) == set(files) - included


@pytest.mark.parametrize("role", ROLES)
def test_meta_and_readme_are_there(role: str) -> None:
    meta = documentation.load("roles", role, "meta", "main.yml")["galaxy_info"]
    assert meta["description"]
    assert (COLLECTION / "roles" / role / "README.md").exists()


def _specs(role: str) -> t.Dict[str, t.Any]:
    specs = documentation.load("roles", role, "meta", "argument_specs.yml")["argument_specs"]
    return dict(specs)


def _options(role: str) -> t.List[t.Tuple[str, t.Dict[str, t.Any]]]:
    return [
        (option, dict(entry))
        for spec in _specs(role).values()
        for option, entry in (spec.get("options") or {}).items()
    ]


def _defaults(role: str) -> t.Dict[str, t.Any]:
    path = COLLECTION / "roles" / role / "defaults" / "main.yml"
    if not path.exists():
        return {}
    return dict(documentation.load("roles", role, "defaults", "main.yml") or {})
