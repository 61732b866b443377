#!/usr/bin/python
# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: deploy_lease
short_description: Hold the right to change a queue
version_added: 0.1.0
description:
  - A lease says who may change a queue, its jobs and the code they run, and until when. While
    somebody holds it, every changing module of the collection refuses a call without its token.
    Jobs that run are not affected.
  - A lease that expired blocks nobody. Its token is refused from then on, also when a call with
    it arrives late.
author: fleet.jobs authors (@fleet-jobs)
extends_documentation_fragment:
  - fleet.jobs.attributes
  - fleet.jobs.instance
  - fleet.jobs.instance.lease
attributes:
  idempotent:
    support: partial
    details:
      - With the token of the lease as O(lease_token) a second run only extends the lease, which
        is not reported as a change. Without it a second run is refused.
options:
  state:
    description:
      - V(present) takes the lease, or extends the one of which O(lease_token) is the token.
      - V(absent) thaws exactly the groups that the lease has frozen (and what expired leases left
        frozen), then ends it. A lease that is gone already is no error.
    type: str
    choices: [present, absent]
    default: present
  owner:
    description: Who holds the lease, shown to everybody who is refused. Needed to take it.
    type: str
  purpose:
    description: What the lease is for, shown to everybody who is refused. Needed to take it.
    type: str
  ttl:
    description: How long the lease is valid from now on, such as V(10m) or a number of seconds.
    type: str
    default: 10m
  take_over:
    description:
      - End a live lease of somebody else, which is recorded. Their later calls are refused.
      - With O(state=present) its groups stay frozen and are returned as RV(expired_frozen).
    type: bool
    default: false
seealso:
  - module: fleet.jobs.deploy_audit
"""

EXAMPLES = r"""
- name: Keep everybody else from changing the queue
  fleet.jobs.deploy_lease:
    owner: "{{ lookup('ansible.builtin.env', 'USER') }}"
    purpose: moving the data to a new disk
    ttl: 2h
  register: maintenance

- name: Give it back and thaw what was frozen under it
  fleet.jobs.deploy_lease:
    state: absent
    lease_token: "{{ maintenance.lease_token }}"
"""

RETURN = r"""
actions:
  description: What was done, or would be done, as plain sentences.
  returned: always
  type: list
  elements: str
  sample: ['Take the lease for "anna" ("moving the data") for 600 s.']
lease:
  description: The lease that is valid now (in check mode, the one that was found).
  returned: success
  type: dict
  contains:
    owner:
      description: Who holds it; absent where nobody does.
      type: str
    purpose:
      description: What it is for.
      type: str
    expires:
      description: When it ends, in seconds since 1970.
      type: float
    fence:
      description: Its number; later leases have greater ones.
      type: int
    frozen:
      description: The groups it has frozen.
      type: list
      elements: str
  sample: {owner: anna, purpose: moving the data, expires: 1790000000.0, fence: 4, frozen: []}
lease_token:
  description: The token to give to other modules as O(lease_token).
  returned: when O(state=present) and not in check mode
  type: str
  sample: 5f0a3c9e7b1d4f6880c2a4e6b8d0f213
taken_from:
  description: The lease that was ended to take this one, live or expired.
  returned: when there was one
  type: dict
  sample: {owner: ben, purpose: deploy, state: expired, fence: 3}
expired_frozen:
  description:
    - Groups that leases left frozen which expired or were taken over. O(state=absent) thaws them.
  returned: success
  type: list
  elements: str
  sample: [bars]
thawed:
  description: Groups that were paused until now and run again.
  returned: success
  type: list
  elements: str
  sample: [bars]
"""

from ansible_collections.fleet.jobs.plugins.module_utils._ansible import arguments
from ansible_collections.fleet.jobs.plugins.module_utils._ansible.outcome import (
    Outcome,
    Request,
    run,
)
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import tenure
from ansible_collections.fleet.jobs.plugins.module_utils._quantity import parse_seconds

SPEC = arguments.ArgumentSpec(
    options={
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "owner": {"type": "str"},
        "purpose": {"type": "str"},
        "ttl": {"type": "str", "default": "10m"},
        "take_over": {"type": "bool", "default": False},
    },
    required_if=[("state", "present", ("owner", "purpose"))],
).merge(arguments.instance(), arguments.lease())


def change(request: Request) -> Outcome:
    params = request.params
    wish = tenure.Wish(
        present=params["state"] == "present",
        owner=params["owner"] or "",
        purpose=params["purpose"] or "",
        ttl=parse_seconds(params["ttl"], option="ttl"),
        take_over=params["take_over"],
        token=params["lease_token"],
    )
    instance = request.instance()
    with instance.ledger(read_only=request.check_mode) as ledger:
        if request.check_mode:
            made = tenure.plan(wish, ledger.lease, now=ledger.now())
            now = tenure.observe(ledger.lease)
        else:
            made, now = tenure.apply(instance, ledger, wish)
    data = {
        "lease": tenure.report(now.lease),
        "thawed": list(now.thawed),
        "expired_frozen": list(now.expired_frozen),
    }
    if made.taken_from:
        data["taken_from"] = dict(made.taken_from)
    if wish.present and now.lease and not request.check_mode:
        data["lease_token"] = now.lease.token
    return Outcome(
        changed=made.changed,
        actions=list(made.sentences),
        before=dict(made.before),
        after=dict(made.after),
        data=data,
    )


def main() -> None:
    run(SPEC, change)


if __name__ == "__main__":
    main()
