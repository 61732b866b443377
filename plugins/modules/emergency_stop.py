#!/usr/bin/python
# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: emergency_stop
short_description: Kill everything a queue runs and start nothing more, or resume after that
version_added: 0.1.0
author:
  - fleet.jobs authors (@fleet-jobs)
description:
  - With O(state=stopped) every group is paused, every running job is ended (SIGTERM, after 10
    seconds SIGKILL) and recorded as killed on purpose, and the lease is taken, so that the
    collection queues, restarts and deploys nothing until somebody resumes.
  - A job that outlived a crashed C(pueued) has no task any more that could be killed; it is found
    by the ledger and ended as well.
  - With O(state=resumed) exactly the groups run again that ran before, and the lease is given back.
    C(pueue kill) leaves paused groups behind in which later jobs wait for ever (G-5); this way
    back is why the stop remembers them.
  - Queued jobs stay queued. Jobs that were killed are restarted with
    M(fleet.jobs.pueue_restart_guarded), class V(killed), once their checkpoints were looked at
    (AP-1).
options:
  state:
    description: Whether everything is to stand still, or the stop is to end.
    type: str
    choices: [stopped, resumed]
    required: true
  owner:
    description:
      - Who stops the queue, as shown to everybody who is refused meanwhile.
      - Without it the action plugin names the user and the controller.
    type: str
    default: emergency stop
extends_documentation_fragment:
  - fleet.jobs.attributes
  - fleet.jobs.instance
"""

EXAMPLES = r"""
- name: Stop everything now
  fleet.jobs.emergency_stop:
    state: stopped
    owner: ada@control

- name: Resume
  fleet.jobs.emergency_stop:
    state: resumed
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  type: list
  elements: str
  returned: always
killed:
  description: Labels of the jobs that were ended, at most 50.
  type: list
  elements: str
  returned: always
killed_count:
  description: How many jobs were ended.
  type: int
  returned: always
groups:
  description: Groups that were paused, or with O(state=resumed) that run again.
  type: list
  elements: str
  returned: always
"""

from ansible_collections.fleet.jobs.plugins.module_utils._ansible.arguments import (
    ArgumentSpec,
    instance,
)
from ansible_collections.fleet.jobs.plugins.module_utils._ansible.outcome import (
    Outcome,
    Request,
    run,
)
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import emergency

SPEC = ArgumentSpec(
    options={
        "state": {"type": "str", "choices": ["stopped", "resumed"], "required": True},
        "owner": {"type": "str", "default": "emergency stop"},
    }
).merge(instance())


def emergency_stop(request: Request) -> Outcome:
    """Stop or resume."""
    if request.params["state"] == "stopped":
        return _stopped(request)
    where = request.instance()
    if request.check_mode:
        with where.ledger(read_only=True) as ledger:
            plan = emergency.plan_resume(ledger)
    else:
        plan = emergency.resume(where)
    return Outcome(
        changed=plan.lease is not None,
        actions=plan.actions(),
        before={"paused": list(plan.thaw)},
        after={"paused": []},
        data={"groups": list(plan.thaw), "killed": [], "killed_count": 0},
    )


def _stopped(request: Request) -> Outcome:
    where = request.instance()
    if request.check_mode:
        with where.client() as client, where.ledger(read_only=True) as ledger:
            plan = emergency.plan_stop(where, client.status(), ledger)
    else:
        plan = emergency.stop(where, owner=request.params["owner"])
    killed = plan.labels()
    return Outcome(
        changed=plan.changes,
        actions=plan.actions(),
        before={"running": killed, "unpaused": list(plan.freeze)},
        after={"running": [], "unpaused": []},
        data={
            "groups": list(plan.freeze),
            "killed": killed[: emergency.LISTED],
            "killed_count": len(killed),
        },
    )


def main() -> None:
    run(SPEC, emergency_stop)


if __name__ == "__main__":
    main()
