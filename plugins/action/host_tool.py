# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring the host tool along."""

from __future__ import annotations

from ansible_collections.fleet.jobs.plugins.plugin_utils._action import ToolAction


class ActionModule(ToolAction):
    """Only what must happen on the controller."""

    module = "host_tool"
