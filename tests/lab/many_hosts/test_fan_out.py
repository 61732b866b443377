# SPDX-License-Identifier: GPL-3.0-or-later
"""Queue, status and deploy over many names: what each asks of a connection.

``FLEET_JOBS_LAB_HOSTS`` (``make lab-fleet N=100``) says over how many.
"""

from __future__ import annotations

import json
import os
import time
import typing as t
from pathlib import Path

if t.TYPE_CHECKING:
    from ansible_collections.fleet.jobs.tests.lab.fleet import FleetOverSsh

COUNT = int(os.environ.get("FLEET_JOBS_LAB_HOSTS") or 4)
FORKS = "20"

MakeFleet = t.Callable[[int], "FleetOverSsh"]


def _queue(fleet: FleetOverSsh, label: str) -> Path:
    job = fleet.hosts[0].job(label, label[-1], chdir="{{ deploy_project }}")
    where = {"pueue_config": "{{ fleet_pueue_config }}", "state_dir": "{{ fleet_state_dir }}"}
    task = {"fleet.jobs.pueue_queue_guarded": {"jobs": [job], "cap": "none", **where}}
    path = fleet.folder / "queue.json"
    path.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]))
    return path


def test_a_step_is_one_command_a_host(make_fleet: MakeFleet, say: t.Callable[[str], None]) -> None:
    fleet = make_fleet(COUNT)

    def commands(what: str, playbook: t.Union[str, Path], **options: t.Any) -> float:
        before, began = fleet.sshd.traffic(), time.monotonic()
        run = fleet.play(playbook, env={"ANSIBLE_FORKS": FORKS}, timeout=1800, **options)
        assert run.rc == 0, run.explain()
        spent, asked = time.monotonic() - began, fleet.sshd.traffic() - before
        say(
            f"{what} over {COUNT} names: {spent:.0f} s, a host {asked.sessions / COUNT:.1f} "
            f"commands on {asked.connections / COUNT:.1f} connections"
        )
        return asked.sessions / COUNT

    # What is sent once per version: the code that stays, and the host tool.
    commands("first queue", _queue(fleet, "first/0"))
    commands("first deploy", "fleet.jobs.deploy", extra_vars=fleet.options)

    assert commands("queue", _queue(fleet, "work/1")) == 1
    for host in fleet.hosts:
        assert host.finished("work/1", timeout=300)["work/1"].failed
    assert commands("status", "fleet.jobs.status") == 1
    sha = fleet.origin.fix()
    assert commands("deploy", "fleet.jobs.deploy", extra_vars=fleet.options) == 2
    for host in fleet.hosts:
        assert host.head() == sha
        assert host.finished("work/1", timeout=300)["work/1"].ok
    assert commands("deploy with nothing to do", "fleet.jobs.deploy", extra_vars=fleet.options) == 1
