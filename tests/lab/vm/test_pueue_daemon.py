# SPDX-License-Identifier: GPL-3.0-or-later
"""pueued as a user service where the kernel is real: what protects it, what outlives it."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.lab.guest import (
    CONFIG,
    STATE,
    WORK,
    latest,
    play,
)
from ansible_collections.fleet.jobs.tests.lab.vm import VirtualMachine
from ansible_collections.fleet.jobs.tests.support.binaries import VERSION, binary
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

PROGRAMS = f"/opt/pueue-{VERSION}"
SECONDS = 240.0
OURS, THEIRS = "987651", "987652"
SERVICE = {"fleet.jobs.pueue_daemon": {"version": VERSION, "binaries": PROGRAMS}}
WHERE = {"pueue_config": CONFIG, "state_dir": STATE}


@pytest.fixture
def host(vm: VirtualMachine, tmp_path: Path) -> VirtualMachine:
    vm.run(f"mkdir -p {PROGRAMS}", "root")
    for name in ("pueue", "pueued"):
        vm.copy_in(binary(name), f"{PROGRAMS}/{name}", user="root")
        vm.run(f"ln -s {PROGRAMS}/{name} /usr/local/bin/{name}", "root")
    vm.run(f"mkdir {WORK}")
    run = play(vm, tmp_path, SERVICE)
    assert run.rc == 0, run.explain()
    return vm


def _pid(vm: VirtualMachine) -> str:
    return vm.run("systemctl --user show -p MainPID --value pueued").stdout.strip()


def _queue(vm: VirtualMachine, folder: Path) -> t.Dict[str, t.Any]:
    job = {"label": "ours/1", "command": ["sleep", OURS], "chdir": WORK, "memory": "64M"}
    task = {"fleet.jobs.pueue_queue_guarded": {**WHERE, "jobs": [job], "cap": "require"}}
    run = play(vm, folder, task)
    assert run.rc == 0, run.explain()
    return run.results[-1].result


def _alive(vm: VirtualMachine, seconds: str) -> bool:
    return vm.run(f"pgrep -fx 'sleep {seconds}'", check=False).returncode == 0


def _ended(vm: VirtualMachine, label: str) -> bool:
    tasks = json.loads(vm.run("pueue status --json").stdout)["tasks"].values()
    return ["Done" in task["status"] for task in tasks if task["label"] == label] == [True]


def _group(vm: VirtualMachine) -> str:
    listed = vm.run("pueue group --json", check=False).stdout
    return str(json.loads(listed)["default"]["status"]) if listed else ""


def _taken_last(host: VirtualMachine, say: t.Callable[[str], None]) -> None:
    pid = _pid(host)
    manager = host.run("systemctl show -p MainPID --value user@$(id -u)").stdout.strip()
    own, above = (
        int(host.run(f"cat /proc/{number}/oom_score_adj", "root").stdout)
        for number in (pid, manager)
    )
    plain = host.run("systemd-run --user --wait --pipe -q cat /proc/self/oom_score_adj").stdout
    say(f"oom_score_adj: pueued {own}, its manager {above}, any other service {plain.strip()}")
    assert own <= above < int(plain)
    low = host.run("systemctl --user show -p MemoryLow --value pueued").stdout.strip()
    folder = host.run("systemctl --user show -p ControlGroup --value pueued").stdout.strip()
    assert host.run(f"cat /sys/fs/cgroup{folder}/memory.low").stdout.strip() == low
    assert low == str(128 << 20)


def test_a_protected_daemon_and_a_job_that_outlives_its_crash(
    host: VirtualMachine, tmp_path: Path, say: t.Callable[[str], None]
) -> None:
    """The kernel takes it last; what it left behind is not started a second time."""
    _taken_last(host, say)
    _queue(host, tmp_path)
    host.run("pueue parallel 2")
    host.run(f"pueue add --label theirs/1 sleep {THEIRS}")
    for seconds in (OURS, THEIRS):
        eventually(lambda s=seconds: _alive(host, s), timeout=SECONDS, what=f"{seconds} runs")
    pid = _pid(host)
    host.run(f"kill -KILL {pid}")
    eventually(
        lambda: _pid(host) not in ("0", pid), timeout=SECONDS, what="systemd starts pueued again"
    )
    eventually(lambda: _group(host) == "Running", timeout=SECONDS, what="the queue answers")
    assert _alive(host, OURS), "a job in a scope of its own lives on"
    assert not _alive(host, THEIRS), "what pueue calls killed is dead"
    again = _queue(host, tmp_path)
    assert not again["changed"] and "ours/1" in json.dumps(again), again
    assert host.run(f"pgrep -fxc 'sleep {OURS}'").stdout == "1\n"


def test_an_upgrade_under_a_capped_job_leaves_it_running(
    host: VirtualMachine, tmp_path: Path
) -> None:
    """What the daemon started itself would die with it, so that refuses."""
    _queue(host, tmp_path)
    host.run(f"pueue parallel 2; pueue add --label theirs/1 sleep {THEIRS}")
    for seconds in (OURS, THEIRS):
        eventually(lambda s=seconds: _alive(host, s), timeout=SECONDS, what=f"{seconds} runs")
    host.run(f"cp -r {PROGRAMS} /opt/new", "root")
    moved = {"fleet.jobs.pueue_daemon": {"binaries": "/opt/new", "upgrade": "freeze"}}
    refused = play(host, tmp_path, moved)
    assert refused.rc != 0 and '"theirs/1"' in refused.results[-1].result["msg"]
    assert _alive(host, THEIRS) and _group(host) == "Running"
    host.run(f"pkill -fx 'sleep {THEIRS}'")
    eventually(lambda: _ended(host, "theirs/1"), timeout=SECONDS, what="the other has ended")
    pid = _pid(host)
    done = play(host, tmp_path, moved)
    assert done.rc == 0, done.explain()
    assert done.results[-1].result["tasks"] == {"before": 2, "after": 2}
    assert _pid(host) != pid and _group(host) == "Running"
    assert host.run(f"readlink /proc/{_pid(host)}/exe").stdout == "/opt/new/pueued\n"
    assert _alive(host, OURS) and _ended(host, "ours/1"), "pueue calls it killed, and it runs"
    assert not _queue(host, tmp_path)["changed"]
    host.run(f"pkill -fx 'sleep {OURS}'")
    eventually(
        lambda: latest(host, "ours/1")["class"],
        timeout=SECONDS,
        what="the runner says how it ended",
    )


def test_the_queue_goes_on_after_a_power_loss(host: VirtualMachine) -> None:
    """pueued alone would come back with every group paused that has queued tasks."""
    host.run("pueue group add held && pueue pause --group held --wait")
    host.run(f"pueue add --label t/first sleep {OURS}; pueue add --label t/next sleep {THEIRS}")
    host.run("pueue add --group held --label t/held true")
    eventually(lambda: _alive(host, OURS), timeout=SECONDS, what="the first job runs")
    host.run("sync")
    host.power_off()
    host.power_on()
    eventually(lambda: _group(host) == "Running", timeout=SECONDS, what="the group is resumed")
    eventually(lambda: _alive(host, THEIRS), timeout=SECONDS, what="the next job runs")
    listed = json.loads(host.run("pueue status --json").stdout)
    assert {task["label"] for task in listed["tasks"].values()} == {"t/first", "t/next", "t/held"}
    assert listed["groups"]["held"]["status"] == "Paused"
