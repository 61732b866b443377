# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply with the code that is on the host already."""

from __future__ import annotations

from ansible_collections.fleet.jobs.plugins.plugin_utils._resident import ResidentAction


class ActionModule(ResidentAction):
    """Only what must happen on the controller."""

    module = "deploy_apply"
    doing = "deploy_apply: pull, upgrade (also for an index that lags), verify, restart"
