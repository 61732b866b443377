# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring the host tool along, and use the code that is on the host."""

from __future__ import annotations

from ansible_collections.fleet.jobs.plugins.plugin_utils._action import ToolAction
from ansible_collections.fleet.jobs.plugins.plugin_utils._resident import ResidentAction


class ActionModule(ToolAction, ResidentAction):
    """Only what must happen on the controller."""

    module = "pueue_queue_guarded"
