# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring the host tool along, and collect the result in slices."""

from __future__ import annotations

import os

from ansible_collections.fleet.jobs.plugins.plugin_utils._action import (
    Result,
    SlicedAction,
    ToolAction,
)


class ActionModule(SlicedAction, ToolAction):
    """Only what must happen on the controller."""

    module = "systemd_run_job"

    def first_state(self) -> Result:
        """A slice that is asked for twice, because the connection broke, starts one job only."""
        return {"key": f"once-{os.urandom(8).hex()}"}

    def progress(self, result: Result) -> str:
        """Which job, and since when."""
        return f"{result.get('label')} has been running for {result.get('duration', 0):.0f} s"
