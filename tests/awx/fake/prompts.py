# SPDX-License-Identifier: GPL-3.0-or-later
"""What a schedule or a workflow node may answer in advance for the template that it starts."""

from __future__ import annotations

import typing as t

from ansible_collections.fleet.jobs.tests.awx.fake import kind
from ansible_collections.fleet.jobs.tests.awx.fake.credentials import passwords_needed
from ansible_collections.fleet.jobs.tests.awx.fake.fields import Invalid, parse_variables
from ansible_collections.fleet.jobs.tests.awx.fake.store import Row, Store
from ansible_collections.fleet.jobs.tests.awx.fake.surveys import answer_errors

NOT_ASKED = "Field is not configured to prompt on launch."
PROMPTS = {"job_templates": kind.JOB_PROMPTS, "workflow_job_templates": kind.WORKFLOW_PROMPTS}
LISTS = ("credentials", "labels", "instance_groups")


def check_prompts(store: Store, values: Row, old: t.Optional[Row], *, all_needed: bool) -> None:
    """Refuse answers that the template does not ask for; ``values`` are those just posted."""
    both = {**(old or {}), **values}
    template = store.find(kind.UNIFIED, both.get("unified_job_template"))
    if template is None:
        return
    asked = PROMPTS.get(template["_kind"], {})
    if not ({*asked, "extra_data"} & {*values}):
        return
    given = {
        name: both[name]
        for name in kind.JOB_PROMPTS
        if name != "extra_vars" and name not in LISTS and both.get(name) is not None
    }
    if both.get("extra_data"):
        given["extra_vars"] = both["extra_data"]
    errors = launch_errors(store, template, given, all_needed=all_needed)
    if "extra_vars" in errors:
        errors["extra_data"] = errors.pop("extra_vars")
    if errors:
        raise Invalid(errors)


def launch_errors(
    store: Store, template: Row, given: t.Mapping[str, t.Any], *, all_needed: bool
) -> t.Dict[str, t.Any]:
    """What AWX says about prompts for a template; nothing where all is well."""
    asked = PROMPTS.get(template["_kind"])
    if asked is None:
        return {name: ["Field is not allowed on launch."] for name in given}
    errors: t.Dict[str, t.Any] = variable_errors(template, given, all_needed=all_needed)
    for name, switch in asked.items():
        if name == "extra_vars" or name not in given or given[name] == template.get(name):
            continue
        if not template[switch]:
            errors[name] = NOT_ASKED
    if template["_kind"] == "job_templates":
        errors.update(_needs(store, template, given))
    return errors


def _needs(store: Store, template: Row, given: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """What a job template lacks, and no saved answer can bring."""
    needs: t.Dict[str, t.Any] = {}
    missing = [
        f"Job Template {name} is missing or undefined."
        for name in ("project", "inventory")
        if template.get(name) is None and name not in given
    ]
    if missing:
        needs["resources_needed_to_start"] = missing
    used = [store.find("credentials", one) for one in store.linked(template, "credentials")]
    asking = any(passwords_needed(one) for one in used if one is not None)
    if asking and not template["ask_credential_on_launch"]:
        needs["passwords_needed_to_start"] = (
            "Saved launch configurations cannot provide passwords needed to start."
        )
    return needs


def variable_errors(
    template: Row, given: t.Mapping[str, t.Any], *, all_needed: bool
) -> t.Dict[str, t.Any]:
    """Answers against the survey; other variables against "Prompt on launch"."""
    errors: t.Dict[str, t.Any] = {}
    left = dict(given.get("extra_vars") or {})
    survey = template.get("_survey") or {}
    if template["survey_enabled"] and survey:
        wrong = answer_errors(survey, left, all_needed=all_needed)
        if wrong:
            errors["variables_needed_to_start"] = wrong
        for question in survey["spec"]:
            left.pop(question["variable"], None)
    own = parse_variables(template["extra_vars"])
    left = {name: value for name, value in left.items() if own.get(name, left) != value}
    if left and not template["ask_variables_on_launch"]:
        label = template["_kind"].rstrip("s").replace("_", " ").title()
        errors["extra_vars"] = [
            f"Variables {', '.join(left)} are not allowed on launch. Check the Prompt on Launch "
            f"setting on the {label} to include Extra Variables."
        ]
    return errors
