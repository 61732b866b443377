# SPDX-License-Identifier: GPL-3.0-or-later
"""Loss of power, of pueued, of connections and of space: no job is lost, none runs beside itself.

One machine for all of it, with the product's own service, jobs under real caps, and a project that
is deployed. Power loss is the end of the qemu process with ``cache=writeback``: what the guest has
flushed is on the disk, and nothing else.
"""

from __future__ import annotations

import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.lab.guest import STATE
from ansible_collections.fleet.jobs.tests.lab.queue_host import LONG, PROJECT, SERVICE, QueueHost
from ansible_collections.fleet.jobs.tests.lab.vm import VirtualMachine, reason
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

Say = t.Callable[[str], None]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[QueueHost]:
    lacking = reason()
    if lacking:
        pytest.skip(f"no virtual machine: {lacking}")
    with VirtualMachine("reboot", durable=True) as vm:
        made = QueueHost(vm, tmp_path_factory.mktemp("reboot"))
        made.provision()
        yield made


def queue(host: QueueHost, family: str, number: int, *, seconds: float) -> t.Set[str]:
    jobs = host.jobs(family, number, seconds=seconds)
    run = host.queue(jobs)
    assert run.rc == 0, run.explain()
    return {str(job["label"]) for job in jobs}


def test_pueued_killed(host: QueueHost, say: Say) -> None:
    """Jobs under a cap outlive it: they end once, and count as what they did."""
    labels = queue(host, "crash", 7, seconds=20)
    host.until("crash", "Running", number=2)
    before = host.vm.run("systemctl --user show -P MainPID pueued").stdout
    host.vm.run("systemctl --user kill --signal=KILL --kill-who=main pueued")
    eventually(
        lambda: (
            host.vm.run("systemctl --user show -P MainPID pueued").stdout not in (before, "0\n")
            and host.service() == "active"
        ),
        timeout=LONG,
        what="the service is back",
    )
    after = host.account("crash")
    say(after.table("after SIGKILL of pueued"))
    assert set(after.places) == labels
    assert not set(after.counts()) - {"done", "running", "queued", "infra"}
    rest = host.at_rest("crash")
    say(rest.table("and at rest"))
    if rest.of("infra"):
        run = host.restart("crash", "infra")
        assert run.rc == 0, run.explain()
        rest = host.at_rest("crash")
    assert set(rest.of("done")) == labels
    assert host.successes("crash") == dict.fromkeys(labels, 1)
    host.assert_nobody_ran_twice_at_once()


def test_connections_cut_and_sshd_restarted(host: QueueHost, say: Say) -> None:
    """The call that was cut leaves the whole set or none of it, and its repetition the whole."""
    jobs = host.jobs("cut", 12, seconds=1)
    lock = f"{STATE}/instance.lock"
    # It has the lock until the call waits for it, so that the cut comes in the middle.
    cut = (
        "until [ $(ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c instance.lock) -ge 2 ];"
        " do sleep 0.2; done; pkill -KILL -f '^sshd: jobs'; systemctl restart ssh"
    )
    host.vm.run(f"touch {lock}")
    command = ["systemd-run", "--quiet", "--unit=cut", "flock", "-o", lock, "sh", "-c", cut]
    host.vm.run(command, user="root")
    first = host.queue(jobs)
    assert first.rc != 0, first.explain()
    say(f"the call whose connection was cut: {first.results[-1].status}")
    eventually(
        lambda: host.vm.run("systemctl is-active cut", user="root", check=False).returncode != 0,
        timeout=LONG,
        what="sshd is back",
    )
    second = host.queue(jobs)
    assert second.rc == 0, second.explain()
    rest = host.at_rest("cut")
    say(rest.table("after a cut connection and the same call again"))
    labels = {str(job["label"]) for job in jobs}
    assert set(rest.of("done")) == labels
    assert host.successes("cut") == dict.fromkeys(labels, 1)
    host.assert_nobody_ran_twice_at_once()


