#!/usr/bin/python
# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: pueue_status
short_description: Look at a queue of any size in at most 8 KB
version_added: 0.1.0
description:
  - Counts the tasks of a pueue queue by state, result, class and group, and names a few labels of
    each kind. Rows of single jobs are returned by selection, one page at a time.
  - The answer has at most 8 KB however many tasks there are, so it can be asked of every host of a
    fleet. What had to be left out for that is named in RV(shortened).
  - It never contains an environment variable or a command line.
author: fleet.jobs authors (@fleet-jobs)
extends_documentation_fragment:
  - fleet.jobs.attributes.query
  - fleet.jobs.instance
  - fleet.jobs.selection
options:
  states:
    description:
      - States of the jobs to return rows of. Each is a state of pueue (V(queued), V(stashed),
        V(running), V(paused), V(locked), V(done)), a result (V(success), V(failedtospawn),
        V(killed), V(errored), V(dependencyfailed)), or one of V(active), V(finished) and
        V(failed), which means every result but success.
    type: list
    elements: str
    default: []
  page:
    description: Which page of rows to return, from 1 on.
    type: int
    default: 1
  page_size:
    description:
      - Rows on a page, from 0 to 25. Long labels may leave room for fewer; then RV(shortened)
        contains V(jobs), and a smaller size shows all of them.
      - The default is 10 if O(labels), O(groups) or O(states) select something, else 0.
    type: int
  source:
    description:
      - V(status) asks the daemon.
      - V(state_file) reads the file in which the daemon saves its state. It costs the daemon
        nothing and works when it is down, but lags behind after a restart, an enqueue or a failed
        dependency. It is for reports, not for decisions.
    type: str
    choices: [status, state_file]
    default: status
seealso:
  - module: fleet.jobs.pueue_wait
  - module: fleet.jobs.pueue_restart_guarded
"""

EXAMPLES = r"""
- name: Look at the queue
  fleet.jobs.pueue_status:
  register: queue

- name: Name the failed jobs of one family
  fleet.jobs.pueue_status:
    labels: [bars/*]
    states: [failed]
    page_size: 25

- name: Look at the queue of a daemon that does not answer
  fleet.jobs.pueue_status:
    source: state_file
"""

RETURN = r"""
actions:
  description: Always empty, nothing is changed.
  returned: always
  type: list
  elements: str
  sample: []
source:
  description: What was read, as in O(source).
  returned: success
  type: str
  sample: status
daemon_version:
  description: The protocol version that the daemon reported; none with O(source=state_file).
  returned: success
  type: str
  sample: 0.31.1
counts:
  description: How many tasks there are.
  returned: success
  type: dict
  contains:
    tasks:
      description: All tasks.
      type: int
    active:
      description: Those that are not finished.
      type: int
    by_state:
      description: All tasks by state.
      type: dict
    by_result:
      description: Finished tasks by pueue's result.
      type: dict
    by_class:
      description: Finished tasks by class, from the ledger where it knows the run.
      type: dict
  sample:
    tasks: 812
    active: 12
    by_state: {done: 800, queued: 10, running: 2}
    by_result: {failed: 3, success: 797}
    by_class: {app: 2, infra: 1, ok: 797}
groups:
  description: The groups, those with most tasks first.
  returned: success
  type: dict
  contains:
    count:
      description: How many there are.
      type: int
    shown:
      description: Name, status, slots (C(parallel), 0 is no limit) and tasks by state of each.
      type: list
      elements: dict
  sample:
    count: 1
    shown: [{name: default, status: running, parallel: 2, tasks: {ok: 797, failed: 3}}]
state_file:
  description:
    - Size of pueue's state file, which every change rewrites (AP-10), and whether that is
      V(ok), V(warn) (above 10 MB) or V(refuse) (above 50 MB, nothing more is queued).
  returned: success
  type: dict
  sample: {bytes: 384211, level: ok}
running:
  description: How many jobs run, and the labels of some.
  returned: success
  type: dict
  sample: {count: 2, labels: [bars/BTCUSDT@250, bars/ETHUSDT@250]}
failures:
  description: Failed jobs by class, with labels of some.
  returned: success
  type: list
  elements: dict
  sample: [{class: app, count: 2, labels: [bars/XRPUSDT@250, bars/XRPUSDT@500]}]
duplicates:
  description: Labels that are active more than once.
  returned: success
  type: dict
  sample: {count: 0, labels: []}
strangers:
  description: How many tasks were not queued by this collection.
  returned: success
  type: int
  sample: 0
leftovers:
  description: Stashed jobs of a submission whose client died.
  returned: success
  type: dict
  sample: {count: 0, labels: []}
lease:
  description: Who holds the right to change the queue, without the token; none if nobody does.
  returned: success
  type: dict
  sample: {owner: ci, purpose: deploy 4f1c, expires: 1790000000, frozen: [default]}
blocked:
  description: Paused groups in which jobs are queued.
  returned: success
  type: list
  elements: dict
  sample: [{group: default, queued: 10}]
jobs:
  description: One page of rows, by age.
  returned: success
  type: list
  elements: dict
  contains:
    label:
      description: Label.
      type: str
    group:
      description: Group.
      type: str
    state:
      description: State in pueue.
      type: str
    result:
      description: Result in pueue, if it is finished.
      type: str
    class:
      description: Class, if it is finished.
      type: str
    exit_code:
      description: Exit code, if there is one.
      type: int
    started:
      description: Start, in seconds since 1970.
      type: float
    ended:
      description: End, in seconds since 1970.
      type: float
    attempt:
      description: Number of the last attempt in the ledger.
      type: int
    release:
      description: The release it ran on, shortened to 12 characters.
      type: str
  sample:
    - label: bars/XRPUSDT@250
      group: default
      state: done
      result: failed
      class: app
      exit_code: 3
      started: 1790000000.1
      ended: 1790000100.2
      attempt: 2
      release: 4f1c09aa17d2
page:
  description: The page returned.
  returned: when rows were asked for
  type: int
  sample: 1
pages:
  description: How many pages there are.
  returned: when rows were asked for
  type: int
  sample: 1
matched:
  description: How many jobs the selection matches.
  returned: when rows were asked for
  type: int
  sample: 2
hints:
  description: What needs somebody's attention, as plain sentences.
  returned: success
  type: list
  elements: str
  sample: []
shortened:
  description: Which of the lists above were shortened to keep the answer small.
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
from ansible_collections.fleet.jobs.plugins.module_utils._ansible.selection import (
    selected,
    selection,
)
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import digest, floor, status

SPEC = arguments.ArgumentSpec(
    options={
        "states": {"type": "list", "elements": "str", "default": []},
        "page": {"type": "int", "default": 1},
        "page_size": {"type": "int"},
        "source": {"type": "str", "choices": ["status", "state_file"], "default": "status"},
    },
).merge(selection(), arguments.instance())


def pueue_status(request: Request) -> Outcome:
    """Look, and make it fit."""
    params = request.params
    page = digest.page_of(selected(params), number=params["page"], size=params["page_size"])
    instance = request.instance()
    facts = status.survey(instance, source=params["source"], page=page)
    return Outcome(
        data=digest.digest(facts, page), warnings=list(floor.look(instance).warnings[:3])
    )


def main() -> None:
    run(SPEC, pueue_status)


if __name__ == "__main__":
    main()
