# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look with code that is on the host already, where there is some."""

from __future__ import annotations

from ansible_collections.fleet.jobs.plugins.plugin_utils._resident import ResidentAction


class ActionModule(ResidentAction):
    """Only what must happen on the controller."""

    module = "pueue_status"
    brings_code = False
    # A look takes seconds, on a queue of ten thousand tasks as well.
    answer_seconds = 600.0