def test_disk_filled_and_freed(host: QueueHost, say: Say) -> None:
    labels = queue(host, "full", 6, seconds=15)
    host.until("full", "Running", number=2)
    space = "$(( $(df --output=avail -B1 / | tail -1) - (1 << 20) ))"
    host.vm.run(f"fallocate -l {space} ballast; cat /dev/zero > ballast-2 2> /dev/null; true")
    try:
        eventually(lambda: _hurt(host), timeout=LONG, what="the full disk shows")
        more = host.queue(host.jobs("more", 1, seconds=1))
        assert more.rc != 0
        say(f"on the full disk: {more.results[-1].result['msg']}")
    finally:
        host.vm.run("rm -f ballast ballast-2")
    run = host.play(SERVICE)
    assert run.rc == 0, run.explain()
    after = host.account("full")
    say(after.table("after a full disk, freed, and the service repaired"))
    assert set(after.places) == labels
    # A job that could not write its own result failed by itself.
    assert not set(after.counts()) - {"done", "running", "queued", "infra", "app"}
    rest = host.at_rest("full")
    if set(rest.of("done")) != labels:
        run = host.restart("full", "infra", "app")
        assert run.rc == 0, run.explain()
        rest = host.at_rest("full")
    assert set(rest.of("done")) == labels
    host.assert_nobody_ran_twice_at_once()


def test_power_off_in_the_middle_of_a_batch_and_of_a_deploy(host: QueueHost, say: Say) -> None:
    sha = host.commit(2)
    labels = queue(host, "loss", 9, seconds=15)
    host.until("loss", "Done")
    deploy = host.start_deploy(deploy_ref=sha, deploy_restart_labels=["loss/*"])
    try:
        eventually(lambda: _frozen(host), timeout=LONG, what="the deploy has frozen the queue")
        before = host.account("loss")
    finally:
        host.vm.power_off()
        said, _unused = deploy.communicate(timeout=LONG)
    assert deploy.returncode not in (0, None), said
    say(before.table("when the power went, in the middle of a deploy"))

    host.vm.power_on()
    after = host.account("loss")
    say(after.table("when it was back (cache=writeback)"))
    assert set(after.places) == labels
    # What was done and not yet flushed counts as queued or infra, and is done again.
    assert not set(after.counts()) - {"done", "running", "queued", "infra"}

    again = host.deploy(deploy_ref=sha, deploy_restart_labels=["loss/*"])
    assert again.rc == 0, again.explain()
    rest = host.at_rest("loss")
    say(rest.table("after the same deploy once more"))
    assert set(rest.of("done")) == labels
    assert host.vm.run(f"git -C {PROJECT} rev-parse HEAD").stdout.strip() == sha
    assert not _frozen(host)
    assert set(host.successes("loss")) == labels
    host.assert_nobody_ran_twice_at_once()


def test_a_deploy_that_reported_is_on_the_disk(host: QueueHost, say: Say, tmp_path: Path) -> None:
    """No boot for it: the file system is read as the next boot would find it."""
    sha = host.commit(3)
    run = host.deploy(deploy_ref=sha, deploy_restart_labels=["none/*"])
    host.vm.power_off()
    assert run.rc == 0, run.explain()
    disk = _as_found_by_the_next_boot(host, tmp_path)
    assert _content(disk, f"{PROJECT}/work.sh").startswith("VERSION=3\n")
    for name in (sha, _tree_of(host, sha)):
        assert _content(disk, f"{PROJECT}/.git/objects/{name[:2]}/{name[2:]}"), f"{name} is empty"
    say("work.sh, the commit and its tree are whole after a power loss right behind the report")


def _hurt(host: QueueHost) -> bool:
    """pueued has ended, or at least no job runs any more."""
    return host.service() != "active" or "Running" not in host.states("full").values()


def _frozen(host: QueueHost) -> bool:
    queue = host.pueue()
    return queue is not None and queue["groups"]["default"]["status"] == "Paused"


def _tree_of(host: QueueHost, sha: str) -> str:
    command = ["git", "-C", str(host.origin), "rev-parse", f"{sha}^{{tree}}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _as_found_by_the_next_boot(host: QueueHost, folder: Path) -> Path:
    """The disk with its journal replayed."""
    disk = folder / "disk.raw"
    convert = ["qemu-img", "convert", "-O", "raw", str(host.vm.disk), str(disk)]
    subprocess.run(convert, check=True)
    done = subprocess.run(
        ["/sbin/e2fsck", "-p", str(disk)], capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return disk


def _content(disk: Path, path: str) -> str:
    done = subprocess.run(
        ["/sbin/debugfs", "-R", f"cat {path}", str(disk)], capture_output=True, check=True
    )
    return done.stdout.decode(errors="replace")
