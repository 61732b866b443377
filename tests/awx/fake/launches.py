# SPDX-License-Identifier: GPL-3.0-or-later
"""Launching a template: what AWX asks for and refuses. Nothing is started."""

from __future__ import annotations

import typing as t

from ansible_collections.fleet.jobs.tests.awx.fake.answers import ROOT
from ansible_collections.fleet.jobs.tests.awx.fake.fields import Invalid, parse_variables
from ansible_collections.fleet.jobs.tests.awx.fake.prompts import PROMPTS, variable_errors
from ansible_collections.fleet.jobs.tests.awx.fake.store import Row, Store


def launch(store: Store, row: Row, method: str, body: t.Any) -> t.Tuple[int, t.Any]:
    """GET says what is needed; POST checks answers and would start a job."""
    survey = row.get("_survey") or {}
    asked = PROMPTS[row["_kind"]]
    if method == "GET":
        needed = [one["variable"] for one in survey.get("spec", []) if one["required"]]
        return 200, {
            **{switch: row[switch] for switch in asked.values()},
            "survey_enabled": row["survey_enabled"],
            "variables_needed_to_start": needed if row["survey_enabled"] else [],
            "can_start_without_user_input": not (needed and row["survey_enabled"]),
        }
    if method != "POST":
        return 405, {"detail": f'Method "{method}" not allowed.'}
    given = dict(body or {})
    given["extra_vars"] = parse_variables(given.get("extra_vars") or {})
    # What is not asked for at a launch by hand is ignored, and named in the answer.
    errors = variable_errors(row, given, all_needed=True)
    refused = errors.pop("extra_vars", None)
    if errors:
        raise Invalid(errors)
    ignored = {
        name: value
        for name, value in given.items()
        if name in asked and name != "extra_vars" and not row[asked[name]]
    }
    if refused:
        ignored["extra_vars"] = given["extra_vars"]
    kind = "jobs" if row["_kind"] == "job_templates" else "workflow_jobs"
    number = len(store.launched) + 1
    job = {"id": number, "url": f"{ROOT}/{kind}/{number}/", "type": kind.rstrip("s")}
    job.update(status="pending", name=row["name"], extra_vars=given["extra_vars"])
    store.launched.append(job)
    return 201, {**job, "ignored_fields": ignored}
