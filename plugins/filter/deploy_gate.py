# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that decides whether a deploy may change the fleet."""

from __future__ import annotations

DOCUMENTATION = r"""
name: deploy_gate
short_description: May a deploy change hosts, after what happened on all of them so far
version_added: 0.1.0
author:
  - fleet.jobs authors (@fleet-jobs)
description:
  - Counts the hosts that failed, in this wave and in earlier ones, and the hosts that could not be
    reached, and compares both with their bounds. C(max_fail_percentage) cannot do this, since it
    does not count unreachable and rescued hosts.
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
  max_failed:
    description: How many hosts may fail, a number or a percentage such as C(10%).
    type: str
    default: "0"
  max_unreachable:
    description: How many hosts may be unreachable, a number or a percentage.
    type: str
    default: "0"
  plan_id:
    description: Id of the fleet's plan that was approved; without it any plan is taken.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Stop before the first change when a host cannot take part
  ansible.builtin.assert:
    that: (hostvars | fleet.jobs.deploy_gate(ansible_play_hosts_all)).ok
"""

RETURN = r"""
_value:
  description: >-
    C(ok), C(reason), C(plan_id), the names of C(failed) and C(unreachable) hosts, and whether
    any host is C(watched) afterwards.
  type: dict
"""

import typing as t

from ansible_collections.fleet.jobs.plugins.plugin_utils._answers import converted
from ansible_collections.fleet.jobs.plugins.plugin_utils._deploy_report import (
    collect,
    gate,
)
from ansible_collections.fleet.jobs.plugins.plugin_utils._questions import question

SECONDS = "deploy_monitor_seconds"
LOAD_SHARE = "deploy_monitor_load_share"


def deploy_gate(
    hostvars: t.Mapping[str, t.Mapping[str, t.Any]],
    hosts: t.Sequence[str],
    max_failed: t.Any = "0",
    max_unreachable: t.Any = "0",
    plan_id: str = "",
) -> t.Dict[str, t.Any]:
    """Collect the steps of every host and ask the gate."""
    # A look at one host's variables gathers all of them.
    found = {host: hostvars[host] for host in hosts}
    steps = collect(found, hosts)
    watched = any(_watched(found[host].get(SECONDS)) for host in hosts)
    try:
        for host in hosts:
            _check_watch(host, found[host])
        made = gate(steps, max_failed=max_failed, max_unreachable=max_unreachable, plan_id=plan_id)
    except ValueError as error:
        # A task that failed for all hosts at once would have only the first of them thawed.
        reason = f"Nothing was changed here: {error}"
        made = {"ok": False, "plan_id": "", "reason": reason, "failed": [], "unreachable": []}
    return {**made, "watched": watched}


def _check_watch(host: str, variables: t.Mapping[str, t.Any]) -> None:
    """The watch comes after the change, so what is wrong with its options is said before it."""
    for name in (SECONDS, LOAD_SHARE):
        try:
            converted(name, variables.get(name), question(name))
        except ValueError as error:
            raise ValueError(f'On host "{host}", {error}') from error


def _watched(seconds: t.Any) -> bool:
    """Where no inventory or extra variable says so, the role's default does."""
    return str(seconds).strip() != "0"


class FilterModule:
    """Offer the filter to Ansible."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"deploy_gate": deploy_gate}
