# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send the files, but only to a host that lacks them."""

from __future__ import annotations

import os

from ansible_collections.fleet.jobs.plugins.plugin_utils._action import ModuleAction, Result


class ActionModule(ModuleAction):
    """Only what must happen on the controller."""

    module = "host_program"

    def call(self, arguments: Result, *, task_vars: Result) -> Result:
        result = super().call(arguments, task_vars=task_vars)
        if not result.get("files_missing"):
            return result
        source = os.path.expanduser(str(arguments["source"]))
        names = arguments.get("programs") or [arguments["name"]]
        local = {name: os.path.join(source, name) for name in names}
        lacking = [path for path in local.values() if not os.path.isfile(path)]
        if lacking:
            return {
                "failed": True,
                "changed": False,
                "actions": [],
                "msg": f'There is no "{lacking[0]}" on the controller to install.',
            }
        received = {name: self.send(path, name=name) for name, path in local.items()}
        return super().call({**arguments, "received": received}, task_vars=task_vars)
