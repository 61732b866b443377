# SPDX-License-Identifier: GPL-3.0-or-later
"""A module's documentation says exactly what its argument spec says."""

from __future__ import annotations

import typing as t

import pytest
import yaml

from ansible_collections.fleet.jobs.tests.support import documentation, returns

MODULES = documentation.modules()
ON_HOSTS = documentation.modules_of_hosts()
# Facts of an option that the documentation and the spec must both state, and their defaults.
FACTS = {"type": "str", "elements": None, "required": False, "default": None, "aliases": []}
# Keys of a result by which ansible-core decides what happened.
MEANT_FOR_CORE = set(
    "ansible_facts censored deprecations exception invocation item results skipped unreachable "
    "warnings".split()
)


def test_there_are_modules() -> None:
    assert MODULES


@pytest.mark.parametrize("name", MODULES)
def test_is_documented(name: str) -> None:
    document = documentation.documents()[name]
    assert document["doc"]["short_description"]
    assert document["doc"]["author"]
    assert document["doc"]["version_added"]
    assert document["return"], "RETURN is empty"
    examples = yaml.safe_load(document["examples"])
    assert examples, "EXAMPLES is empty"
    assert any(f"fleet.jobs.{name}" in task for task in _tasks(examples))


@pytest.mark.parametrize("name", MODULES)
def test_options_are_those_of_the_spec(name: str) -> None:
    documented = documentation.documents()[name]["doc"].get("options", {})
    real = documentation.specification(name)["argument_spec"]
    assert list(_differences(documented, real)) == []


@pytest.mark.parametrize("name", MODULES)
def test_examples_use_options_that_exist(name: str) -> None:
    real = documentation.specification(name)["argument_spec"]
    for task in _tasks(yaml.safe_load(documentation.documents()[name]["examples"])):
        arguments = task.get(f"fleet.jobs.{name}") or {}
        unknown = sorted(set(arguments) - set(real))
        assert not unknown, f"an example gives {unknown}"


@pytest.mark.parametrize("name", MODULES)
def test_attributes_are_honest(name: str) -> None:
    attributes = documentation.documents()[name]["doc"]["attributes"]
    for attribute in ("check_mode", "diff_mode", "idempotent", "platform"):
        assert attributes[attribute]["support"] in ("full", "partial", "none", "N/A")
        if attributes[attribute]["support"] == "partial":
            assert attributes[attribute].get("details"), f"{attribute}: partial needs details"
    promised = attributes["check_mode"]["support"] != "none"
    assert bool(documentation.specification(name).get("supports_check_mode")) == promised


@pytest.mark.parametrize("name", MODULES)
def test_common_returns_are_documented(name: str) -> None:
    assert "actions" in returns.documented(name)


@pytest.mark.parametrize("name", MODULES)
def test_returns_keep_off_ansible_s_own_keys(name: str) -> None:
    """A list under ``skipped`` would make ansible-core count the whole task as skipped."""
    assert not set(returns.documented(name)) & MEANT_FOR_CORE


@pytest.mark.parametrize("name", ON_HOSTS)
def test_takes_the_defaults_of_the_action_group(name: str) -> None:
    """``module_defaults`` of the group reach every module, so each must accept them."""
    spec = documentation.specification(name)["argument_spec"]
    assert {"pueue_config", "state_dir"} <= set(spec)


def test_action_group_has_every_module_of_an_instance_and_nothing_else() -> None:
    groups = documentation.load("meta", "runtime.yml")["action_groups"]
    assert list(groups) == ["all"]
    assert groups["all"] == ON_HOSTS


def _tasks(examples: t.Sequence[t.Mapping[str, t.Any]]) -> t.Iterator[t.Mapping[str, t.Any]]:
    """Tasks of a list of tasks or of plays, blocks opened."""
    for entry in examples:
        nested = [entry.get(key) or [] for key in ("tasks", "block", "rescue", "always")]
        if any(nested):
            for tasks in nested:
                yield from _tasks(tasks)
        else:
            yield entry


def _differences(
    documented: documentation.Options, real: documentation.Options, *, place: str = ""
) -> t.Iterator[str]:
    for option in sorted(set(documented) | set(real)):
        here = f"{place}{option}"
        if option not in documented:
            yield f"{here}: not documented"
        elif option not in real:
            yield f"{here}: documented only"
        else:
            yield from _facts(documented[option], real[option], here)


def _facts(
    documented: t.Mapping[str, t.Any], real: t.Mapping[str, t.Any], place: str
) -> t.Iterator[str]:
    for fact, usual in FACTS.items():
        said, meant = documented.get(fact, usual), real.get(fact, usual)
        if said != meant:
            yield f"{place}: {fact} is documented as {said!r} and is {meant!r}"
    said, meant = documented.get("choices") or [], real.get("choices") or []
    if list(said) != list(meant):
        yield f"{place}: choices are documented as {said!r} and are {meant!r}"
    yield from _differences(
        documented.get("suboptions") or {}, real.get("options") or {}, place=f"{place}."
    )
