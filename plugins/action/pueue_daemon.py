# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait in slices for the jobs that a restart of pueued would kill."""

from __future__ import annotations

from ansible_collections.fleet.jobs.plugins.plugin_utils._action import Result, SlicedAction


class ActionModule(SlicedAction):
    """Only what must happen on the controller."""

    module = "pueue_daemon"
    state_option = "waiting"
    # Others' change, a slice, a stop, a start, and all of it back again.
    answer_seconds = 1800.0

    def progress(self, result: Result) -> str:
        """Whom the host waits for."""
        return str((result.get("waiting") or {}).get("progress") or "not finished yet")
