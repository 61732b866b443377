#!/usr/bin/python
# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: host_probe
short_description: What a host has, whether it can cap memory, and how many jobs it carries
version_added: 0.1.0
author:
  - fleet.jobs authors (@fleet-jobs)
description:
  - Reads processors, memory, swap, load, pressure and disks from the kernel's own files, with the
    limits of the container or service it runs in. It needs neither facts nor systemd nor root.
  - Says whether jobs can have a memory cap that the kernel enforces. C(systemd-run) cannot tell,
    it reports success on hosts where nothing is limited (INV-7), so the module starts a small job
    that must be killed, and looks.
  - Sizes the host by the formula of INV-6, the smaller of C(memory * share / memory_per_job) and
    C(cores * share / cores_per_job), rounded down.
options:
  memory_per_job:
    description:
      - The most memory that one job needs, for example V(5G). Units are powers of 1024.
      - Without it only the processors decide about RV(capacity).
    type: str
  cores_per_job:
    description: Processors that one job keeps busy.
    type: float
    default: 1
  share:
    description: The share of memory and processors that jobs may take, at most 1.
    type: float
    default: 0.8
  paths:
    description:
      - Places whose free space is reported, O(state_dir) if none are named. A path that does not
        exist yet is reported by its nearest existing parent.
    type: list
    elements: str
    default: []
  canary:
    description:
      - Whether to try a memory cap for real, which takes less than two seconds. The scope that
        this needs is gone afterwards.
    type: bool
    default: true
extends_documentation_fragment:
  - fleet.jobs.attributes.query
  - fleet.jobs.instance
"""

EXAMPLES = r"""
- name: How many jobs of up to 5 GiB does this host carry?
  fleet.jobs.host_probe:
    memory_per_job: 5G
  register: host

- name: Refuse hosts that cannot cap memory
  ansible.builtin.assert:
    that: host.cap.capable
    fail_msg: "{{ host.cap.reason }}"
"""

RETURN = r"""
cores:
  description: Processors.
  type: dict
  returned: success
  contains:
    affinity:
      description: Processors that this account's processes may run on.
      type: int
    quota:
      description: How many of them the cgroup grants; null if it does not limit them.
      type: float
    usable:
      description: The smaller of both.
      type: float
memory:
  description: Memory in bytes.
  type: dict
  returned: success
  contains:
    total:
      description: Of the machine.
      type: int
    available:
      description: What the machine can give without swapping.
      type: int
    cgroup_limit:
      description: The tightest limit above this process; null if there is none.
      type: int
    cgroup_used:
      description: What is used of that limit, less droppable cache.
      type: int
    usable:
      description: The smaller of RV(memory.available) and what is left below the limit.
      type: int
swap:
  description: Swap in bytes, C(total) and C(free), and C(pages_in) and C(pages_out) since boot.
  type: dict
  returned: success
load:
  description: Load averages, C(1m), C(5m), C(15m).
  type: dict
  returned: success
pressure:
  description: Stall percentages per resource (PSI); empty where the kernel keeps none.
  type: dict
  returned: success
disk:
  description: Per path total and free bytes and inodes.
  type: list
  elements: dict
  returned: success
cgroup:
  description: C(version) (V(v2), V(hybrid), V(v1), V(none)), own C(path), C(controllers).
  type: dict
  returned: success
cap:
  description: Whether the kernel caps jobs here.
  type: dict
  returned: success
  contains:
    capable:
      description: Whether a cap of the kernel works; with O(canary=true) proved, else guessed.
      type: bool
    enforcement:
      description: What jobs get that prefer a cap, V(cgroup) or V(polled).
      type: str
    reason:
      description: How that is known, or what the host lacks.
      type: str
tools:
  description: Versions of C(pueue), C(uv), C(git), C(mise), C(systemd); null where absent.
  type: dict
  returned: success
capacity:
  description: How many jobs the host carries.
  type: dict
  returned: success
  contains:
    max_jobs:
      description: The result of the formula.
      type: int
    limit:
      description: What binds, V(memory) or V(cores).
      type: str
    by_memory:
      description: How many jobs the memory carries; null without O(memory_per_job).
      type: int
    by_cores:
      description: How many jobs the processors carry.
      type: int
boot_id:
  description: Changes with every boot.
  type: str
  returned: success
actions:
  description: Always empty, the module changes nothing.
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
from ansible_collections.fleet.jobs.plugins.module_utils._host.report import Question, report
from ansible_collections.fleet.jobs.plugins.module_utils._quantity import parse_bytes

SPEC = ArgumentSpec(
    options={
        "memory_per_job": {"type": "str"},
        "cores_per_job": {"type": "float", "default": 1},
        "share": {"type": "float", "default": 0.8},
        "paths": {"type": "list", "elements": "str", "default": []},
        "canary": {"type": "bool", "default": True},
    }
).merge(instance())


def host_probe(request: Request) -> Outcome:
    """One look."""
    params = request.params
    memory = params["memory_per_job"]
    question = Question(
        memory_per_job=parse_bytes(memory, option="memory_per_job") if memory else None,
        cores_per_job=params["cores_per_job"],
        share=params["share"],
        paths=tuple(params["paths"] or [params["state_dir"]]),
        canary=params["canary"],
    )
    return Outcome(data=report(question))


def main() -> None:
    run(SPEC, host_probe)


if __name__ == "__main__":
    main()
