# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resolve a ref where the play runs without sending a module to where it is already."""

from __future__ import annotations

from ansible_collections.fleet.jobs.plugins.module_utils._ansible.outcome import Request, result_of
from ansible_collections.fleet.jobs.plugins.plugin_utils._action import ModuleAction, Result
from ansible_collections.fleet.jobs.plugins.plugin_utils._checked import CheckedModule
from ansible_collections.fleet.jobs.plugins.plugin_utils._performer import part_of_a_fleet

_MODULE = CheckedModule("deploy_source")


class ActionModule(ModuleAction):
    """Only what must happen on the controller."""

    module = _MODULE.name

    def perform(self, arguments: Result, *, task_vars: Result) -> Result:
        said = part_of_a_fleet(task_vars) if arguments.get("state") == "resolved" else None
        if said:
            self._display.display(said)
        return super().perform(arguments, task_vars=task_vars)

    def call(self, arguments: Result, *, task_vars: Result) -> Result:
        checked = _MODULE.check(arguments) if self._asks_from_here(arguments) else None
        if checked is None:
            return super().call(arguments, task_vars=task_vars)
        request = Request(params=checked.parameters, check_mode=bool(self._task.check_mode))
        answer, warnings = result_of(_MODULE.function(), request, diff=bool(self._task.diff))
        return checked.shown({**answer, "warnings": warnings} if warnings else answer)

    def _asks_from_here(self, arguments: Result) -> bool:
        """Only a question, and asked as the account and with the environment of the play."""
        task = self._task
        asks = arguments.get("state") == "resolved"
        plain = not (any(task.environment) or task.async_val or self._connection.become)
        return asks and plain and self._connection.transport == "local"
