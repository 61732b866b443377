# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watch in slices."""

from __future__ import annotations

from ansible_collections.fleet.jobs.plugins.plugin_utils._action import Result
from ansible_collections.fleet.jobs.plugins.plugin_utils._resident import ResidentSlices


class ActionModule(ResidentSlices):
    """Only what must happen on the controller."""

    module = "host_watch"

    def progress(self, result: Result) -> str:
        """How far, and how it stands."""
        seconds = float(self._task.args.get("seconds") or 300)
        return f"watching {result.get('elapsed', 0):.0f}/{seconds:.0f} s: {result.get('verdict')}"
