# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container of the lab is: a bare host with a login, and nothing after it went."""

from __future__ import annotations

import subprocess
import typing as t

import pytest

from ansible_collections.fleet.jobs.tests.lab.containers import Container, Group, reason

pytestmark = pytest.mark.skipif(bool(reason()), reason=reason() or "none")
# 200 MB under a cap of 64 MB.
TOO_MUCH = (
    "systemd-run --user --scope -q -p MemoryMax=64M -p MemorySwapMax=0 "
    "python3 -c 'b = bytearray(200 << 20)'"
)


@pytest.fixture(scope="module")
def container() -> t.Iterator[Container]:
    with Group("test-containers").up("bare") as (one,):
        yield one


def test_it_is_a_bare_host(container: Container) -> None:
    assert container.run("hostname", "admin").stdout == "bare\n"
    assert container.run("sudo -n id -u", "admin").stdout == "0\n"
    assert container.run("ps -o comm= -p 1", "admin").stdout == "systemd\n"
    assert container.run("getent passwd jobs", "admin", check=False).returncode == 2
    assert container.run("command -v pueue", "admin", check=False).returncode != 0


def test_a_login_has_a_user_manager(container: Container) -> None:
    assert container.run("systemctl --user is-system-running", "admin").stdout == "running\n"


def test_an_account_made_later_can_log_in(container: Container) -> None:
    container.run("useradd --create-home later", "root")
    assert container.run("echo $XDG_RUNTIME_DIR", "later").stdout.startswith("/run/user/")


def test_a_cap_of_systemd_caps_nothing_here(container: Container) -> None:
    """INV-7's accident, ready-made: where control groups are the older ones, 0 and no cap."""
    older = container.run("stat -fc %T /sys/fs/cgroup", "admin").stdout != "cgroup2fs\n"
    done = container.run(TOO_MUCH, "admin", check=False)
    assert (done.returncode == 0) is older


def test_nothing_stays() -> None:
    group = Group("test-leftovers")
    with group.up("one", "two") as containers:
        identities = [one.identity for one in containers]
        assert group.folder.is_dir()
    listed = group.image.podman("ps", "--all", "--format", "{{ .Names }}").split()
    assert not set(identities) & set(listed)
    assert not group.folder.exists()
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert not [line for line in processes.stdout.splitlines() if identities[0] in line]
