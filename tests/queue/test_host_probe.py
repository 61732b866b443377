# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe of this very machine, through the module."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._host.canary import prove
from ansible_collections.fleet.jobs.plugins.module_utils._host.cap_scope import missing
from ansible_collections.fleet.jobs.tests.support.ansible import run_module


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
def test_probe_changes_nothing_and_agrees_with_the_formula(tmp_path: Path, check: bool) -> None:
    answer = run_module(
        "host_probe",
        {"memory_per_job": "1M", "cores_per_job": 0.01, "state_dir": str(tmp_path / "state")},
        check=check,
    )
    assert answer["changed"] is False and answer["actions"] == []
    assert not (tmp_path / "state").exists()
    by_memory = answer["memory"]["usable"] * 8 // 10 // (1 << 20)
    assert answer["capacity"]["by_memory"] == by_memory
    assert answer["capacity"]["max_jobs"] == min(by_memory, answer["capacity"]["by_cores"])
    assert answer["disk"][0]["free_bytes"] > 0
    assert set(answer["tools"]) == {"pueue", "uv", "git", "mise", "systemd"}


def test_cap_verdict_is_the_canarys() -> None:
    answer = run_module("host_probe", {})
    assert answer["cap"]["capable"] is prove().capable
    assert answer["cap"]["enforcement"] == ("cgroup" if answer["cap"]["capable"] else "polled")


def test_canary_leaves_this_process_where_it_was() -> None:
    before = Path("/proc/self/cgroup").read_text(encoding="utf-8")
    children = set(os.listdir("/proc/self/task"))
    prove()
    assert Path("/proc/self/cgroup").read_text(encoding="utf-8") == before
    assert set(os.listdir("/proc/self/task")) == children


@pytest.mark.skipif(missing() is None, reason="this host may be able to cap memory")
def test_reason_says_what_the_host_lacks() -> None:
    answer = run_module("host_probe", {"canary": False})
    assert answer["cap"] == {"capable": False, "enforcement": "polled", "reason": missing()}


@pytest.mark.parametrize(
    ("options", "words"),
    [({"share": 2}, "share"), ({"memory_per_job": "lots"}, "memory_per_job")],
)
def test_nonsense_is_named(options: dict, words: str) -> None:
    answer = run_module("host_probe", options)
    assert answer["failed"] and words in answer["msg"]
