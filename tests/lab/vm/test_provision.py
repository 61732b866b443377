# SPDX-License-Identifier: GPL-3.0-or-later
"""``provision.yml`` where caps are required: it proves one, and then a job is killed by its own."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible_collections.fleet.jobs.tests.lab.guest import WORK, latest, play
from ansible_collections.fleet.jobs.tests.lab.vm import VirtualMachine
from ansible_collections.fleet.jobs.tests.support.ansible import run_playbook
from ansible_collections.fleet.jobs.tests.support.binaries import binary

LIMIT_SECONDS = 500.0
MIB = 1 << 20
HUNGRY = "held = b'x' * (200 << 20)"


def test_a_host_with_required_caps(
    vm: VirtualMachine, tmp_path: Path, say: t.Callable[[str], None]
) -> None:
    inventory = tmp_path / "hosts.json"
    vm.write_inventory(inventory)
    wish = {
        "fleet_hosts": "machines",
        "fleet_cap": "require",
        "ansible_user": "root",
        "queue_host_user": "jobs",
        "queue_host_pueue_source": str(Path(binary("pueued")).resolve().parent),
        "queue_host_groups": [{"name": "bars", "parallel": 2}],
    }
    run = run_playbook(
        "fleet.jobs.provision", inventory=inventory, extra_vars=wish, timeout=LIMIT_SECONDS
    )
    assert run.rc == 0, run.explain()
    (probe,) = run.of(task="Prove that a memory cap caps")
    assert probe.result["cap"]["capable"], probe.result["cap"]

    job = {"label": "bars/1", "group": "bars", "command": ["python3", "-c", HUNGRY]}
    job |= {"chdir": WORK, "memory": "64M"}
    vm.run(["mkdir", WORK])
    queued = play(
        vm,
        tmp_path,
        {"fleet.jobs.pueue_queue_guarded": {"jobs": [job], "cap": "require"}},
        {"fleet.jobs.pueue_wait": {"labels": ["bars/1"], "timeout": 120}},
    )
    assert queued.rc == 0, queued.explain()
    ended = latest(vm, "bars/1")
    say(str(ended["message"]))
    assert (ended["class"], ended["enforcement"]) == ("oom_cap", "cgroup"), ended
    peak = ended["peak_bytes"]
    assert 62 * MIB <= peak <= 64 * MIB and "oom_kill" in ended["message"], ended
