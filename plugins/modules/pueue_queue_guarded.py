#!/usr/bin/python
# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: pueue_queue_guarded
short_description: Queue labelled jobs that are neither active nor done, all of them or none
version_added: 0.1.0
author:
  - fleet.jobs authors (@fleet-jobs)
description:
  - Looks at the queue and the ledger first, skips jobs whose label is active or done, checks all
    others, and queues them as one set. If one of them is refused, none is queued.
  - Safe against other clients that do not know about it. A label is never active twice because of
    this module, and a job is never enqueued beside somebody else's task that was there before.
  - A call that was cut off leaves stashed tasks at most, which do not run. The next call finishes
    or removes them.
  - Every job runs through the host tool C(fleet-jobs), under its memory cap and time limit, and
    with a minimal environment that holds no secret.
options:
  jobs:
    description: The jobs.
    type: list
    elements: dict
    required: true
    suboptions:
      label:
        description:
          - The job's name, C(family/key), for example V(bars/BTCUSDT@250). Put every
            differentiating parameter into the key.
        type: str
        required: true
      command:
        description: Program and arguments, run without a shell. Mutually exclusive with C(shell).
        type: list
        elements: str
      shell:
        description:
          - A text for C(/bin/sh -c). Mutually exclusive with C(command).
          - A pipe into C(head) or C(grep -q) under C(pipefail) is refused, because it ends with
            141 though all went well (AP-13), and so is a value that is set in a loop behind a pipe
            and used after it, where it is lost (G-14). A script of the project with one of them is
            a warning.
        type: str
      chdir:
        description:
          - Absolute path of the working directory on the target; it must exist. A job without it
            is refused (AP-11). A leading C(~) is the home of the account. A symbolic link is
            followed when the job starts, not when it is queued.
        type: str
      group:
        description: Name of the pueue group; it must exist.
        type: str
        default: default
      after:
        description:
          - Labels of jobs that must have succeeded before this one starts. Jobs of the same call,
            active ones, or ones that are done already.
        type: list
        elements: str
        default: []
      env_file:
        description:
          - File with C(NAME=value) lines, read at run time only, the place for secrets. It must
            be private (mode 0600). A relative path starts at C(chdir).
        type: str
      memory:
        description: Memory cap, for example V(5G). Required while O(cap=require).
        type: str
      timeout:
        description: Time limit, for example V(6h); seconds without a unit.
        type: str
      cores:
        description: How many cores the job keeps busy, for sizing.
        type: float
      restart_safe:
        description: Whether a second run may continue from what the first one left behind.
        type: bool
        default: false
      artifacts:
        description:
          - Paths the job writes, as templates with C({param}), C({label}), C({family}), C({key}),
            and with C(*), C(?), C([..]) and C(**); relative ones start at C(chdir). A directory
            stands for all that is in it.
          - Two jobs that could run at the same time must not claim the same path (INV-1, INV-9).
        type: list
        elements: str
        default: []
      params:
        description: Parameters that differentiate the job, for C(artifacts).
        type: dict
        default: {}
      delay:
        description: Do not start before this time has passed, for example V(10m).
        type: str
      priority:
        description: Jobs with a higher number start first within their group.
        type: int
        default: 0
      overrides:
        description:
          - Environment variables for this job alone, the one way past C(mise.toml) (INV-5). They
            are recorded in the ledger and stored by pueue in clear text, so names that look like
            secrets are refused.
        type: dict
        default: {}
  cap:
    description:
      - How a job's memory cap must be enforced. V(require) refuses on a host that cannot do it by
        cgroup, V(prefer) falls back to watching the job's memory, V(none) enforces nothing.
    type: str
    choices: [require, prefer, none]
    default: require
  budget:
    description: How many jobs one call may queue.
    type: int
    default: 1000
  max_tasks:
    description: How many tasks, finished ones included, the queue may have afterwards (AP-10).
    type: int
    default: 2000
  rerun_done:
    description: Queue jobs again whose last run succeeded.
    type: bool
    default: false
  per_label_budget:
    description:
      - How often a job that failed may be started again within a day, by this module or by
        M(fleet.jobs.pueue_restart_guarded) (AP-18).
    type: int
    default: 3
  disk_floor:
    description:
      - Free space below which nothing is queued, for example V(2G). Without it at least 512M, and
        more for a big state file of pueue.
    type: str
extends_documentation_fragment:
  - fleet.jobs.attributes
  - fleet.jobs.instance
  - fleet.jobs.instance.lease
  - fleet.jobs.instance.host_tool
attributes:
  idempotent:
    support: partial
    details: With O(rerun_done=true) jobs that are done are queued again.
seealso:
  - module: fleet.jobs.pueue_restart_guarded
  - module: fleet.jobs.pueue_clean
"""

EXAMPLES = r"""
- name: Make bars and merge them afterwards
  fleet.jobs.pueue_queue_guarded:
    jobs:
      - label: bars/BTCUSDT@250
        command: [uv, run, make-bars, --symbol, BTCUSDT, --threshold, "250"]
        chdir: /srv/bars
        memory: 5G
        timeout: 6h
        restart_safe: true
        params: {symbol: BTCUSDT, threshold: 250}
        artifacts: ["out/{symbol}_{threshold}.parquet", "tmp/{key}/"]
      - label: merge/BTCUSDT
        command: [uv, run, merge-bars, BTCUSDT]
        chdir: /srv/bars
        memory: 2G
        after: [bars/BTCUSDT@250]
  register: queued

