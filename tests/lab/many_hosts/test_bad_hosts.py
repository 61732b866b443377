# SPDX-License-Identifier: GPL-3.0-or-later
"""One host that hangs, one that refuses, one that is full, one whose clock is wrong: over ssh.

The others finish, the verdicts say which is which, and the exit code follows the bounds.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.lab import wrong_clock
from ansible_collections.fleet.jobs.tests.support.ansible import PlaybookRun

if t.TYPE_CHECKING:
    from ansible_collections.fleet.jobs.tests.lab.fleet import FleetOverSsh, SshHost

MakeFleet = t.Callable[[int], "FleetOverSsh"]
Report = t.Dict[str, t.Any]
Say = t.Callable[[str], None]
LABELS = ("work/0", "work/1")
SOON = {"ANSIBLE_TIMEOUT": "3", "ANSIBLE_FORKS": "6"}
# Above the floor of 512 MiB as long as it is not filled.
_TMPFS_BYTES = 640 * 2**20


def queue(fleet: FleetOverSsh) -> None:
    """Two jobs a host, of which one fails, through the guard and over ssh."""
    jobs = [fleet.hosts[0].job(label, label[-1], chdir="{{ deploy_project }}") for label in LABELS]
    where = {"pueue_config": "{{ fleet_pueue_config }}", "state_dir": "{{ fleet_state_dir }}"}
    task = {"fleet.jobs.pueue_queue_guarded": {"jobs": jobs, "cap": "none", **where}}
    play = fleet.folder / "queue.json"
    play.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]))
    run = fleet.play(play, env=SOON)
    assert run.rc == 0, run.explain()
    for host in fleet.hosts:
        tasks = host.finished(*LABELS)
        assert [tasks[label].ok for label in LABELS] == [True, False]


def deploy(fleet: FleetOverSsh, bad: t.Mapping[str, t.Any], **options: t.Any) -> PlaybookRun:
    """Over all hosts; ``bad`` are variables of single ones."""
    options = {**fleet.options, "deploy_report_file": str(fleet.folder / "report.json"), **options}
    return fleet.play(
        "fleet.jobs.deploy", inventory=fleet.inventory(**bad), extra_vars=options, env=SOON
    )


def verdicts(fleet: FleetOverSsh, run: PlaybookRun) -> t.Dict[str, Report]:
    """What the report says of each host."""
    path = fleet.folder / "report.json"
    assert path.exists(), run.explain()
    content: Report = json.loads(path.read_text(encoding="utf-8"))
    path.unlink()
    return t.cast(t.Dict[str, Report], content["hosts"])


def applied(host: SshHost, sha: str) -> None:
    """The fix is there and what had failed has succeeded."""
    assert host.head() == sha
    assert all(task.ok for task in host.finished(*LABELS).values())
    assert host.groups() == {"default": "Running"}


@contextlib.contextmanager
def silent_port() -> t.Iterator[int]:
    """A port that takes every connection and never says a word."""
    with contextlib.closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(50)
        yield listening.getsockname()[1]


def closed_port() -> int:
    """A port at which nobody listens."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def hanging_python(host: SshHost) -> str:
    """An interpreter that never gets anywhere, as on a dead network file system."""
    path = host.folder / "hanging-python"
    path.write_text("#!/bin/sh\nexec sleep 86400\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_hosts_that_refuse_and_hang_at_the_door(make_fleet: MakeFleet, say: Say) -> None:
    fleet = make_fleet(5)
    queue(fleet)
    before, sha = fleet.hosts[0].head(), fleet.origin.fix()
    *good, silent, refusing = fleet.hosts
    with silent_port() as port:
        bad = {
            silent.name: {"ansible_port": port},
            refusing.name: {"ansible_port": closed_port()},
        }
        stopped = deploy(fleet, bad)
        assert stopped.rc != 0, stopped.explain()
        found = verdicts(fleet, stopped)
        assert {name: one["verdict"] for name, one in found.items()} == {
            **{host.name: "failed" for host in good},
            silent.name: "unreachable",
            refusing.name: "unreachable",
        }
        for host in good:
            assert "deploy_max_unreachable allows 0" in found[host.name]["reason"]
            assert (host.head(), host.groups()) == (before, {"default": "Running"})

        began = time.monotonic()
        allowed = deploy(fleet, bad, deploy_max_unreachable="2")
        say(f"5 hosts, one refuses, one is silent: {time.monotonic() - began:.0f} s")
    assert allowed.rc == 0, allowed.explain()
    found = verdicts(fleet, allowed)
    for host in good:
        assert found[host.name]["verdict"] == "applied"
        applied(host, sha)
    assert "refused" in found[refusing.name]["reason"]
    assert "timed out" in found[silent.name]["reason"].lower()
    say(f"{refusing.name}: {found[refusing.name]['reason']}")
    say(f"{silent.name}: {found[silent.name]['reason']}")


def test_a_host_that_hangs_in_the_middle(make_fleet: MakeFleet, say: Say) -> None:
    """It lets everybody in, and answers nobody: Ansible by itself would wait for ever."""
    fleet = make_fleet(3)
    queue(fleet)
    sha = fleet.origin.fix()
    *good, hanging = fleet.hosts
    bad = {
        hanging.name: {
            "ansible_python_interpreter": hanging_python(hanging),
            "fleet_answer_timeout": 5,
        }
    }

    run = deploy(fleet, bad, deploy_max_unreachable="1")

    assert run.rc == 0, run.explain()
    found = verdicts(fleet, run)
    assert found[hanging.name]["verdict"] == "unreachable"
    assert "No answer within 5 seconds (fleet_answer_timeout)" in found[hanging.name]["reason"]
    say(f"{hanging.name}: {found[hanging.name]['reason']}")
    for host in good:
        assert found[host.name]["verdict"] == "applied"
        applied(host, sha)
    assert not clients(hanging), "the ssh that waited is still there"


def test_a_host_whose_network_dies_in_the_middle(make_fleet: MakeFleet, say: Say) -> None:
    """Its connection stands and carries nothing: keep-alives find it."""
    fleet = make_fleet(3)
    queue(fleet)
    sha = fleet.origin.fix()
    *good, dying = fleet.hosts
    marker = dying.folder / "reached"
    path = dying.folder / "python"
    path.write_text(f"#!/bin/sh\ntouch {marker}\nexec sleep 86400\n", encoding="utf-8")
    path.chmod(0o755)
    alive = "-o ControlMaster=no -o ServerAliveInterval=1 -o ServerAliveCountMax=3"
    bad = {dying.name: {"ansible_python_interpreter": str(path), "ansible_ssh_args": alive}}
    over = threading.Event()
    freezer = threading.Thread(target=freeze_connections, args=(dying, marker, over))
    freezer.start()
    try:
        run = deploy(fleet, bad, deploy_max_unreachable="1")
    finally:
        over.set()
        freezer.join()

    assert run.rc == 0, run.explain()
    found = verdicts(fleet, run)
    assert found[dying.name]["verdict"] == "unreachable"
    assert "not responding" in found[dying.name]["reason"], found[dying.name]["reason"]
    say(f"{dying.name}: {found[dying.name]['reason']}")
    for host in good:
        applied(host, sha)


def test_a_full_disk(make_fleet: MakeFleet, say: Say) -> None:
    fleet = make_fleet(3)
    full, *good = fleet.hosts
    on_small_disk(full)
    queue(fleet)
    before, sha = full.head(), fleet.origin.fix()
    fill(full)

    stopped = deploy(fleet, {})
    assert stopped.rc != 0, stopped.explain()
    found = verdicts(fleet, stopped)
    assert found[full.name]["verdict"] == "failed"
    assert "space" in found[full.name]["reason"] or "free" in found[full.name]["reason"]
    say(f"{full.name}: {found[full.name]['reason']}")
    for host in good:
        assert "deploy_max_failed allows 0" in found[host.name]["reason"]
        assert host.groups() == {"default": "Running"}

    allowed = deploy(fleet, {}, deploy_max_failed="1")
    assert allowed.rc == 0, allowed.explain()
    found = verdicts(fleet, allowed)
    for host in good:
        assert found[host.name]["verdict"] == "applied"
        applied(host, sha)
    assert (full.head(), full.groups()) == (before, {"default": "Running"})

    (full.folder / "filler").unlink()
    run = deploy(fleet, {})
    assert run.rc == 0, run.explain()
    assert verdicts(fleet, run)[full.name]["verdict"] == "applied"
    applied(full, sha)


@pytest.mark.parametrize("seconds", [3 * 86400 + 7200, -400 * 86400], ids=["ahead", "behind"])
def test_a_wrong_clock(make_fleet: MakeFleet, say: Say, seconds: int) -> None:
    lacking = wrong_clock.missing()
    if lacking:
        pytest.skip(lacking)
    fleet = make_fleet(3)
    wrong, *good = fleet.hosts
    wrong_clock.shift(wrong, seconds)
    shown = fleet.ssh(1, "date +%s")
    assert abs(int(shown.stdout) - time.time() - seconds) < 60, "the clock is not wrong"
    queue(fleet)
    sha = fleet.origin.fix()

    run = deploy(fleet, {})

    assert run.rc == 0, run.explain()
    found = verdicts(fleet, run)
    for host in (wrong, *good):
        assert found[host.name]["verdict"] == "applied"
        applied(host, sha)
    way = "ahead of" if seconds > 0 else "behind"
    assert f"{way} the controller's" in found[wrong.name]["reason"]
    assert abs(found[wrong.name]["clock_offset"] - seconds) < 60
    assert not any("clock is" in found[host.name]["reason"] for host in good)
    say(f"{wrong.name}: {found[wrong.name]['reason']}")
    again = deploy(fleet, {})
    assert again.rc == 0, again.explain()
    assert {one["verdict"] for one in verdicts(fleet, again).values()} == {"noop"}


def test_status_names_those_that_do_not_answer(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(3)
    good, hanging, refusing = fleet.hosts
    bad = {
        hanging.name: {
            "ansible_python_interpreter": hanging_python(hanging),
            "fleet_answer_timeout": 5,
        },
        refusing.name: {"ansible_port": closed_port()},
    }

    run = fleet.play("fleet.jobs.status", inventory=fleet.inventory(**bad), env=SOON)

    assert "1 of 3 hosts answered" in run.stdout, run.explain()
    said = [line for line in run.stdout.splitlines() if line.strip().startswith('"host')]
    assert [line for line in said if good.name in line and "running" in line]
    assert [line for line in said if hanging.name in line and "No answer within 5 s" in line]
    assert [line for line in said if refusing.name in line and "refused" in line]


def clients(host: SshHost) -> t.List[str]:
    """Command lines of ssh clients to this host that are no master."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            text = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            if text.startswith("ssh ") and host.account.name in text:
                found.append(text)
    return found


def freeze_connections(host: SshHost, marker: Path, over: threading.Event) -> None:
    """Whenever the host is at work, stop the processes that serve its connections; end them when
    it is over, since some are root's and so do not go with the account."""
    while not over.wait(0.1):
        if marker.exists():
            marker.unlink()
            _signal_connections(host, signal.SIGSTOP)
    _signal_connections(host, signal.SIGKILL)


def _signal_connections(host: SshHost, number: signal.Signals) -> None:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if path.read_bytes().startswith(f"sshd: {host.account.name}".encode()):
                os.kill(int(path.parent.name), number)


def on_small_disk(host: SshHost) -> None:
    """State, queue and checkout on a small file system of their own; unmounted with the fleet."""
    host.daemon.stop()
    aside = host.folder.with_name(f"{host.folder.name}-aside")
    shutil.copytree(host.folder, aside, symlinks=True)
    size = f"size={_TMPFS_BYTES},mode=755"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "fj-lab", str(host.folder)], check=True)
    subprocess.run(["cp", "--archive", f"{aside}/.", str(host.folder)], check=True)
    host.account.own(host.folder)
    host.daemon.start()


def fill(host: SshHost) -> None:
    """To the last byte."""
    free = shutil.disk_usage(host.folder).free
    with contextlib.suppress(OSError), (host.folder / "filler").open("wb", buffering=0) as stream:
        os.posix_fallocate(stream.fileno(), 0, free - 65536)
        stream.seek(0, os.SEEK_END)
        while True:
            stream.write(b"\0" * 4096)
