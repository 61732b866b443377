#!/usr/bin/python
# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: deploy_apply
short_description: Pull, upgrade, verify, restart and release, by the id of an audited plan
version_added: 0.1.0
author:
  - fleet.jobs authors (@fleet-jobs)
description:
  - Steps 3 to 7 of the deploy protocol on one host in one call, through the same functions as
    M(fleet.jobs.deploy_source), M(fleet.jobs.deploy_wheel), M(fleet.jobs.deploy_verify) and
    M(fleet.jobs.pueue_restart_guarded).
  - What was audited is looked at again; if it moved, the plan is refused and what moved is named.
  - Whatever fails, the groups that the deploy froze are thawed and the lease is given back. Code
    that could not be verified is taken back before the thaw, unless the plan says otherwise.
options:
  plan_id:
    description: RV(fleet.jobs.deploy_audit#module:plan.plan_id) of the audit.
    type: str
    required: true
  repository:
    description: URL or path of the git repository, again since a plan never holds a credential.
    type: str
    required: true
  lease_token:
    description: Token of the lease that the audit took.
    type: str
    required: true
  lease_ttl:
    description: Seconds by which the lease is renewed after each phase.
    type: int
    default: 900
  refused:
    description:
      - Why nothing may be changed here after all, for example C(reason) of
        P(fleet.jobs.deploy_gate#filter). With a reason the module fails with it and does nothing
        else; M(fleet.jobs.deploy_lease) thaws and ends the lease.
    type: str
    default: ""
  index_url:
    description: URL of the package index; without it uv's own configuration on the host applies.
    type: str
  index_username:
    description: User name for O(index_url).
    type: str
  index_password:
    description: Password for O(index_url).
    type: str
extends_documentation_fragment:
  - fleet.jobs.attributes
  - fleet.jobs.instance
attributes:
  idempotent:
    support: partial
    details: A plan is applied once; its lease ends with it. Audit again for the next one.
"""

EXAMPLES = r"""
- name: Carry the plan out
  fleet.jobs.deploy_apply:
    plan_id: "{{ audit.plan.plan_id }}"
    repository: https://git.example.org/team/bars.git
    lease_token: "{{ audit.lease_token }}"
  when: audit.proceed
"""

RETURN = r"""
verdict:
  description: C(applied), C(mixed), C(rolled_back) or C(failed).
  type: str
  returned: when the plan was found
reason:
  description: Why, in a sentence.
  type: str
  returned: when the plan was found
before_sha:
  description: Commit of the checkout before.
  type: str
  returned: when the plan was found
after_sha:
  description: Commit of the checkout now; null if it was not touched.
  type: str
  returned: when the plan was found
phases:
  description: Each phase that is done, with what it found or did.
  type: dict
  returned: when the plan was found
killed:
  description: Labels of running jobs that were killed, at most 50.
  type: list
  elements: str
  returned: when the plan was found
restarted:
  description: Labels of jobs that were restarted, at most 50.
  type: list
  elements: str
  returned: when the plan was found
restarted_count:
  description: How many jobs were restarted.
  type: int
  returned: when the plan was found
skipped_jobs:
  description: Failed jobs that were not restarted, with C(label), C(why) and C(hazard), at most 50.
  type: list
  elements: dict
  returned: when the plan was found
skipped_count:
  description: How many failed jobs were not restarted.
  type: int
  returned: when the plan was found
seconds:
  description: How long this took.
  type: float
  returned: success
actions:
  description: What was done.
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
from ansible_collections.fleet.jobs.plugins.module_utils._deploy.apply import (
    Applied,
    ApplyOptions,
    Deployment,
)
from ansible_collections.fleet.jobs.plugins.module_utils._deploy.userinfo import secrets_in
from ansible_collections.fleet.jobs.plugins.module_utils._deploy.uv import Index
from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError

SPEC = ArgumentSpec(
    options={
        "plan_id": {"type": "str", "required": True},
        "repository": {"type": "str", "required": True},
        "lease_token": {"type": "str", "required": True, "no_log": False},
        "lease_ttl": {"type": "int", "default": 900},
        "refused": {"type": "str", "default": ""},
        "index_url": {"type": "str"},
        "index_username": {"type": "str"},
        "index_password": {"type": "str", "no_log": True},
    }
).merge(instance())


def deploy_apply(request: Request) -> Outcome:
    """Apply the plan, or in check mode say what it is."""
    started = time.monotonic()
    params = request.params
    if params["refused"]:
        raise FleetError(params["refused"])
    options = ApplyOptions(
        plan_id=params["plan_id"],
        repository=params["repository"],
        token=params["lease_token"],
        ttl=params["lease_ttl"],
        index=Index(
            url=params["index_url"],
            username=params["index_username"],
            password=params["index_password"],
        ),
    )
    instance = request.instance()
    with instance.ledger(read_only=request.check_mode) as ledger:
        deployment = Deployment(instance, ledger, options, check_mode=request.check_mode)
        done = deployment.foretell() if request.check_mode else deployment.run()
    return _outcome(done, seconds=time.monotonic() - started)


def _outcome(done: Applied, *, seconds: float) -> Outcome:
    details = done.details()
    actions, changed = details.pop("actions"), details.pop("changed")
    return Outcome(
        changed=changed,
        actions=actions,
        before={"sha": done.before_sha, "restarted": []},
        after={"sha": done.after_sha, "restarted": done.restarted[:50]},
        data={**details, "seconds": round(seconds, 3)},
        warnings=done.warnings,
    )


def secrets(params: t.Mapping[str, t.Any]) -> t.Iterable[str]:
    """What must not be shown inside of options that are no secret as a whole."""
    return (*secrets_in(params["repository"]), *secrets_in(params["index_url"]))


def main() -> None:
    run(SPEC, deploy_apply, secrets=secrets)


if __name__ == "__main__":
    main()
