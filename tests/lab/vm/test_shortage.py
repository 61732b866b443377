# SPDX-License-Identifier: GPL-3.0-or-later
"""The host runs out of memory while every job is within its cap: nobody's cap is to blame."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible_collections.fleet.jobs.tests.lab.guest import WORK, latest, play
from ansible_collections.fleet.jobs.tests.lab.vm import VirtualMachine

MIB = 1 << 20
# The machine has 1 GiB and no swap; the cap would allow more than there is.
HOG = """
held = []
while True: held.append(b'x' * (8 << 20))"""
NEIGHBOUR = f"""
import os, time
held = b'x' * (30 << 20)
while not os.path.exists("{WORK}/over"): time.sleep(0.2)"""


def test_a_shortage_of_the_host_is_oom_host(
    queue: VirtualMachine, tmp_path: Path, say: t.Callable[[str], None]
) -> None:
    def job(name: str, code: str, memory: str) -> t.Dict[str, t.Any]:
        command = ["/usr/bin/python3", "-I", "-S", "-c", code]
        return {"label": f"host/{name}", "command": command, "chdir": WORK, "memory": memory}

    jobs = [job("neighbour", NEIGHBOUR, "64M"), job("hog", HOG, "4G")]
    run = play(
        queue,
        tmp_path,
        {"fleet.jobs.pueue_group": {"name": "default", "parallel": 2}},
        {"fleet.jobs.pueue_queue_guarded": {"jobs": jobs}},
        {
            "fleet.jobs.pueue_wait": {
                "labels": ["host/hog"],
                "timeout": "4m",
                "fail_on_timeout": True,
            }
        },
    )
    assert run.rc == 0, run.explain()
    hog = latest(queue, "host/hog")
    say(str(hog["message"]))
    assert hog["class"] == "oom_host"
    assert "oom 0, oom_kill" in hog["message"]
    assert 300 * MIB < hog["peak_bytes"] < 1024 * MIB

    queue.run(f"touch {WORK}/over && pueue wait --quiet")
    assert latest(queue, "host/neighbour")["class"] == "ok", "nor did the daemon die"
    log = queue.run("journalctl -k --no-pager -o cat", user="root").stdout
    kills = [line for line in log.splitlines() if "Out of memory: Killed" in line]
    say("\n".join(kills))
    assert kills
