# SPDX-License-Identifier: GPL-3.0-or-later
"""``systemd_run_job`` outlives the ssh session and the controller, also where a host ends all that
a session leaves; somebody else collects the result later."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import typing as t
from pathlib import Path

from ansible_collections.fleet.jobs.tests.lab.guest import play
from ansible_collections.fleet.jobs.tests.lab.vm import VirtualMachine
from ansible_collections.fleet.jobs.tests.support.ansible import environment, program
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

WAITS = "while ! test -e /tmp/go; do sleep 1; done; echo it is done"
STRICT = (
    "mkdir -p /etc/systemd/logind.conf.d"
    " && printf '[Login]\\nKillUserProcesses=yes\\n' > /etc/systemd/logind.conf.d/strict.conf"
    " && systemctl restart systemd-logind"
)


def job(label: str, **more: t.Any) -> t.Dict[str, t.Any]:
    command = ["/bin/sh", "-c", f"{WAITS} # {label}"]
    return {
        "fleet.jobs.systemd_run_job": {"label": label, "command": command, "chdir": "/", **more}
    }


def sessions(vm: VirtualMachine) -> t.List[str]:
    listed = vm.run("loginctl list-sessions --no-legend", user="root").stdout.splitlines()
    return [line for line in listed if line.split()[2] == "jobs"]


def log_out(vm: VirtualMachine) -> None:
    """No session of the user is left, shared connections included."""
    vm.disconnect("jobs")
    eventually(lambda: not sessions(vm), timeout=300, what="the user is logged out")


def test_it_survives_the_session_and_the_controller(vm: VirtualMachine, tmp_path: Path) -> None:
    vm.run(STRICT, user="root")
    accident = [*vm.ssh_argv(shared=False), "nohup setsid sleep 4321 > /dev/null 2>&1 &"]
    subprocess.run(accident, check=True, timeout=120)
    log_out(vm)
    alive = vm.run("pgrep -f 'sleep 4321'", user="root", check=False).stdout
    assert alive == "", "this host ends what a session leaves"

    started = play(vm, tmp_path, job("once/uncapped", wait=False))
    assert started.rc == 0, started.explain()
    controller = start_controller(vm, tmp_path, job("once/capped", memory="64M"))
    try:
        eventually(
            lambda: running(vm, "once/capped") or controller.poll() is not None,
            timeout=600,
            what="the job runs",
        )
        assert controller.poll() is None, (tmp_path / "controller.log").read_text()
    finally:
        os.killpg(controller.pid, signal.SIGKILL)
        controller.wait()
    log_out(vm)
    for label in ("once/uncapped", "once/capped"):
        assert running(vm, label), f"{label} went with its session"

    vm.run("touch /tmp/go", user="root")
    collected = play(
        vm,
        tmp_path,
        *(
            {"fleet.jobs.systemd_run_job": {"label": label, "collect": True}}
            for label in ("once/uncapped", "once/capped")
        ),
    )
    assert collected.rc == 0, collected.explain()
    answers = [one.result for one in collected.results]
    assert [(one["class"], one["stdout"]) for one in answers] == [("ok", "it is done\n")] * 2
    assert [one["enforcement"] for one in answers] == ["none", "cgroup"]


def start_controller(
    vm: VirtualMachine, folder: Path, task: t.Mapping[str, t.Any]
) -> subprocess.Popen[bytes]:
    """A playbook that waits for the end of the job."""
    vm.write_inventory(folder / "inventory.json")
    content = [{"hosts": "machines", "gather_facts": False, "tasks": [task]}]
    (folder / "play.json").write_text(json.dumps(content), encoding="utf-8")
    command = [program("ansible-playbook"), "play.json", "-i", "inventory.json"]
    with open(folder / "controller.log", "wb") as log:
        return subprocess.Popen(
            command,
            cwd=folder,
            # Without a kept connection, which would outlive the controller by a minute.
            env={
                **environment(folder, folder / "record"),
                "ANSIBLE_SSH_ARGS": "-o ControlMaster=no -o ControlPath=none",
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def running(vm: VirtualMachine, label: str) -> bool:
    """The job itself, not a runner that is on its way to its scope. Asked as root, so that the
    user stays logged out."""
    return bool(
        vm.run(f"pgrep -u jobs -f '^/bin/sh -c while.*# {label}$'", "root", check=False).stdout
    )
