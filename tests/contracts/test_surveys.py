# SPDX-License-Identifier: GPL-3.0-or-later
"""Surveys of AWX's templates say what the roles' argument specs say, and AWX would take them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.plugin_utils._answers import answer
from ansible_collections.fleet.jobs.plugins.plugin_utils._awx_objects import TEMPLATES
from ansible_collections.fleet.jobs.plugins.plugin_utils._questions import question, questions
from ansible_collections.fleet.jobs.tests.support import documentation
from ansible_collections.fleet.jobs.tests.support.ansible import COLLECTION

FOLDER = COLLECTION / "roles" / "awx" / "files" / "surveys"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
TYPES = {
    **{"text": str, "textarea": str, "password": str, "multiplechoice": str},
    **{"integer": int, "float": float, "multiselect": str},
}


def test_the_committed_surveys_are_what_would_be_made() -> None:
    done = subprocess.run(
        [sys.executable, str(COLLECTION / "tools" / "surveys.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_template_has_one() -> None:
    assert sorted(one.key for one in TEMPLATES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_awx_would_take_it(name: str) -> None:
    """What AWX's survey_spec end point refuses."""
    survey = _survey(name)
    assert isinstance(survey["name"], str) and isinstance(survey["description"], str)
    asked = [one["variable"] for one in survey["spec"]]
    assert asked and len(asked) == len(set(asked))
    for one in survey["spec"]:
        assert isinstance(one["required"], bool) and one["question_name"]
        assert one["type"] in TYPES
        assert all(
            one.get(bound) is None or one[bound].__class__ is int for bound in ("min", "max")
        )
        assert isinstance(one.get("default", TYPES[one["type"]]()), TYPES[one["type"]])
        if one["type"].startswith("multi"):
            default = one.get("default", "").splitlines()
            assert one["choices"] and set(default) <= set(one["choices"])
            assert one["type"] == "multiselect" or len(default) <= 1


@pytest.mark.parametrize("name", NAMES)
def test_a_default_is_the_options_own(name: str) -> None:
    """As the playbook reads it, when nobody answers anything else."""
    for one in _survey(name)["spec"]:
        option = question(one["variable"])
        assert answer(one["variable"], one.get("default"), option) == option.get("default")


@pytest.mark.parametrize("name", NAMES)
def test_no_default_is_a_text_that_ansible_cannot_read(name: str) -> None:
    """AWX writes it as ``!unsafe '*'``, and ansible-core 2.19 takes a lone sign for YAML's own."""
    assert not [one for one in _survey(name)["spec"] if one.get("default") in ("*", "&", "!")]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_required_is_asked(name: str) -> None:
    """A required option without a question has to stand in the project's group variables."""
    asked = {one["variable"] for one in _survey(name)["spec"]}
    given = documentation.load("examples", "awx-project", "group_vars", "fleet.yml")
    entry = "resolve" if name.startswith("deploy") else "main"
    options = questions("queue_host" if name == "provision" else name.split("_check")[0], entry)
    assert {key for key, one in options.items() if one.get("required")} <= asked | set(given)


def test_no_markup_is_left() -> None:
    for name in NAMES:
        for one in _survey(name)["spec"]:
            assert not re.search(r"\b[A-Z]\(", one["question_description"])


def _survey(name: str) -> t.Dict[str, t.Any]:
    loaded = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return t.cast("t.Dict[str, t.Any]", loaded)
