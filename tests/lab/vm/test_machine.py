# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab itself: what a test may rely on."""

from __future__ import annotations

import json
import os
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.lab.vm import CommandFailed, VirtualMachine


def test_bare_debian_with_its_own_kernel(vm: VirtualMachine) -> None:
    assert vm.run("stat -fc %T /sys/fs/cgroup").stdout.strip() == "cgroup2fs"
    assert vm.run("systemctl is-system-running").stdout.strip() == "running"
    assert vm.run("systemctl --user is-system-running").stdout.strip() == "running"
    own = "/sys/fs/cgroup/user.slice/user-$(id -u).slice/user@$(id -u).service/cgroup.controllers"
    assert {"cpu", "memory", "pids"} <= set(vm.run(f"cat {own}").stdout.split())
    assert vm.run("command -v pueue pueued uv mise", check=False).stdout == ""
    assert vm.run("uname -r").stdout.strip() != os.uname().release


def test_clean_again_and_on_time(vm: VirtualMachine) -> None:
    vm.run("touch /home/jobs/dirt; sync")
    vm.restore()
    assert vm.run("ls /home/jobs").stdout == ""
    assert abs(float(vm.run("date +%s.%N").stdout) - time.time()) < 60


def test_power_loss_keeps_the_disk_only(vm: VirtualMachine) -> None:
    vm.run("touch kept /dev/shm/lost; sync")
    vm.power_off()
    assert not vm.running
    vm.power_on()
    assert vm.run("ls kept /dev/shm", check=False).stdout.split() == ["kept", "/dev/shm:"]


def test_files_and_failures(vm: VirtualMachine, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "tool").write_text("#!/bin/sh\necho ran\n", encoding="utf-8")
    (tmp_path / "folder" / "tool").chmod(0o755)
    vm.copy_in(tmp_path / "folder", "/home/jobs/a/b")
    vm.copy_in(tmp_path / "folder" / "tool", "/usr/local/bin/alone", user="root")
    assert vm.run("a/b/tool; alone").stdout == "ran\nran\n"
    with pytest.raises(CommandFailed, match="exit 3"):
        vm.run("exit 3")


def test_inventory(vm: VirtualMachine, tmp_path: Path) -> None:
    told = json.loads(vm.write_inventory(tmp_path / "inventory.json"))
    assert told["machines"]["hosts"]["lab"]["ansible_port"] == vm.port
    assert json.loads((tmp_path / "inventory.json").read_text(encoding="utf-8")) == told


def test_nothing_is_left(machine: VirtualMachine) -> None:
    """Two machines differ in name, port and randomness; after the block both are gone."""
    folders: t.List[Path] = []
    with pytest.raises(RuntimeError), VirtualMachine("second") as second:
        folders.append(second.folder)
        pid = second.pid
        assert second.run("hostname").stdout.strip() == "second"
        assert second.port != machine.port
        draw = "head -c 16 /dev/urandom | od -An -tx1"
        assert second.run(draw).stdout != machine.run(draw).stdout
        raise RuntimeError
    assert not folders[0].exists()
    assert not Path(f"/proc/{pid}").exists()
