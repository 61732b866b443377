# SPDX-License-Identifier: GPL-3.0-or-later
"""A pueued in a machine of the lab, started by hand, and playbooks of ours run against it."""

from __future__ import annotations

import json
import subprocess
import tempfile
import typing as t
from pathlib import Path

from ansible_collections.fleet.jobs.tests.lab.vm import VirtualMachine
from ansible_collections.fleet.jobs.tests.support.ansible import PlaybookRun, run_playbook
from ansible_collections.fleet.jobs.tests.support.binaries import binary
from ansible_collections.fleet.jobs.tests.support.tool import install

QUEUE = "queue"
"""The name of the snapshot that has one."""
CONFIG = "/home/jobs/.config/pueue/pueue.yml"
STATE = "/home/jobs/.local/state/fleet-jobs"
TOOL = f"{STATE}/bin/fleet-jobs"
WORK = "/home/jobs/work"
PLAYBOOK_SECONDS = 400.0


def start_queue(vm: VirtualMachine) -> None:
    """pueued as a service of the user ``jobs``, and a working directory for jobs."""
    for name in ("pueue", "pueued"):
        vm.copy_in(binary(name), f"/usr/local/bin/{name}", user="root")
    vm.run(
        f"mkdir -p {WORK} .config/pueue && echo '{{}}' > {CONFIG}"
        " && systemd-run --user --quiet --unit=pueued pueued"
        " && until pueue status >/dev/null 2>&1; do sleep 0.2; done"
    )


def install_tool(vm: VirtualMachine) -> None:
    """The host tool of this working tree, for tests that need no queue and no Ansible."""
    with tempfile.TemporaryDirectory() as folder:
        vm.copy_in(install(Path(folder)).with_suffix(".zip"), TOOL)


def run_job(
    vm: VirtualMachine, argv: t.Sequence[str], *options: str
) -> subprocess.CompletedProcess[str]:
    """``fleet-jobs run`` in front of a command, as in a task of the queue."""
    words = ["python3", "-I", "-S", TOOL, "run", "--label", "lab/job", "--state-dir", STATE]
    return vm.run([*words, *options, "--", *argv], check=False)


def add_swap(vm: VirtualMachine) -> None:
    """256 MiB of it, unused."""
    vm.run(
        "dd if=/dev/zero of=/swap bs=1M count=256 status=none && chmod 600 /swap"
        " && mkswap /swap > /dev/null && swapon /swap",
        user="root",
    )


def play(vm: VirtualMachine, folder: Path, *tasks: t.Mapping[str, t.Any]) -> PlaybookRun:
    """Run tasks as a playbook of the controller, over ssh."""
    inventory, playbook = folder / "inventory.json", folder / "play.json"
    vm.write_inventory(inventory)
    content = [{"hosts": "machines", "gather_facts": False, "tasks": list(tasks)}]
    playbook.write_text(json.dumps(content), encoding="utf-8")
    return run_playbook(playbook, inventory=inventory, timeout=PLAYBOOK_SECONDS)


def why(vm: VirtualMachine, label: str) -> t.Dict[str, t.Any]:
    """What ``fleet-jobs why`` says of a label."""
    return dict(json.loads(vm.run([TOOL, "why", "--json", label]).stdout))


def latest(vm: VirtualMachine, label: str) -> t.Dict[str, t.Any]:
    """The newest attempt of a label."""
    return dict(why(vm, label)["attempts"][-1])


def processes(vm: VirtualMachine, mark: str) -> t.List[str]:
    """Command lines in the guest that hold ``mark``, that of the search aside."""
    listed = vm.run("ps -eo pid,args --no-headers").stdout.splitlines()
    return [line for line in listed if mark in line]
