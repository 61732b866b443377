#!/usr/bin/python
# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: deploy_audit
short_description: Freeze a queue, look at it, and decide what a deploy may do
version_added: 0.1.0
author:
  - fleet.jobs authors (@fleet-jobs)
description:
  - Steps 1 and 2 of the deploy protocol on one host. Takes the lease, freezes the groups (what runs
    goes on, nothing new starts), looks at the checkout, the environment and the queue, and decides
    by the table running × failed × O(when_running).
  - A host that has the release already, whose imports are proven and that has no failed job to
    restart is C(noop); it is not frozen at all.
  - With O(when_running=wait) the module waits for running jobs in slices of O(slice_seconds); the
    action plugin of the collection asks again until they ended or O(drain_timeout) is over, and
    shows what it waits for. Then the host is C(deferred), thawed and unchanged.
  - The plan is recorded in the ledger under RV(plan.plan_id), with which M(fleet.jobs.deploy_apply)
    carries it out.
options:
  deploy_id:
    description: Id of the deploy; the same id on all hosts.
    type: str
    required: true
  project:
    description: Path of the git checkout that the jobs run from.
    type: str
    required: true
  repository:
    description: URL or path of the git repository.
    type: str
    required: true
  sha:
    description:
      - Full id of the commit, from M(fleet.jobs.deploy_source) with C(state=resolved).
    type: str
    required: true
  package:
    description: Name of the package to upgrade, together with O(version).
    type: str
  version:
    description: Exact version of O(package).
    type: str
  python:
    description:
      - The jobs' interpreter, absolute or relative to O(project).
      - Without it C(.venv/bin/python) of the project where that exists, else C(python3).
    type: str
  modules:
    description: Names of the Python modules that the jobs import and that are verified.
    type: list
    elements: str
    default: []
  assertions:
    description: What must be true of the deployed code, see M(fleet.jobs.deploy_verify).
    type: list
    elements: dict
    default: []
  groups:
    description: The groups that are frozen, waited for and restarted in; empty means all.
    type: list
    elements: str
    default: []
  when_running:
    description: What happens when jobs are running.
    type: str
    choices: [wait, finish_old, kill, abort]
    default: wait
  drain_timeout:
    description: Most seconds to wait for running jobs.
    type: int
    default: 3600
  slice_seconds:
    description: Most seconds one call waits, at most 50.
    type: int
    default: 20
  restart_labels:
    description: Patterns of labels whose failed jobs may be restarted.
    type: list
    elements: str
    default: ["*"]
  restart_classes:
    description:
      - Classes of failures that may be restarted on the new code.
      - What a deploy itself killed is restarted in any case.
    type: list
    elements: str
    choices:
      - oom_host
      - infra
      - evicted
      - yielded
      - dependency
      - timeout
      - oom_cap
      - killed
      - app
      - permanent
      - unknown
    default: [app, evicted, infra, oom_host, yielded]
  restart_budget:
    description: Most jobs that are restarted (AP-18).
    type: int
    default: 50
  restart_unsafe:
    description: Restart failed jobs also if they were not declared C(restart_safe).
    type: bool
    default: false
  rollback:
    description: Go back to where the host was when an upgrade or a verification fails.
    type: bool
    default: true
  freeze:
    description:
      - Take the lease, freeze and record a plan. V(false) only looks, and changes nothing.
    type: bool
    default: true
  lease_owner:
    description: Who deploys; without it the action plugin names the user and the controller.
    type: str
    default: somebody
  lease_ttl:
    description: Seconds after which the lease of a dead controller ends.
    type: int
    default: 900
  take_over:
    description: Take the lease from somebody else who holds it.
    type: bool
    default: false
  request:
    description:
      - Options of this module by their names, in one value; null means not given, and an option
        that is given beside it wins. Ansible evaluates one expression sooner than twenty.
      - Taken apart by the action plugin.
    type: dict
    default: {}
  state:
    description: RV(state) of the slice before. Filled in by the action plugin.
    type: dict
    default: {}
extends_documentation_fragment:
  - fleet.jobs.attributes
  - fleet.jobs.instance
attributes:
  idempotent:
    support: partial
    details: Where there is something to do, the lease is taken and the plan recorded each time.
"""

EXAMPLES = r"""
- name: Audit without touching anything
  fleet.jobs.deploy_audit:
    deploy_id: look
    project: /home/jobs/bars
    repository: https://git.example.org/team/bars.git
    sha: "{{ resolved.sha }}"
    freeze: false