- name: A host without cgroup v2, and one variable for this run only
  fleet.jobs.pueue_queue_guarded:
    cap: prefer
    jobs:
      - label: probe/once
        shell: ./probe | tail -n 5 > probe.txt
        chdir: /srv/bars
        memory: 512M
        overrides: {PROBE_DEPTH: "3"}
"""

RETURN = r"""
queued:
  description: Jobs that were, or in check mode would be, queued, as far as they fit.
  type: list
  elements: dict
  returned: when the queue was looked at
  contains:
    label:
      description: The job's label.
      type: str
    id:
      description: Task id at this moment; use the label for everything else.
      type: int
  sample: [{label: bars/BTCUSDT@250, id: 7}]
skipped_jobs:
  description: Jobs that needed nothing, as far as they fit.
  type: list
  elements: dict
  returned: when the queue was looked at
  contains:
    label:
      description: The job's label.
      type: str
    why:
      description: V(active) or V(done).
      type: str
    found:
      description: The evidence.
      type: str
  sample: [{label: bars/ETHUSDT@250, why: active, found: Running in group default}]
refused:
  description: Jobs because of which nothing was queued, as far as they fit.
  type: list
  elements: dict
  returned: when the queue was looked at
  contains:
    label:
      description: The job's label.
      type: str
    why:
      description: What was found, and what to do.
      type: str
    hazard:
      description: Entry of the hazard catalogue.
      type: str
duplicates:
  description: Labels just queued for which somebody else added another task at the same moment.
  type: list
  elements: str
  returned: when the queue was looked at
counts:
  description: How many jobs were requested, queued, skipped and refused.
  type: dict
  returned: when the queue was looked at
  sample: {requested: 2, queued: 1, skipped: 1, refused: 0}
more:
  description: How many entries each list above leaves out, where it does not fit.
  type: dict
  returned: when the queue was looked at
submission:
  description: Id under which the ledger has this set.
  type: str
  returned: when something was queued
tool_missing:
  description: The host tool has to be sent first; the action plugin does that by itself.
  type: bool
  returned: when nothing was done for that reason
actions:
  description: What was, or in check mode would be, done.
  type: list
  elements: str
  returned: always
hazard:
  description: Entry of the hazard catalogue that the first refusal stands for.
  type: str
  returned: on refusal
lease:
  description: Who holds the lease because of which nothing was queued.
  type: dict
  returned: on refusal because of a lease
"""

from ansible_collections.fleet.jobs.plugins.module_utils._ansible.arguments import (
    ArgumentSpec,
    host_tool,
    instance,
    lease,
)
from ansible_collections.fleet.jobs.plugins.module_utils._ansible.job import OPTIONS
from ansible_collections.fleet.jobs.plugins.module_utils._ansible.outcome import (
    Outcome,
    Request,
    run,
)
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import guard
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.front_tool import FrontTool
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.task_command import Tool
from ansible_collections.fleet.jobs.plugins.module_utils._quantity import parse_bytes

SPEC = ArgumentSpec(
    options={
        "jobs": {"type": "list", "elements": "dict", "required": True, "options": OPTIONS},
        "cap": {"type": "str", "choices": ["require", "prefer", "none"], "default": "require"},
        "budget": {"type": "int", "default": 1000},
        "max_tasks": {"type": "int", "default": 2000},
        "rerun_done": {"type": "bool", "default": False},
        "per_label_budget": {"type": "int", "default": 3},
        "disk_floor": {"type": "str"},
    }
).merge(instance(), lease(), host_tool())


def pueue_queue_guarded(request: Request) -> Outcome:
    """Queue the set with the host tool in front of every job."""
    params, place = request.params, request.instance()
    tool = FrontTool.find(
        place.state_dir, digest=params["tool_digest"], source=params["tool_source"]
    )
    if tool.missing and not request.check_mode:
        return Outcome(data={"tool_missing": True})
    floor = params["disk_floor"]
    limits = ("budget", "max_tasks", "rerun_done", "per_label_budget", "lease_token")
    wish = guard.Wish(
        jobs=params["jobs"],
        tool=Tool(path=tool.path, state_dir=place.state_dir, cap=params["cap"]),
        disk_floor=None if floor is None else parse_bytes(floor, option="disk_floor"),
        install=lambda: tool.install(check_mode=request.check_mode),
        **{name: params[name] for name in limits},
    )
    report = guard.queue(place, wish, check_mode=request.check_mode)
    before, after = report.difference()
    return Outcome(
        changed=bool(report.actions),
        actions=list(report.actions),
        before=before,
        after=after,
        data=report.data(),
        warnings=list(report.warnings),
    )


def main() -> None:
    """Entry point."""
    run(SPEC, pueue_queue_guarded)


if __name__ == "__main__":
    main()
