#!/usr/bin/python
# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: pueue_wait
short_description: Wait for jobs to drain or to finish, with a limit
version_added: 0.1.0
description:
  - Waits until no job of a selection runs any more, or until none is left to run, and returns what
    it saw when the time is up.
  - No single call to the host lasts longer than O(slice_seconds), so progress shows and a cut
    connection costs one slice. The collection asks again by itself until the goal or O(timeout).
  - How a job ended is not judged; RV(counts) tells.
author: fleet.jobs authors (@fleet-jobs)
extends_documentation_fragment:
  - fleet.jobs.attributes.query
  - fleet.jobs.instance
  - fleet.jobs.selection
attributes:
  check_mode:
    support: full
    details: In C(check_mode) it looks once and does not wait.
options:
  until:
    description:
      - V(drained) is reached when no job of the selection is running or stopped half-way. Queued
        ones may be left, as in a group that is paused for a deploy.
      - V(finished) is reached when no job of the selection is active at all; queued and stashed
        ones are waited for.
    type: str
    choices: [drained, finished]
    default: finished
  timeout:
    description: How long to wait altogether, such as V(6h) or a number of seconds.
    type: str
    default: 1h
  slice_seconds:
    description: How long one call to the host lasts at most, up to 50 seconds.
    type: float
    default: 45.0
  fail_on_timeout:
    description: Whether it is a failure when the goal is not reached in time.
    type: bool
    default: false
  state:
    description: RV(state) of the slice before. Set by the collection between slices.
    type: dict
seealso:
  - module: fleet.jobs.pueue_status
  - module: fleet.jobs.pueue_group
"""

EXAMPLES = r"""
- name: Let running jobs end before the code under them changes
  fleet.jobs.pueue_wait:
    groups: [bars]
    until: drained
    timeout: 30m
  register: drain

- name: Wait for a family of jobs, and fail if they take too long
  fleet.jobs.pueue_wait:
    labels: [bars/*]
    timeout: 12h
    fail_on_timeout: true
"""

RETURN = r"""
actions:
  description: Always empty, nothing is changed.
  returned: always
  type: list
  elements: str
  sample: []
reached:
  description: Whether the goal was reached.
  returned: success, or failure by O(fail_on_timeout)
  type: bool
  sample: true
finished:
  description: Whether the wait is over, because the goal was reached or the time is up.
  returned: success, or failure by O(fail_on_timeout)
  type: bool
  sample: true
counts:
  description: Jobs of the selection by state; finished ones as V(ok) and V(failed).
  returned: success, or failure by O(fail_on_timeout)
  type: dict
  sample: {ok: 40, failed: 1}
running:
  description: How many jobs are still waited for, and the labels of some.
  returned: success, or failure by O(fail_on_timeout)
  type: dict
  sample: {count: 0, labels: []}
stuck:
  description:
    - Paused groups, if nothing runs and all that is waited for is queued in them. Nobody starts
      such jobs by itself (G-5).
  returned: success, or failure by O(fail_on_timeout)
  type: list
  elements: str
  sample: []
waited:
  description: Seconds waited, over all slices.
  returned: success, or failure by O(fail_on_timeout)
  type: float
  sample: 312.5
state:
  description: What the next slice has to be given.
  returned: success, or failure by O(fail_on_timeout)
  type: dict
  sample: {waited: 312.5, clock: 99120.25}
"""

from ansible_collections.fleet.jobs.plugins.module_utils._ansible import arguments
from ansible_collections.fleet.jobs.plugins.module_utils._ansible.outcome import (
    Outcome,
    Request,
    run,
)
from ansible_collections.fleet.jobs.plugins.module_utils._ansible.selection import (
    selected,
    selection,
)
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import wait
from ansible_collections.fleet.jobs.plugins.module_utils._quantity import parse_seconds

SPEC = arguments.ArgumentSpec(
    options={
        "until": {"type": "str", "choices": ["drained", "finished"], "default": "finished"},
        "timeout": {"type": "str", "default": "1h"},
        "slice_seconds": {"type": "float", "default": 45.0},
        "fail_on_timeout": {"type": "bool", "default": False},
        "state": {"type": "dict"},
    },
).merge(selection(), arguments.instance())


def look(request: Request) -> Outcome:
    params = request.params
    wish = wait.Wish(
        selection=selected(params),
        until=params["until"],
        timeout=parse_seconds(params["timeout"], option="timeout"),
        slice_seconds=params["slice_seconds"],
    )
    seen = wait.watch(request.instance(), wish, state=params["state"], once=request.check_mode)
    failed = seen.finished and not seen.seen.reached and params["fail_on_timeout"]
    return Outcome(
        data=wait.report(seen),
        failed=failed,
        msg=wait.too_late(wish, seen) if failed else None,
        hazard="G-5" if failed and seen.seen.stuck else None,
    )


def main() -> None:
    run(SPEC, look)


if __name__ == "__main__":
    main()
