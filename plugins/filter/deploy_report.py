# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that turns what the hosts returned into the report of a deploy."""

from __future__ import annotations

DOCUMENTATION = r"""
name: deploy_report
short_description: The report of a deploy, one verdict a host
version_added: 0.1.0
author:
  - fleet.jobs authors (@fleet-jobs)
description:
  - Reads what the role P(fleet.jobs.deploy#role) registered on every host and gives each host one
    verdict of C(noop), C(applied), C(deferred), C(mixed), C(rolled_back), C(failed),
    C(unreachable), C(locked).
positional: hosts
options:
  _input:
    description: The variable C(hostvars).
    type: dict
    required: true
  hosts:
    description: Names of all hosts of the deploy.
    type: list
    elements: str
    required: true
  deploy_id:
    description: Id of the deploy.
    type: str
    required: true
  ref:
    description: The ref that was asked for.
    type: str
    required: true
  sha:
    description: The commit it was resolved to.
    type: str
    required: true
  max_failed:
    description: How many hosts may fail, a number or a percentage such as C(10%).
    type: str
    default: "0"
  max_unreachable:
    description: How many hosts may be unreachable, a number or a percentage.
    type: str
    default: "0"
"""

EXAMPLES = r"""
- name: Show the verdicts
  ansible.builtin.debug:
    msg: "{{ (hostvars | fleet.jobs.deploy_report(groups.all, id, ref, sha)).lines }}"
"""

RETURN = r"""
_value:
  description: The document of C(deploy_report_file), and C(lines) with the same for people.
  type: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.fleet.jobs.plugins.plugin_utils._deploy_report import (
    GATE,
    STEPS,
    build,
    lines,
)


def deploy_report(
    hostvars: t.Mapping[str, t.Mapping[str, t.Any]],
    hosts: t.Sequence[str],
    deploy_id: str,
    ref: str,
    sha: str,
    max_failed: t.Any = "0",
    max_unreachable: t.Any = "0",
) -> t.Dict[str, t.Any]:
    """Collect the steps of every host and build the report."""
    found = {host: hostvars[host] for host in hosts}
    steps = {host: {step: found[host].get(step) for step in (*STEPS, GATE)} for host in hosts}
    try:
        report = build(
            steps,
            deploy_id=deploy_id,
            ref=ref,
            sha=sha,
            max_failed=max_failed,
            max_unreachable=max_unreachable,
        )
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error
    return {**report, "lines": lines(report)}


class FilterModule:
    """Offer the filter to Ansible."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"deploy_report": deploy_report}
