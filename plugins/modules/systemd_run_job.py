#!/usr/bin/python
# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: systemd_run_job
short_description: Run one command under a verified memory cap
version_added: 0.1.0
description:
  - Runs one command on the host beside any queue, under a memory cap that is read back from the
    kernel, and says why it ended, its exit code and its peak memory.
  - The command always runs detached and survives the connection. With O(wait) the collection asks
    for the result in slices of at most O(slice_seconds).
  - A O(label) whose latest run went well is not run again unless O(rerun), and one that is still
    running is never started a second time.
author: fleet.jobs authors (@fleet-jobs)
extends_documentation_fragment:
  - fleet.jobs.attributes
  - fleet.jobs.instance
  - fleet.jobs.instance.lease
  - fleet.jobs.instance.host_tool
attributes:
  check_mode:
    details: Says whether it would start the command; how that would end nobody can know.
  idempotent:
    support: partial
    details: With a O(label). Without one the command runs each time.
options:
  command:
    description:
      - The command as a list of words; no shell is involved. Required unless O(collect).
    type: list
    elements: str
  chdir:
    description:
      - Working directory. It must exist. Required unless O(collect), because jobs that land in
        some home directory are a hazard (AP-11).
    type: str
  label:
    description:
      - Name of the job, C(family/key), by which its result is found later. Without it the job gets
        a label of its own under C(once/).
    type: str
  memory:
    description:
      - Memory cap, such as V(5G). Without it nothing is capped.
    type: str
  swap:
    description: Swap that the job may use beside its memory.
    type: str
    default: '0'
  cap:
    description:
      - V(require) refuses to run the command where the kernel cannot enforce O(memory) (INV-7).
      - V(prefer) falls back to watching the job's memory and killing it, and says so in
        RV(enforcement).
      - V(none) runs it without a cap.
    type: str
    choices: [require, prefer, none]
    default: require
  timeout:
    description: Time limit, such as V(6h) or a number of seconds. Afterwards the job is ended.
    type: str
  env_file:
    description:
      - File on the host with C(KEY=value) lines, read when the job starts. Secrets belong there.
      - A file that other accounts can read is refused (AP-16), unless O(env_file_shared).
    type: path
  env_file_shared:
    description: Accept an O(env_file) that other accounts can read.
    type: bool
    default: false
  wait:
    description: Wait for the end of the job. Otherwise only start it.
    type: bool
    default: true
  rerun:
    description: Run it although the latest run of O(label) went well.
    type: bool
    default: false
  collect:
    description: Start nothing, only return the latest run of O(label).
    type: bool
    default: false
  slice_seconds:
    description: How long one call to the host lasts at most, up to 50 seconds.
    type: float
    default: 45.0
  state:
    description: RV(state) of the slice before. Set by the collection between slices.
    type: dict
seealso:
  - module: fleet.jobs.pueue_queue_guarded
    description: For more than a command or two.
"""

EXAMPLES = r"""
- name: Merge the results, with at most 5 GiB
  fleet.jobs.systemd_run_job:
    label: merge/2024
    command: [./bin/merge, --year, '2024']
    chdir: /srv/bars
    memory: 5G
    timeout: 2h
  register: merge

- name: Start a long one and come back later
  fleet.jobs.systemd_run_job:
    label: backfill/2019
    command: [./bin/backfill, --year, '2019']
    chdir: /srv/bars
    memory: 12G
    env_file: /srv/bars/secrets.env
    wait: false

- name: Collect it
  fleet.jobs.systemd_run_job:
    label: backfill/2019
    collect: true
"""

RETURN = r"""
actions:
  description: What was, or in check mode would be, done.
  returned: always
  type: list
  elements: str
  sample: ['run "merge/2024"']
label:
  description: The job's name.
  returned: success, or failure of the job itself
  type: str
  sample: merge/2024
attempt:
  description: Which run of the label this is.
  returned: when there is one
  type: int
  sample: 1
running:
  description: Whether it has not ended yet.
  returned: when there is one
  type: bool
  sample: false
class:
  description:
    - Why it ended. One of V(ok), V(app) (it failed by itself), V(permanent) (it can never work),
      V(timeout), V(oom_cap) (it wanted more than its cap), V(oom_host) (the host ran out),
      V(evicted), V(yielded), V(killed), V(infra), V(unknown).
    - Everything but V(ok) is a failure of the task.
  returned: when it has ended
  type: str
  sample: ok
rc:
  description:
    - The command's own exit code, or V(120) cap missing, V(121) environment file, directory or
      host, V(124) timeout, V(137) cap kill, 128 plus the signal.
  returned: when it has ended
  type: int
  sample: 0
peak_bytes:
  description: Peak memory.
  returned: when it is known
  type: int
  sample: 1073741824
cap_bytes:
  description: The cap.
  returned: when there was one
  type: int
  sample: 5368709120
enforcement:
  description: How the cap was enforced, V(cgroup), V(polled) or V(none).
  returned: when there is one
  type: str
  sample: cgroup
duration:
  description: Seconds, so far or altogether.
  returned: when there is one
  type: float
  sample: 61.5
release:
  description: Commit of the work tree around O(chdir), if it is one.
  returned: when it is known
  type: str
  sample: 0d1f1a1c9a4c7e0b5a7a1f5b2f4c7f3e9b6d2a10
stdout:
  description: The end of its output (standard output and errors), at most 8 KiB.
  returned: when there is one
  type: str
  sample: merged 366 files
stdout_lines:
  description: RV(stdout) as lines.
  returned: when there is one
  type: list
  elements: str
  sample: [merged 366 files]
log_path:
  description: The whole output, on the host.
  returned: when it is known
  type: str
  sample: /home/jobs/.local/state/fleet-jobs/logs/merge_2024-0f3a9c1e/1.log
message:
  description: What is remarkable about its end.
  returned: when there is something
  type: str
  sample: It was still running after 7200 s.
finished:
  description: Whether nothing is left to wait for.
  returned: success
  type: bool
  sample: true
state:
  description: What the next slice has to be given.
  returned: success
  type: dict
  sample: {key: once-0123456789abcdef, label: merge/2024}
"""

from ansible_collections.fleet.jobs.plugins.module_utils._ansible import arguments
from ansible_collections.fleet.jobs.plugins.module_utils._ansible.once import run_job
from ansible_collections.fleet.jobs.plugins.module_utils._ansible.outcome import run

SPEC = arguments.ArgumentSpec(
    options={
        "command": {"type": "list", "elements": "str"},
        "chdir": {"type": "str"},
        "label": {"type": "str"},
        "memory": {"type": "str"},
        "swap": {"type": "str", "default": "0"},
        "cap": {"type": "str", "choices": ["require", "prefer", "none"], "default": "require"},
        "timeout": {"type": "str"},
        "env_file": {"type": "path"},
        "env_file_shared": {"type": "bool", "default": False},
        "wait": {"type": "bool", "default": True},
        "rerun": {"type": "bool", "default": False},
        "collect": {"type": "bool", "default": False},
        "slice_seconds": {"type": "float", "default": 45.0},
        "state": {"type": "dict"},
    },
    mutually_exclusive=[("collect", "command"), ("collect", "rerun")],
    required_if=[("collect", True, ["label"]), ("collect", False, ["command", "chdir"])],
).merge(arguments.instance(), arguments.lease(), arguments.host_tool())


def main() -> None:
    """Run the module."""
    run(SPEC, run_job)


if __name__ == "__main__":
    main()
