# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait in slices."""

from __future__ import annotations

from ansible_collections.fleet.jobs.plugins.plugin_utils._action import Result, SlicedAction


class ActionModule(SlicedAction):
    """Only what must happen on the controller."""

    module = "pueue_wait"

    def progress(self, result: Result) -> str:
        """How long, and for how many."""
        left = (result.get("running") or {}).get("count", 0)
        return f"waited {result.get('waited', 0):.0f} s: {left} jobs to go"
