# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that say which jobs a module works on."""

from __future__ import annotations


class ModuleDocFragment:
    """Shared documentation; the spec is in ``module_utils/_ansible/selection.py``."""

    DOCUMENTATION = r"""
options:
  labels:
    description:
      - Patterns of labels, as a shell matches file names, such as V(bars/*). A job is meant if
        one of them matches its whole label. Task ids are never used.
      - Without any, jobs of every label are meant.
    type: list
    elements: str
    default: []
  groups:
    description:
      - Names of pueue groups. Without any, jobs in all groups are meant.
    type: list
    elements: str
    default: []
"""
