# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install, and say now and then that it is not done yet."""

from __future__ import annotations

from ansible_collections.fleet.jobs.plugins.plugin_utils._action import ModuleAction


class ActionModule(ModuleAction):
    """Only what must happen on the controller."""

    module = "deploy_wheel"
    doing = "deploy_wheel: the download, or an index that does not show the version yet"
