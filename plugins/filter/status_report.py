# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that turns what M(fleet.jobs.pueue_status) returned on every host into one report."""

from __future__ import annotations

DOCUMENTATION = r"""
name: status_report
short_description: The fleet at a glance
version_added: 0.1.0
author:
  - fleet.jobs authors (@fleet-jobs)
description:
  - Reads what the role P(fleet.jobs.status#role) registered on every host.
positional: hosts
options:
  _input:
    description: The variable C(hostvars).
    type: dict
    required: true
  hosts:
    description: Names of the hosts.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show the fleet
  ansible.builtin.debug:
    msg: "{{ (hostvars | fleet.jobs.status_report(groups.all)).lines }}"
"""

RETURN = r"""
_value:
  description: The document of C(status_report_file), and C(lines) with the same for people.
  type: dict
"""

import typing as t

from ansible_collections.fleet.jobs.plugins.plugin_utils._status_report import build, lines


def status_report(
    hostvars: t.Mapping[str, t.Mapping[str, t.Any]], hosts: t.Sequence[str]
) -> t.Dict[str, t.Any]:
    """Collect the statuses and build the report."""
    report = build({host: hostvars[host].get("__status_queue") for host in hosts})
    return {**report, "lines": lines(report)}


class FilterModule:
    """Offer the filter to Ansible."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"status_report": status_report}
