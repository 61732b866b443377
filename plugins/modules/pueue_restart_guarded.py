#!/usr/bin/python
# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: pueue_restart_guarded
short_description: Restart failed jobs that may be restarted, within a budget
version_added: 0.1.0
description:
  - Restarts failed jobs of a pueue queue in place, so that their number never grows. C(pueue
    restart) without C(--in-place) adds a copy of each instead, which in a loop made 12,800 tasks
    out of 60 (AP-18).
  - Only the latest task of a label is looked at. Jobs that failed only because a job they depend on
    failed go together with it, in dependency order.
  - The class of a failure decides, see O(classes). It comes from the ledger where that knows the
    run, else from pueue's result.
  - The log of the failed run is kept below O(state_dir) first, since pueue empties it when the job
    starts again (AP-3).
  - A failure that repeats itself is refused. That is one of class V(app) with the same exit code
    and release as the attempt before, or one of class V(permanent). It may run again as soon as
    the commit checked out in its working directory is another one.
author: fleet.jobs authors (@fleet-jobs)
extends_documentation_fragment:
  - fleet.jobs.attributes
  - fleet.jobs.instance
  - fleet.jobs.instance.lease
  - fleet.jobs.selection
attributes:
  idempotent:
    support: partial
    details:
      - What was restarted is active and is not restarted again. What has failed once more by then
        is, until O(per_label_budget) is used up.
options:
  labels:
    description:
      - Patterns of labels, as a shell matches file names. V(*) is every job. Jobs that depend on a
        restarted one go with it whatever their label is.
      - One of O(labels) and O(groups) is required.
    type: list
    elements: str
    default: []
  classes:
    description:
      - Classes of failures that may be restarted.
      - In the default are V(oom_host) (the host ran out of memory, the job kept to its cap),
        V(infra) (the host or the daemon failed, not the program), V(evicted) (put off the host to
        protect it), V(yielded) (stopped by itself between two pieces of work) and V(dependency)
        (never started).
      - Not in the default are V(timeout) and V(oom_cap) (the same work needs the same time and
        memory again), V(killed) (somebody ended it on purpose), V(app) and V(permanent) (the
        program itself failed) and V(unknown) (nobody recorded why it ended).
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
    default: [oom_host, infra, evicted, yielded, dependency]
  budget:
    description:
      - How many jobs one call restarts at most, dependants included. What goes beyond is returned
        as RV(left) and is not a failure.
    type: int
    default: 50
  per_label_budget:
    description: How often one label is restarted within 24 hours at most.
    type: int
    default: 3
  allow_unsafe:
    description:
      - Restart jobs as well that were not declared C(restart_safe) when they were queued. Look at
        what their first run left behind before (AP-1).
    type: bool
    default: false
  strangers:
    description:
      - Restart jobs as well that were not queued by this collection. Nothing is known about them
        but what pueue says, and O(allow_unsafe) is not asked for.
    type: bool
    default: false
  disk_floor:
    description:
      - Free space below which nothing is restarted, such as V(2G), because a full disk ends pueued
        and every running job. The default is 512 MB, or four times pueue's state file if that is
        more.
    type: str
seealso:
  - module: fleet.jobs.pueue_status
  - module: fleet.jobs.pueue_queue_guarded
"""

EXAMPLES = r"""
- name: Restart what failed for reasons that are not its own
  fleet.jobs.pueue_restart_guarded:
    labels: ["*"]

- name: Restart failures of the program as well, after a fix was deployed
  fleet.jobs.pueue_restart_guarded:
    labels: [bars/*]
    classes: [app, timeout, oom_host, infra, evicted, yielded, dependency]
    budget: 20
  register: restart

- name: Say why the others were not restarted
  ansible.builtin.debug:
    msg: "{{ restart.refused + restart.left }}"
"""

RETURN = r"""
actions:
  description: What was done, or would be done, as plain sentences.
  returned: always
  type: list
  elements: str
  sample: ['Restart "bars/XRPUSDT@250" in place (class infra).']
restarted:
  description: Labels that are queued or running again, or in check mode would be; the first of
    them where there are many.
  returned: success
  type: list
  elements: str
  sample: [bars/XRPUSDT@250]
skipped_jobs:
  description: Failed jobs there was nothing to do for, or that the options do not mean, and why.
  returned: success
  type: list
  elements: dict
  sample: [{label: bars/ADAUSDT@250, why: "its class is app, which classes does not list"}]
refused:
  description: Failed jobs that a guard refused to restart, why, and the hazard.
  returned: success
  type: list
  elements: dict
  sample:
    - label: bars/LTCUSDT@250
      why: it was restarted 3 times within a day and per_label_budget is 3
      hazard: AP-18
left:
  description: Failed jobs that O(budget) left for the next call.
  returned: success
  type: list
  elements: dict
  sample: []
counts:
  description: How many there are of each; the lists above hold the first of them, so that the
    result keeps below 8 KB.
  returned: success
  type: dict
  sample: {restarted: 1, skipped: 1, refused: 1, left: 0}
waiting_groups:
  description: Paused groups in which restarted jobs wait (G-5).
  returned: success
  type: list
  elements: str
  sample: []
thawed:
  description: Groups that were, or would be, thawed because the lease that had frozen them ended.
  returned: success
  type: list
  elements: str
  sample: []
logs:
  description: Where the logs of the failed runs are kept, by label.
  returned: success
  type: dict
  sample: {bars/XRPUSDT@250: /home/jobs/.local/state/fleet-jobs/logs/bars_XRPUSDT@250-1f2e/1.log}
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
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import rerun, restart
from ansible_collections.fleet.jobs.plugins.module_utils._quantity import parse_bytes

SPEC = selection().merge(
    arguments.ArgumentSpec(
        options={
            "classes": {
                "type": "list",
                "elements": "str",
                "choices": list(restart.CLASSES),
                "default": list(restart.DEFAULT_CLASSES),
            },
            "budget": {"type": "int", "default": 50},
            "per_label_budget": {"type": "int", "default": 3},
            "allow_unsafe": {"type": "bool", "default": False},
            "strangers": {"type": "bool", "default": False},
            "disk_floor": {"type": "str"},
        },
    ),
    arguments.instance(),
    arguments.lease(),
)


def change(request: Request) -> Outcome:
    params = request.params
    wish = restart.Wish(
        selection=restart.named(selected(params)),
        classes=tuple(params["classes"]),
        budget=params["budget"],
        per_label_budget=params["per_label_budget"],
        allow_unsafe=params["allow_unsafe"],
        strangers=params["strangers"],
    )
    floor = params["disk_floor"]
    report = rerun.rerun(
        request.instance(),
        wish,
        floor=None if floor is None else parse_bytes(floor, option="disk_floor"),
        lease_token=params["lease_token"],
        check_mode=request.check_mode,
    )
    before, after = rerun.before_and_after(report)
    return Outcome(
        changed=report.changed,
        actions=rerun.sentences(report),
        before=before,
        after=after,
        data=rerun.data(report),
    )


def main() -> None:
    run(SPEC, change)


if __name__ == "__main__":
    main()