- name: Freeze and decide
  fleet.jobs.deploy_audit:
    deploy_id: "{{ resolved.sha[:12] }}"
    project: /home/jobs/bars
    repository: https://git.example.org/team/bars.git
    sha: "{{ resolved.sha }}"
    when_running: wait
    drain_timeout: 1800
  register: audit
"""

RETURN = r"""
plan:
  description: >-
    What was audited and decided; C(decision), C(before_sha), C(running), C(failed) by
    class, C(restart), C(kept) with the reason, C(duplicates), C(strangers) and more. Lists hold at
    most 50 entries.
  type: dict
  returned: when the audit got that far
  contains:
    plan_id:
      description: The plan's id, a digest of what was found and decided.
      type: str
      returned: always
proceed:
  description: Whether M(fleet.jobs.deploy_apply) may follow.
  type: bool
  returned: success
verdict:
  description: Where this host is through already, its verdict, else null.
  type: str
  returned: always
reason:
  description: Why, in a sentence.
  type: str
  returned: success
lease_token:
  description: Token of the lease for the steps that follow; null where none is held any more.
  type: str
  returned: success
frozen:
  description: Groups that this deploy froze.
  type: list
  elements: str
  returned: success
finished:
  description: False where the module has to be asked again.
  type: bool
  returned: success
state:
  description: What the next slice has to know.
  type: dict
  returned: success
seconds:
  description: How long this took.
  type: float
  returned: success
clock:
  description: The host's clock at the end, in seconds since 1970.
  type: float
  returned: success
clock_offset:
  description: How far the host's clock is ahead of the controller's, in seconds.
  type: float
  returned: success, unless the module was called without its action plugin
actions:
  description: What was done, or in check mode would be done by the whole deploy.
  type: list
  elements: str
  returned: always
"""

import time
import typing as t

from ansible_collections.fleet.jobs.plugins.module_utils._ansible.arguments import (
    ArgumentSpec,
    instance,
)
from ansible_collections.fleet.jobs.plugins.module_utils._ansible.outcome import (
    Outcome,
    Request,
    run,
)
from ansible_collections.fleet.jobs.plugins.module_utils._deploy.audit import (
    AuditOptions,
    audit,
)
from ansible_collections.fleet.jobs.plugins.module_utils._deploy.request import (
    CLASSES_OPTION,
    DeployRequest,
)
from ansible_collections.fleet.jobs.plugins.module_utils._deploy.userinfo import secrets_in
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.bounded import bounded

SPEC = ArgumentSpec(
    options={
        "deploy_id": {"type": "str", "required": True},
        "project": {"type": "str", "required": True},
        "repository": {"type": "str", "required": True},
        "sha": {"type": "str", "required": True},
        "package": {"type": "str"},
        "version": {"type": "str"},
        "python": {"type": "str"},
        "modules": {"type": "list", "elements": "str", "default": []},
        "assertions": {"type": "list", "elements": "dict", "default": []},
        "groups": {"type": "list", "elements": "str", "default": []},
        "when_running": {
            "type": "str",
            "choices": ["wait", "finish_old", "kill", "abort"],
            "default": "wait",
        },
        "drain_timeout": {"type": "int", "default": 3600},
        "slice_seconds": {"type": "int", "default": 20},
        "restart_labels": {"type": "list", "elements": "str", "default": ["*"]},
        "restart_classes": dict(CLASSES_OPTION),
        "restart_budget": {"type": "int", "default": 50},
        "restart_unsafe": {"type": "bool", "default": False},
        "rollback": {"type": "bool", "default": True},
        "freeze": {"type": "bool", "default": True},
        "lease_owner": {"type": "str", "default": "somebody"},
        "lease_ttl": {"type": "int", "default": 900},
        "take_over": {"type": "bool", "default": False},
        "request": {"type": "dict", "default": {}},
        "state": {"type": "dict", "default": {}},
    }
).merge(instance())


def deploy_audit(request: Request) -> Outcome:
    """Audit and decide."""
    started = time.monotonic()
    params = request.params
    options = AuditOptions.parse(params, check_mode=request.check_mode)
    found = audit(DeployRequest.parse(params), request.instance(), options)
    before, after = found.difference()
    return Outcome(
        changed=found.changed,
        actions=bounded(found.actions[:100], limit=1000),
        before=before,
        after=after,
        data={
            **found.data(),
            "seconds": round(time.monotonic() - started, 3),
            "clock": round(time.time(), 3),
        },
        warnings=found.warnings(),
    )


def secrets(params: t.Mapping[str, t.Any]) -> t.Iterable[str]:
    """What must not be shown inside of options that are no secret as a whole."""
    return secrets_in(params["repository"])


def main() -> None:
    run(SPEC, deploy_audit, secrets=secrets)


if __name__ == "__main__":
    main()
