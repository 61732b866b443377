# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module must say about itself."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes; each module fills in ``support`` where it differs."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can run in C(check_mode) and tell what would change, without changing anything.
    support: full
  diff_mode:
    description: Returns what changed, or in C(check_mode) what would change, as C(diff).
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
  platform:
    description: Target OS.
    support: full
    platforms: posix
"""

    QUERY = r"""
attributes:
  check_mode:
    description: Can run in C(check_mode) and tell what would change, without changing anything.
    support: full
    details: The module never changes anything.
  diff_mode:
    description: Returns what changed, or in C(check_mode) what would change, as C(diff).
    support: N/A
    details: The module never changes anything.
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
  platform:
    description: Target OS.
    support: full
    platforms: posix
"""
