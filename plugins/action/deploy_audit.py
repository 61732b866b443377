# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Audit in slices, in the name of whoever runs the play."""

from __future__ import annotations

import time

from ansible_collections.fleet.jobs.plugins.plugin_utils._action import Result
from ansible_collections.fleet.jobs.plugins.plugin_utils._answers import (
    NOT_GIVEN,
    WrongAnswer,
    converted,
)
from ansible_collections.fleet.jobs.plugins.plugin_utils._performer import performer
from ansible_collections.fleet.jobs.plugins.plugin_utils._questions import questions
from ansible_collections.fleet.jobs.plugins.plugin_utils._resident import ResidentSlices

# Before the workers fork, so that none of them has to read this again.
_QUESTIONS = questions("deploy")
_OTHER_NAMES = {"take_over": "deploy_lease_take_over"}


class ActionModule(ResidentSlices):
    """Only what must happen on the controller."""

    module = "deploy_audit"

    def perform(self, arguments: Result, *, task_vars: Result) -> Result:
        try:
            arguments = {**_taken_apart(arguments.pop("request", None) or {}), **arguments}
        except WrongAnswer as error:
            return {"failed": True, "changed": False, "actions": [], "msg": str(error)}
        arguments.setdefault("lease_owner", performer(task_vars))
        result = super().perform(arguments, task_vars=task_vars)
        if "clock" in result:
            result["clock_offset"] = round(float(result["clock"]) - time.time(), 3)
        return result

    def progress(self, result: Result) -> str:
        """What the host waits for."""
        return str((result.get("state") or {}).get("progress") or "not finished yet")


def _taken_apart(given: object) -> Result:
    """The options of the role's variables, which may be answers of a survey."""
    if not isinstance(given, dict):
        raise WrongAnswer(
            f"request: give a dictionary of options; this is none: {str(given)[:200]}"
        )
    known = {}
    for option, value in given.items():
        name = _OTHER_NAMES.get(option, f"deploy_{option}")
        found = converted(name, value, _QUESTIONS.get(name, {}))
        if found is not NOT_GIVEN:
            known[option] = found
    return known
