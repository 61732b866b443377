# SPDX-License-Identifier: GPL-3.0-or-later
"""After provisioning, a deploy and a reboot: asked of systemd, git, pueue and the jobs' notes."""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.lab.cache import cache

SSH = cache() / "containers-up" / "molecule-default" / "ssh_config"
REPORT = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "status.json"

testinfra_hosts = [f"ssh://jobs@machine1?ssh_config={SSH}&timeout=60"]


@pytest.fixture
def unit(host: t.Any) -> t.Dict[str, str]:
    """The unit's properties as the user manager has them."""
    shown = host.check_output("systemctl --user show pueued.service").splitlines()
    return dict(line.split("=", 1) for line in shown if "=" in line)


@pytest.fixture
def queue(host: t.Any) -> t.Dict[str, t.Any]:
    return t.cast(t.Dict[str, t.Any], json.loads(host.check_output("pueue status --json")))


def test_the_service_came_back_with_the_machine(unit: t.Dict[str, str]) -> None:
    assert (unit["ActiveState"], unit["UnitFileState"]) == ("active", "enabled")
    assert unit["Restart"] in ("on-failure", "always")
    assert unit["UMask"] == "0077"
    assert " -v" not in unit["ExecStart"]


def test_programs_belong_to_root_and_say_their_version(host: t.Any) -> None:
    for name in ("pueue", "pueued"):
        path = host.check_output("readlink -f /usr/local/bin/%s", name)
        assert "4.0.4" in path and host.file(path).user == "root"
        assert host.check_output("%s --version", path).endswith(" 4.0.4")


def test_what_is_private_is_private(host: t.Any) -> None:
    for path in (".local/share/pueue", ".local/state/fleet-jobs"):
        assert host.file(f"/home/jobs/{path}").mode == 0o700, path
    assert host.file("/var/lib/systemd/linger/jobs").exists


def test_finished_tasks_are_tidied_by_a_timer(host: t.Any) -> None:
    timers = host.check_output("systemctl --user list-timers --all --no-legend")
    assert "pueued-tidy" in timers


def test_the_checkout_is_at_version_2(host: t.Any) -> None:
    origin = "git -c safe.directory=* --git-dir /srv/git/work/.git rev-parse main"
    assert host.file("/home/jobs/work/work.py").contains("FIXED = True")
    deployed = host.check_output("git -C /home/jobs/work rev-parse HEAD")
    assert deployed == host.check_output(origin)


def test_what_failed_ran_once_more_and_nothing_else(host: t.Any) -> None:
    notes = [host.check_output("cat notes-%s", str(number)).split() for number in range(4)]
    assert notes == [["1"], ["1", "2"], ["1"], ["1", "2"]]


def test_every_job_has_succeeded(queue: t.Dict[str, t.Any]) -> None:
    results = {
        task["label"]: task["status"].get("Done", {}).get("result")
        for task in queue["tasks"].values()
    }
    assert results == {f"work/{number}": "Success" for number in range(4)}


def test_the_groups_are_as_provisioned_and_thawed(queue: t.Dict[str, t.Any]) -> None:
    groups = queue["groups"]
    assert {name: group["status"] for name, group in groups.items()} == {
        "default": "Running",
        "work": "Running",
    }
    assert groups["work"]["parallel_tasks"] == 2


def test_the_playbook_status_says_the_same() -> None:
    report = json.loads(REPORT.read_text(encoding="utf-8"))["hosts"]["queue1"]
    counts = {word: report[word] for word in ("running", "queued", "failed", "ok")}
    assert counts == {"running": 0, "queued": 0, "failed": 0, "ok": 4}
    assert report["paused_groups"] == [] and report["lease"] is None
