#!/usr/bin/python
# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: host_watch
short_description: Watch a host and its queue for some minutes after a change
version_added: 0.1.0
author:
  - fleet.jobs authors (@fleet-jobs)
description:
  - Watches what must hold after every change of parallelism and every deploy (INV-6), which is a
    1-minute load below its bound, no page swapped in or out, all processes waiting for memory in
    at most 2 % of any 10 seconds (where the kernel keeps pressure), no new failed job, and every
    restarted job running or done.
  - The first violation ends the watch as V(bad). What could not be measured, and load or pressure
    that was too high before the watch began, make it V(inconclusive), never V(bad).
  - One call watches one slice of at most 50 seconds. The action plugin of the collection repeats
    it until RV(finished); called in another way, pass RV(state) back as O(state).
  - A bad or inconclusive verdict does not fail the task. That decision is the caller's.
options:
  seconds:
    description: How long to watch in all.
    type: float
    default: 300
  slice_seconds:
    description: How long one call watches, at most 50.
    type: float
    default: 45
  interval:
    description: Seconds between two looks. A big queue is looked at less often.
    type: float
    default: 5
  load_share:
    description: The load must stay below this share of the machine's processors.
    type: float
    default: 0.9
  queue:
    description: Whether to watch the queue too. Without it only the host is watched.
    type: bool
    default: true
  labels:
    description:
      - Labels, or patterns such as V(bars/*), whose failures count. Without labels and groups
        every failure in the queue counts.
      - A job that was killed on purpose, through this collection, is no failure.
    type: list
    elements: str
    default: []
  groups:
    description: Groups whose failures count.
    type: list
    elements: str
    default: []
  expect_alive:
    description:
      - Exact labels of restarted jobs. The newest task of each must be active or have succeeded.
    type: list
    elements: str
    default: []
  state:
    description: What the slice before returned as RV(state). Without it a new watch begins.
    type: dict
extends_documentation_fragment:
  - fleet.jobs.attributes.query
  - fleet.jobs.instance
"""

EXAMPLES = r"""
- name: Watch five minutes after a deploy
  fleet.jobs.host_watch:
    labels: ["bars/*"]
    expect_alive: "{{ restarted.labels }}"
  register: watched

- name: Stop the rollout where something went wrong
  ansible.builtin.fail:
    msg: "{{ watched.reason }}"
  when: watched.verdict == 'bad'
"""

RETURN = r"""
verdict:
  description:
    - V(ok), V(bad) or V(inconclusive). Final when RV(finished), otherwise how it stands.
  type: str
  returned: success
reason:
  description: Why, in one sentence.
  type: str
  returned: success
finished:
  description: Whether the watch is over, because its time is up or because of a violation.
  type: bool
  returned: success
violation:
  description: The first thing that was not as it must be; null if there was none.
  type: dict
  returned: success
  contains:
    kind:
      description: One of V(load), V(swap), V(pressure), V(reboot), V(failure), V(dead), V(gone).
      type: str
    message:
      description: What was found.
      type: str
    value:
      description: The number found, where it is a number.
      type: float
    bound:
      description: The number allowed, where it is a number.
      type: float
    label:
      description: The job, where it is one.
      type: str
elapsed:
  description: Seconds watched so far, over all slices.
  type: float
  returned: success
state:
  description: Pass it to the next slice as O(state).
  type: dict
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
from ansible_collections.fleet.jobs.plugins.module_utils._capacity.host_sample import measure
from ansible_collections.fleet.jobs.plugins.module_utils._capacity.queue_look import QueueLook
from ansible_collections.fleet.jobs.plugins.module_utils._capacity.watch import (
    Bounds,
    Plan,
    State,
    watch_slice,
)
from ansible_collections.fleet.jobs.plugins.module_utils._dataclass import asdict

SPEC = ArgumentSpec(
    options={
        "seconds": {"type": "float", "default": 300},
        "slice_seconds": {"type": "float", "default": 45},
        "interval": {"type": "float", "default": 5},
        "load_share": {"type": "float", "default": 0.9},
        "queue": {"type": "bool", "default": True},
        "labels": {"type": "list", "elements": "str", "default": []},
        "groups": {"type": "list", "elements": "str", "default": []},
        "expect_alive": {"type": "list", "elements": "str", "default": []},
        "state": {"type": "dict"},
    }
).merge(instance())


def host_watch(request: Request) -> Outcome:
    """One slice."""
    params = request.params
    plan = Plan(
        seconds=params["seconds"],
        slice_seconds=params["slice_seconds"],
        interval=params["interval"],
        bounds=Bounds(load_share=params["load_share"]),
    )
    look = None
    if params["queue"]:
        look = QueueLook(
            request.instance(),
            labels=params["labels"],
            groups=params["groups"],
            alive=params["expect_alive"],
        )
    state = State.from_plain(params["state"]) if params["state"] else None
    seen = watch_slice(plan, state=state, measure=measure, look=look)
    return Outcome(
        data={
            "verdict": seen.verdict,
            "reason": seen.reason,
            "finished": seen.finished,
            "violation": asdict(seen.violation) if seen.violation else None,
            "elapsed": round(seen.state.elapsed, 3),
            "state": seen.state.to_plain(),
        }
    )


def main() -> None:
    run(SPEC, host_watch)


if __name__ == "__main__":
    main()
