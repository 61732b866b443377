# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role awx makes, leaves alone, refuses and takes back, told from what a server has."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.plugin_utils._awx_objects import WITHIN, things
from ansible_collections.fleet.jobs.plugins.plugin_utils._awx_wish import mark, wish
from ansible_collections.fleet.jobs.tests.support import documentation

KEYS = {"awx_project_url": "git@host:fleet.git", "awx_machine_user": "jobs", "awx_machine_key": "k"}
There = t.Dict[str, t.Dict[str, t.Any]]


def _given(**options: t.Any) -> t.Dict[str, t.Any]:
    defaults = documentation.load("roles", "awx", "defaults", "main.yml")
    given = {**defaults, **KEYS, **options}
    for name, value in given.items():
        if isinstance(value, str):
            given[name] = value.replace("{{ awx_prefix }}", given["awx_prefix"])
    return given


def _found(given: t.Mapping[str, t.Any], *by_hand: str, without: t.Sequence[str] = ()) -> There:
    """An AWX that has everything, made by the role except for what was made by hand."""
    found: There = {}
    for number, one in enumerate(things(given), start=1):
        if one.key in without:
            continue
        text = "" if one.key in by_hand else f"x {mark(given)}"
        found[one.key] = {"id": number, "type": one.at, "name": one.name, "description": text}
        if one.within in found:
            found[one.key][WITHIN[one.within]] = found[one.within]["id"]
    return found


def _wish(
    given: t.Mapping[str, t.Any], found: There, used: t.Optional[t.Dict[str, t.Any]] = None
) -> t.Dict[str, t.Any]:
    answers = [[found[one.key]] if one.key in found else [] for one in things(given)]
    seen = wish(given, answers)
    if used is None:
        return seen
    return wish(given, answers, [used.get(one["key"], []) for one in seen["usage"]])


def test_everything_is_made_where_nothing_is() -> None:
    given = _given()
    seen = _wish(given, {})
    assert seen["problems"] == [] and seen["ours"] == [] and seen["usage"] == []
    assert "Fleet Deploy (job_templates)" in seen["missing"]
    assert seen["write"] == seen["new"]
    assert {"index", "git", "environment", "notification"}.isdisjoint(seen["write"])


def test_what_somebody_made_is_used_as_it_is() -> None:
    given = _given()
    seen = _wish(given, _found(given, "organization", "project", "inventory", "machine"))
    assert seen["problems"] == [] and seen["missing"] == []
    assert {"organization", "project", "inventory", "machine"}.isdisjoint(seen["write"])
    # An inventory of somebody is filled by them.
    assert "source" not in seen["write"] and "deploy" in seen["write"]


def test_a_template_that_somebody_made_is_refused() -> None:
    given = _given()
    (said,) = _wish(given, _found(given, "status"))["problems"]
    assert said.startswith('"Fleet Status" (job_templates) is there already')
    assert _wish(_given(awx_setup_state="absent"), _found(given, "status"))["problems"] == []


def test_another_prefix_is_somebody_else() -> None:
    given = _given(awx_organization="Batch")
    other = _given(awx_organization="Batch", awx_prefix="Night")
    assert (
        "organization" not in _wish(other, {"organization": _found(given)["organization"]})["ours"]
    )


def test_two_of_a_name_are_not_guessed_at() -> None:
    given = _given()
    found = _found(given)
    answers = [[found[one.key]] if one.key in found else [] for one in things(given)]
    place = [one.key for one in things(given)].index("machine")
    answers[place] = [*answers[place], {**found["machine"], "id": 99}]
    (said,) = wish(given, answers)["problems"]
    assert said.startswith('There are 2 of "Fleet machine" (credentials)')


def test_the_same_name_in_another_organization_is_another_object() -> None:
    given = _given()
    found = _found(given)
    found["deploy"]["organization"] = 4711
    assert "deploy" in _wish(given, found)["new"]


def test_absent_takes_what_has_the_mark() -> None:
    given = _given(awx_setup_state="absent")
    found = _found(given, "organization", "deploy")
    seen = _wish(given, found, {})
    assert set(seen["gone"]) == set(found) - {"organization", "deploy"} and seen["kept"] == []


def test_what_others_use_stays_and_so_does_what_that_needs() -> None:
    given = _given(awx_setup_state="absent")
    found = _found(given)
    nightly = {"id": 99, "type": "job_template", "name": "Nightly", "description": ""}
    used = {
        "inventory": [nightly, found["deploy"]],
        "project": [found["source"], found["deploy"]],
        "organization": [found["project"], found["status"]],
    }
    seen = _wish(given, found, used)
    assert {"inventory", "source", "project", "organization"}.isdisjoint(seen["gone"])
    assert {"deploy", "machine", "workflow", "schedule"} <= set(seen["gone"])
    assert '"Fleet hosts" stays, since it is used by Nightly.' in seen["kept"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"awx_prefixx": "A"}, "awx_prefixx: the role fleet.jobs.awx has no such variable."),
        ({"awx_prefix": " "}, "awx_prefix must not be empty."),
        ({"awx_status_schedule": "daily"}, 'awx_status_schedule: "daily" is no schedule'),
        ({"awx_questions": {"deploy_reff": {}}}, 'awx_questions names "deploy_reff"'),
        ({"awx_questions_left_out": ["ref"]}, 'awx_questions_left_out names "ref"'),
        (
            {"awx_questions": {"deploy_drain_timeout": {"default": "soon"}}},
            'awx_questions, the default of deploy_drain_timeout: "soon" is no whole number.',
        ),
        ({"awx_questions": {"deploy_ref": "main"}}, "awx_questions: deploy_ref takes a dictionary"),
        ({"awx_notification_type": "email"}, "awx_notification_type is email"),
    ],
)
def test_wrong_variables_are_sentences(options: t.Dict[str, t.Any], said: str) -> None:
    found = wish(_given(**options))
    assert found["problems"] and found["problems"][0].startswith(said)
    assert found["objects"] == []


def test_variables_that_awx_gives_to_its_jobs_are_nobodys_mistake() -> None:
    of_awx = ("awx_job_id", "awx_user_name", "awx_inventory_id", "awx_project_revision")
    of_awx += ("awx_workflow_job_id", "awx_schedule_name", "awx_job_launch_type")
    assert wish(_given(**{name: 1 for name in of_awx}))["problems"] == []


def test_questions_are_changed_and_left_out() -> None:
    given = _given(
        awx_questions={"deploy_ref": {"default": "main"}},
        awx_questions_left_out=["deploy_drain_timeout", "fleet_hosts", "status_source"],
    )
    surveys = {one["key"]: one["survey"] for one in wish(given)["templates"]}
    asked = {one["variable"]: one for one in surveys["deploy"]["spec"]}
    assert asked["deploy_ref"]["default"] == "main"
    assert "deploy_drain_timeout" not in asked
    # AWX takes no survey without a question; there is none then.
    assert surveys["status"] == {}
