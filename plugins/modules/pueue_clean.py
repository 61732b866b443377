#!/usr/bin/python
# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: pueue_clean
short_description: Forget finished tasks that nobody needs any more
version_added: 0.1.0
description:
  - Removes finished tasks from a pueue queue. Every change of a queue rewrites all its tasks, so
    tens of thousands of finished ones make it slow (AP-10).
  - What the jobs did stays in the ledger. A job whose success the ledger does not know is kept,
    since it would be queued again otherwise.
  - A task is kept as long as another one needs it. That is a parent of a job that has not finished,
    and a failed parent of a job that failed because of it, as pueue takes a parent that is gone
    for a successful one.
  - Older host tools in O(state_dir) that no remaining task and no process names are deleted with
    them, and attempts whose runner was killed get a class before the queue forgets them.
author: fleet.jobs authors (@fleet-jobs)
extends_documentation_fragment:
  - fleet.jobs.attributes
  - fleet.jobs.instance
  - fleet.jobs.instance.lease
  - fleet.jobs.selection
options:
  states:
    description:
      - Which finished tasks are forgotten, V(ok) ones, V(failed) ones, or both. A failed task that
        is forgotten cannot be restarted any more.
    type: list
    elements: str
    choices: [ok, failed]
    default: [ok]
  older_than:
    description: How long ago a task must have ended, such as V(7d) or a number of seconds.
    type: str
    default: 1h
  keep_per_label:
    description: How many of the newest finished tasks of each label are kept in any case.
    type: int
    default: 0
  keep_logs:
    description:
      - How many logs of each forgotten label are kept below O(state_dir), the newest ones. Of a log
        above 16 MB only the end is kept. 0 keeps none.
    type: int
    default: 3
  strangers:
    description:
      - Forget tasks as well that were not queued by this collection. Only pueue knows what they
        did.
    type: bool
    default: false
  budget:
    description: How many tasks one call forgets at most; the rest is counted in RV(left).
    type: int
    default: 5000
seealso:
  - module: fleet.jobs.pueue_status
"""

EXAMPLES = r"""
- name: Forget successful jobs of yesterday and before
  fleet.jobs.pueue_clean:
    older_than: 1d

- name: Forget failed jobs of a family that is not needed any more, and their logs
  fleet.jobs.pueue_clean:
    labels: [old-bars/*]
    states: [ok, failed]
    older_than: 0s
    keep_logs: 0
"""

RETURN = r"""
actions:
  description: What was done, or would be done, as plain sentences.
  returned: always
  type: list
  elements: str
  sample: [Forget 812 finished tasks.]
removed:
  description: How many tasks were forgotten, or in check mode would be.
  returned: success
  type: int
  sample: 812
labels:
  description: Labels of the first 20 of them.
  returned: success
  type: list
  elements: str
  sample: [bars/BTCUSDT@250]
kept:
  description: How many finished tasks of the selection were kept, by reason.
  returned: success
  type: dict
  sample: {"needed by a task that is not finished": 2}
left:
  description: How many are left for the next call, because of O(budget) or because pueue kept them.
  returned: success
  type: int
  sample: 0
logs_kept:
  description: How many logs were put aside.
  returned: success
  type: int
  sample: 812
logs_removed:
  description: How many older logs of these labels were deleted.
  returned: success
  type: int
  sample: 0
state_file:
  description: Size of pueue's state file before and after, in bytes.
  returned: success
  type: dict
  sample: {before: 384211, after: 6120}
"""

from ansible_collections.fleet.jobs.plugins.module_utils._ansible import arguments
from ansible_collections.fleet.jobs.plugins.module_utils._ansible.outcome import (
    Outcome,
    Request,
    run,
)
from ansible_collections.fleet.jobs.plugins.module_utils._ansible.selection import (
    selection,
)
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import clean, forget
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.selection import Selection
from ansible_collections.fleet.jobs.plugins.module_utils._quantity import parse_seconds

SPEC = arguments.ArgumentSpec(
    options={
        "states": {
            "type": "list",
            "elements": "str",
            "choices": ["ok", "failed"],
            "default": ["ok"],
        },
        "older_than": {"type": "str", "default": "1h"},
        "keep_per_label": {"type": "int", "default": 0},
        "keep_logs": {"type": "int", "default": 3},
        "strangers": {"type": "bool", "default": False},
        "budget": {"type": "int", "default": 5000},
    },
).merge(selection(), arguments.instance(), arguments.lease())


def change(request: Request) -> Outcome:
    params = request.params
    wish = clean.Wish(
        selection=Selection(labels=tuple(params["labels"]), groups=tuple(params["groups"])),
        states=tuple(params["states"]),
        older_than=parse_seconds(params["older_than"], option="older_than"),
        keep_per_label=params["keep_per_label"],
        strangers=params["strangers"],
        budget=params["budget"],
    )
    report = forget.forget(
        request.instance(),
        wish,
        keep_logs=params["keep_logs"],
        lease_token=params["lease_token"],
        check_mode=request.check_mode,
    )
    before, after = forget.before_and_after(report)
    return Outcome(
        changed=bool(report.removed),
        actions=forget.sentences(report),
        before=before,
        after=after,
        data=forget.data(report),
    )


def main() -> None:
    run(SPEC, change)


if __name__ == "__main__":
    main()
