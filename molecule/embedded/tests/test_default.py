# SPDX-License-Identifier: GPL-3.0-or-later
"""What the deploy left: asked of git, of pueue's own client and of the jobs' notes."""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

import pytest

HOME = Path(os.environ["FLEET_JOBS_MOLECULE"])
PUEUE = Path(os.environ["FLEET_JOBS_PUEUE_BIN"]) / "pueue"

testinfra_hosts = ["ansible://fleet"]


@pytest.fixture
def name(host: t.Any) -> str:
    return t.cast(str, host.ansible.get_variables()["inventory_hostname"])


@pytest.fixture
def queue(host: t.Any, name: str) -> t.Dict[str, t.Any]:
    config = HOME / name / "pueue.yml"
    return t.cast(
        t.Dict[str, t.Any],
        json.loads(host.check_output("%s --config %s status --json", str(PUEUE), str(config))),
    )


@pytest.fixture
def report(name: str) -> t.Dict[str, t.Any]:
    """What the role status says about the host."""
    status = json.loads((HOME / "status.json").read_text(encoding="utf-8"))
    return t.cast(t.Dict[str, t.Any], status["hosts"][name])


def test_the_checkout_is_at_version_2(host: t.Any, name: str) -> None:
    deployed, pushed = (
        host.check_output("git -C %s rev-parse HEAD", str(HOME / where))
        for where in (f"{name}/project", "origin")
    )
    assert deployed == pushed
    assert host.file(str(HOME / name / "project" / "work.py")).contains("FIXED = True")


def test_what_failed_ran_once_more_and_nothing_else(name: str) -> None:
    notes = [(HOME / name / f"notes-{number}").read_text().split() for number in range(4)]
    assert notes == [["1"], ["1", "2"], ["1"], ["1", "2"]]


def test_every_job_has_succeeded(queue: t.Dict[str, t.Any]) -> None:
    results = {
        task["label"]: task["status"].get("Done", {}).get("result")
        for task in queue["tasks"].values()
    }
    assert results == {f"work/{number}": "Success" for number in range(4)}


def test_the_groups_are_thawed(queue: t.Dict[str, t.Any]) -> None:
    assert {one: group["status"] for one, group in queue["groups"].items()} == {
        "default": "Running"
    }


def test_the_role_status_says_the_same(report: t.Dict[str, t.Any]) -> None:
    counts = {word: report[word] for word in ("running", "queued", "failed", "ok")}
    assert counts == {"running": 0, "queued": 0, "failed": 0, "ok": 4}
    assert report["paused_groups"] == [] and report["lease"] is None
