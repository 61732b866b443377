# SPDX-License-Identifier: GPL-3.0-or-later
"""A runner dies by SIGKILL, and a process of its job that left its group and its variables lives:
the job counts as running, and nothing starts it a second time beside itself."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible_collections.fleet.jobs.tests.lab.guest import WORK, play, processes, why
from ansible_collections.fleet.jobs.tests.lab.vm import VirtualMachine
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

MARK = "left_by_a_killed_runner"
JOB = {
    "label": "left/behind",
    "shell": f"env -i setsid sh -c 'while :; do sleep 1; done; {MARK}' & exec sleep 1000",
    "chdir": WORK,
    "memory": "64M",
    "restart_safe": True,
}


def test_what_a_killed_runner_left_is_the_job(queue: VirtualMachine, tmp_path: Path) -> None:
    queued = {"fleet.jobs.pueue_queue_guarded": {"jobs": [JOB]}}
    first = play(queue, tmp_path, queued)
    assert first.rc == 0, first.explain()

    def escaped() -> t.List[str]:
        return [line for line in processes(queue, MARK) if " sh -c while" in line]

    eventually(lambda: escaped() and processes(queue, "sleep 1000"), timeout=120, what="the job")
    runner = "pkill -KILL -o -f 'fleet-jobs-.*py run --label left/behind'"
    queue.run(runner, check=False)
    queue.run("pueue wait --quiet", timeout=120)
    assert escaped()
    assert why(queue, "left/behind")["attempts"][-1]["class"] == "running"

    again = play(queue, tmp_path, queued)
    assert again.rc == 0, again.explain()
    assert again.results[-1].result["changed"] is False
    assert len(escaped()) == 1

    queue.run(f"pkill -KILL -f {MARK}", check=False)
    eventually(lambda: not escaped(), timeout=60, what="it is gone")
    assert why(queue, "left/behind")["attempts"][-1]["class"] != "running"
