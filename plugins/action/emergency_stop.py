# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop in the name of whoever runs the play."""

from __future__ import annotations

from ansible_collections.fleet.jobs.plugins.plugin_utils._action import ModuleAction, Result
from ansible_collections.fleet.jobs.plugins.plugin_utils._performer import performer


class ActionModule(ModuleAction):
    """Only what must happen on the controller."""

    module = "emergency_stop"

    def perform(self, arguments: Result, *, task_vars: Result) -> Result:
        arguments.setdefault("owner", performer(task_vars))
        return super().perform(arguments, task_vars=task_vars)
