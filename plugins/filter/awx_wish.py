# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that tells what has to be made in an AWX, and what may be taken back."""

from __future__ import annotations

DOCUMENTATION = r"""
name: awx_wish
short_description: What the role awx has to make in an AWX, and what it may take back
version_added: 0.1.0
author:
  - fleet.jobs authors (@fleet-jobs)
description:
  - Made for the role P(fleet.jobs.awx#role). It checks the role's variables, names the objects to
    look for, and, when it is told what is there, whose each of them is.
positional: found, used
options:
  _input:
    description: All variables of the role, by name.
    type: dict
    required: true
  found:
    description: For each of the C(objects) of an earlier answer, what the server has by that name.
    type: list
    elements: list
  used:
    description: For each entry of C(usage) of an earlier answer, what the server has that matches.
    type: list
    elements: list
"""

EXAMPLES = r"""
- name: Refuse wrong variables
  ansible.builtin.assert:
    that: (variables | fleet.jobs.awx_wish).problems | length == 0
"""

RETURN = r"""
_value:
  description: >-
    C(problems) as sentences, the C(objects) to look for, their C(names), the C(templates) with
    their surveys, the C(nodes) of the workflow; once C(found) is given, which keys to C(write),
    what is C(missing), what is C(ours), the C(usage) to ask for, what is C(gone) when it is taken
    back, and sentences about what is C(kept).
  type: dict
"""

import typing as t

from ansible_collections.fleet.jobs.plugins.plugin_utils._awx_wish import wish


class FilterModule:
    """Offer the filter to Ansible."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"awx_wish": wish}
