# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Audit in slices, in the name of whoever runs the play."""

from __future__ import annotations

import time

from ansible_collections.fleet.jobs.plugins.plugin_utils._action import Result
from ansible_collections.fleet.jobs.plugins.plugin_utils._performer import performer
from ansible_collections.fleet.jobs.plugins.plugin_utils._resident import ResidentSlices


class ActionModule(ResidentSlices):
    """Only what must happen on the controller."""

    module = "deploy_audit"

    def perform(self, arguments: Result, *, task_vars: Result) -> Result:
        given = arguments.pop("request", None) or {}
        if not isinstance(given, dict):
            return {
                "failed": True,
                "changed": False,
                "msg": f"request: give a dictionary of options; this is none: {str(given)[:200]}",
            }
        known = {name: value for name, value in given.items() if value is not None}
        arguments = {**known, **arguments}
        arguments.setdefault("lease_owner", performer(task_vars))
        result = super().perform(arguments, task_vars=task_vars)
        if "clock" in result:
            result["clock_offset"] = round(float(result["clock"]) - time.time(), 3)
        return result

    def progress(self, result: Result) -> str:
        """What the host waits for."""
        return str((result.get("state") or {}).get("progress") or "not finished yet")
