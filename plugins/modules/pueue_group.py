#!/usr/bin/python
# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: pueue_group
short_description: Have a pueue group, its slots, and whether it runs
version_added: 0.1.0
description:
  - Creates or removes a group of a pueue queue, sets how many of its jobs run at once, and pauses
    or resumes it.
  - Jobs that run are never stopped. Fewer slots, or a pause, only keep further ones from starting.
author: fleet.jobs authors (@fleet-jobs)
extends_documentation_fragment:
  - fleet.jobs.attributes
  - fleet.jobs.instance
  - fleet.jobs.instance.lease
attributes:
  idempotent:
    support: partial
    details:
      - With O(parallel=auto) the number follows the memory that is free at that moment.
options:
  name:
    description: Name of the group.
    type: str
    required: true
  state:
    description:
      - V(absent) removes the group. It is refused while any task is in the group, also a finished
        one, because pueue cannot move tasks. The group V(default) cannot be removed.
    type: str
    choices: [present, absent]
    default: present
  parallel:
    description:
      - How many jobs of the group run at once, 1 or more, or V(auto) for what the host carries by
        80 % of its memory and cores (INV-6), sized by O(memory_per_job) and O(cores_per_job).
      - pueue's 0, which means no limit, is refused.
      - The default for a new group is 1; otherwise the slots stay as they are.
    type: str
  resize:
    description:
      - Whether O(parallel=auto) sizes a group again that has more than the one slot of a new group.
        While jobs run, the memory they use counts as missing.
    type: bool
    default: true
  memory_per_job:
    description: What one job of the group needs at its peak, such as V(5G). For O(parallel=auto).
    type: str
  cores_per_job:
    description: How many cores one job keeps busy. For O(parallel=auto).
    type: float
    default: 1.0
  status:
    description:
      - V(paused) starts no further job; those that run go on to their end.
      - V(running) starts queued jobs again. It is the way back after C(pueue kill), which pauses
        the group (G-5). Jobs that somebody stopped one by one go on as well.
      - Without it the group stays as it is.
    type: str
    choices: [running, paused]
seealso:
  - module: fleet.jobs.host_probe
  - module: fleet.jobs.pueue_clean
"""

EXAMPLES = r"""
- name: Run as many jobs at once as the host carries
  fleet.jobs.pueue_group:
    name: bars
    parallel: auto
    memory_per_job: 5G

- name: Start queued jobs again after a pueue kill
  fleet.jobs.pueue_group:
    name: bars
    status: running

- name: Remove a group that is empty
  fleet.jobs.pueue_group:
    name: old
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or would be done, as plain sentences.
  returned: always
  type: list
  elements: str
  sample: ['Set the slots of group "bars" from 1 to 6.']
group:
  description: The group as it is now, or in check mode as it would be.
  returned: success
  type: dict
  contains:
    state:
      description: V(present) or V(absent).
      type: str
    parallel:
      description: Its slots, where it is present.
      type: int
    status:
      description: V(running) or V(paused), where it is present.
      type: str
  sample: {state: present, parallel: 6, status: running}
capacity:
  description: How O(parallel=auto) was computed.
  returned: when O(parallel=auto)
  type: dict
  contains:
    max_jobs:
      description: The number of jobs.
      type: int
    limit:
      description: What limits it, V(memory) or V(cores).
      type: str
    by_memory:
      description: How many jobs the memory carries.
      type: int
    by_cores:
      description: How many jobs the cores carry.
      type: int
  sample: {max_jobs: 6, limit: cores, by_memory: 9, by_cores: 6}
thawed:
  description: Groups that were, or would be, thawed because the lease that had frozen them ended.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible_collections.fleet.jobs.plugins.module_utils._ansible import arguments
from ansible_collections.fleet.jobs.plugins.module_utils._ansible.outcome import (
    Outcome,
    Request,
    run,
)
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import group
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.recovery import thaw_sentences

SPEC = arguments.ArgumentSpec(
    options={
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "parallel": {"type": "str"},
        "resize": {"type": "bool", "default": True},
        "memory_per_job": {"type": "str"},
        "cores_per_job": {"type": "float", "default": 1.0},
        "status": {"type": "str", "choices": ["running", "paused"]},
    },
    required_if=[("parallel", "auto", ("memory_per_job",))],
).merge(arguments.instance(), arguments.lease())


def change(request: Request) -> Outcome:
    params = request.params
    slots = group.slots(
        params["parallel"],
        memory_per_job=params["memory_per_job"],
        cores_per_job=params["cores_per_job"],
    )
    wish = group.Wish(
        name=params["name"],
        present=params["state"] == "present",
        parallel=slots.number,
        sized_once=params["parallel"] == "auto" and not params["resize"],
        refused=slots.refused,
        status=params["status"],
    )
    made, thawed = group.change(
        request.instance(), wish, token=params["lease_token"], check_mode=request.check_mode
    )
    data = {"group": dict(made.after), "thawed": list(thawed)}
    if slots.capacity:
        data["capacity"] = dict(slots.capacity)
    return Outcome(
        changed=bool(made.steps or thawed),
        actions=[*thaw_sentences(thawed), *(step.sentence for step in made.steps)],
        before=dict(made.before),
        after=dict(made.after),
        data=data,
    )


def main() -> None:
    run(SPEC, change)


if __name__ == "__main__":
    main()
