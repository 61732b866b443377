# SPDX-License-Identifier: GPL-3.0-or-later
"""After the upgrade every task is there, ran once, and the version behind it is the new one."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.fleet.jobs.tests.lab.cache import cache

SSH = cache() / "containers-up" / "molecule-upgrade" / "ssh_config"
LABELS = [*(f"late/{number}" for number in range(3)), *(f"work/{number}" for number in range(4))]
# What failed under version 1 was restarted by the deploy and may be another task now.
SAME = [label for label in LABELS if label not in ("work/1", "work/3")]

testinfra_hosts = [
    f"ssh://{user}@machine1?ssh_config={SSH}&timeout=60" for user in ("jobs", "hand")
]


@pytest.fixture
def home(host: t.Any) -> str:
    return t.cast(str, host.check_output("echo $HOME"))


@pytest.fixture
def after(host: t.Any) -> t.Dict[str, t.Any]:
    return _by_label(host.check_output("/usr/local/bin/pueue status --json"))


def _by_label(text: str) -> t.Dict[str, t.Any]:
    """The newest task of each label."""
    tasks = sorted(json.loads(text)["tasks"].values(), key=lambda task: task["id"])
    return {task["label"]: task for task in tasks}


def test_the_new_version_serves(host: t.Any) -> None:
    shown = host.check_output("systemctl --user show -p MainPID --value pueued.service")
    running = host.check_output("readlink -f /proc/%s/exe", shown)
    assert "4.0.4" in running
    assert host.check_output("%s --version", running).endswith(" 4.0.4")


def test_the_queue_had_work_to_lose(host: t.Any, home: str) -> None:
    before = _by_label(host.file(f"{home}/before.json").content_string)
    assert sorted(before) == LABELS
    states = {label: next(iter(task["status"])) for label, task in before.items()}
    assert (states["late/0"], states["late/1"], states["late/2"]) == ("Running", "Queued", "Queued")


def test_no_task_was_lost(host: t.Any, home: str, after: t.Dict[str, t.Any]) -> None:
    before = _by_label(host.file(f"{home}/before.json").content_string)
    created = {label: before[label]["created_at"] for label in SAME}
    assert sorted(after) == LABELS
    assert {label: after[label]["created_at"] for label in SAME} == created


def test_all_succeeded(after: t.Dict[str, t.Any]) -> None:
    results = {label: task["status"].get("Done", {}).get("result") for label, task in after.items()}
    assert results == dict.fromkeys(LABELS, "Success")


def test_none_ran_twice(host: t.Any, home: str) -> None:
    late = [host.check_output("cat %s", f"{home}/late-{number}") for number in range(3)]
    assert late == ["ran", "ran", "ran"]
    notes = [host.check_output("cat %s", f"{home}/notes-{n}").split() for n in range(4)]
    assert notes == [["1"], ["1", "2"], ["1"], ["1", "2"]]
