#!/usr/bin/python
# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: deploy_report
short_description: Give every host of a deploy one verdict, and report
version_added: 0.1.0
description:
  - Reads what the role P(fleet.jobs.deploy#role) registered on every host of the play and gives
    each host one verdict of C(noop), C(applied), C(deferred), C(mixed), C(rolled_back),
    C(failed), C(unreachable), C(locked).
  - Shows one line a host, sets the artifact C(fleet_jobs_deploy) for later nodes of a workflow as
    M(ansible.builtin.set_stats) does, and writes the whole report to a file where one is named.
  - It runs on the controller and connects to no host; call it once, with C(run_once).
  - It never fails because of a verdict. What is RV(bad) and whether more hosts are bad than
    allowed, RV(exceeded), is for the next task.
author: fleet.jobs authors (@fleet-jobs)
extends_documentation_fragment:
  - fleet.jobs.attributes
attributes:
  check_mode:
    support: full
    details: The report of a check is shown and written as well.
  diff_mode:
    support: none
    details: A report is a record of the run, and no state of a host.
  idempotent:
    support: full
    details: Writing the report is not counted as a change.
options:
  hosts:
    description: Names of the hosts to report about; without it all hosts of the play.
    type: list
    elements: str
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
    description: How many hosts may fail, a number or a percentage of O(hosts) such as V(10%).
    type: str
    default: "0"
  max_unreachable:
    description: How many hosts may be unreachable, a number or a percentage of O(hosts).
    type: str
    default: "0"
  deferred_is:
    description: Whether a deferred host, left unchanged because its jobs ran, is a failed one.
    type: str
    choices: [ok, failed]
    default: ok
  dest:
    description: File on the controller that gets the report as JSON.
    type: path
seealso:
  - module: fleet.jobs.deploy_apply
  - ref: fleet.jobs.deploy
    description: The playbook, which calls it last.
"""

EXAMPLES = r"""
- name: Report
  fleet.jobs.deploy_report:
    deploy_id: "{{ __deploy_id }}"
    ref: "{{ deploy_ref }}"
    sha: "{{ __deploy_resolved.sha }}"
    dest: report.json
  register: report
  run_once: true

- name: Fail where the verdict is bad
  ansible.builtin.fail:
    msg: "{{ report.bad[inventory_hostname] }}"
  when: inventory_hostname in report.bad
"""

RETURN = r"""
actions:
  description: Always empty; a report changes no host.
  returned: always
  type: list
  elements: str
  sample: []
artifact:
  description:
    - What C(fleet_jobs_deploy) holds, C(version), C(check), C(deploy_id), C(ref), C(sha),
      C(plan_id), C(exceeded), C(verdicts) with the number of hosts of each verdict, C(hosts) with
      their names, and C(hosts_left_out), the number of names that did not fit into 60,000 bytes.
  returned: success
  type: dict
bad:
  description:
    - Verdict and reason of every host whose verdict is C(failed), C(rolled_back), C(unreachable) or
      C(locked), and C(deferred) where O(deferred_is=failed).
  returned: success
  type: dict
  sample: {"batch2": "unreachable: Lost at audit: no route to host"}
exceeded:
  description: Sentences about bounds that are exceeded, or why the gate let nobody on.
  returned: success
  type: list
  elements: str
  sample: []
"""


from ansible_collections.fleet.jobs.plugins.module_utils._ansible.arguments import ArgumentSpec
from ansible_collections.fleet.jobs.plugins.module_utils._ansible.outcome import (
    Outcome,
    Request,
    run,
)
from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError

SPEC = ArgumentSpec(
    options={
        "hosts": {"type": "list", "elements": "str"},
        "deploy_id": {"type": "str", "required": True},
        "ref": {"type": "str", "required": True},
        "sha": {"type": "str", "required": True},
        "max_failed": {"type": "str", "default": "0"},
        "max_unreachable": {"type": "str", "default": "0"},
        "deferred_is": {"type": "str", "choices": ["ok", "failed"], "default": "ok"},
        "dest": {"type": "path"},
    }
)


def refuse(request: Request) -> Outcome:
    """The action plugin of the same name does the work; a host knows nothing of the others."""
    del request
    raise FleetError(
        "deploy_report reads the variables of all hosts, so it runs on the controller only, as a "
        "task of its own and not through async."
    )


def main() -> None:
    """Entry point."""
    run(SPEC, refuse)


if __name__ == "__main__":
    main()
