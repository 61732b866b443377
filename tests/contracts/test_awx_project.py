# SPDX-License-Identifier: GPL-3.0-or-later
"""The project that AWX can sync keeps in step with the collection's playbooks, and works."""

from __future__ import annotations

import re
import shutil
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.plugin_utils._awx_objects import (
    TEMPLATES as AWX_TEMPLATES,
)
from ansible_collections.fleet.jobs.tests.support import documentation
from ansible_collections.fleet.jobs.tests.support.ansible import COLLECTION, run_playbook

PROJECT = COLLECTION / "examples" / "awx-project"
# What awx_setup makes of this project, in one file.
VARIABLES = PROJECT / "awx.yml"
# A playbook that sets AWX itself up is not a job template of a team.
TEMPLATES = sorted(
    path.stem for path in (COLLECTION / "playbooks").glob("*.yml") if path.stem != "awx_setup"
)


def test_every_playbook_is_there_and_nothing_else() -> None:
    playbooks = {path.stem for path in PROJECT.glob("*.yml")} - {VARIABLES.stem}
    assert sorted(playbooks) == TEMPLATES


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_thin_playbook_is_one_import(name: str) -> None:
    plays = documentation.load("examples", "awx-project", f"{name}.yml")
    assert [sorted(play) for play in plays] == [["ansible.builtin.import_playbook", "name"]]
    assert plays[0]["ansible.builtin.import_playbook"] == f"fleet.jobs.{name}"


def test_the_requirement_is_this_version() -> None:
    wanted = documentation.load("examples", "awx-project", "collections", "requirements.yml")
    version = documentation.load("galaxy.yml")["version"]
    assert wanted["collections"] == [{"name": "fleet.jobs", "version": version}]


def test_the_inventory_is_three_lines_with_the_group_of_the_variables() -> None:
    lines = (PROJECT / "hosts.ini").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3
    assert (PROJECT / "group_vars" / f"{lines[0].strip('[]')}.yml").is_file()


def test_the_variables_are_of_the_playbooks() -> None:
    known = {
        option
        for role in documentation.roles()
        for spec in _specs(role)
        for option in spec.get("options") or {}
    }
    given = documentation.load("examples", "awx-project", "group_vars", "fleet.yml")
    assert set(given) - known <= {"fleet_cap", "fleet_pueue_config", "fleet_state_dir"}


def test_the_readme_names_every_file() -> None:
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `(\w+)\.yml`", text, re.MULTILINE)) == TEMPLATES


def test_the_variables_of_awx_setup_are_its_own() -> None:
    known = {option for spec in _specs("awx") for option in spec.get("options") or {}}
    assert set(documentation.load("examples", "awx-project", VARIABLES.name)) <= known


def test_every_template_names_a_playbook_of_the_project() -> None:
    assert {one.playbook for one in AWX_TEMPLATES} == {f"{name}.yml" for name in TEMPLATES}


@pytest.mark.parametrize("name", ["status", "emergency_stop", "watch"])
def test_a_thin_playbook_reaches_the_collection(tmp_path: Path, name: str) -> None:
    """A copy, as a team has it; its only host has no queue, and the module says so."""
    project = Path(shutil.copytree(PROJECT, tmp_path / "project"))
    inventory = tmp_path / "hosts.ini"
    inventory.write_text(
        "[fleet]\nnowhere ansible_connection=local fleet_pueue_config=/nonexistent/pueue.yml "
        f"ansible_python_interpreter={sys.executable}\n",
        encoding="utf-8",
    )
    run = run_playbook(
        project / f"{name}.yml",
        inventory=inventory,
        extra_vars={"fleet_hosts": "fleet", "emergency_stop_confirm": "stop fleet"},
    )
    said = [str(one.result.get("msg")) for one in run.results]
    assert any("/nonexistent/pueue.yml" in msg for msg in said), run.explain()


def _specs(role: str) -> t.Iterable[t.Dict[str, t.Any]]:
    loaded = documentation.load("roles", role, "meta", "argument_specs.yml")
    return t.cast("t.Dict[str, t.Dict[str, t.Any]]", loaded["argument_specs"]).values()
