# SPDX-License-Identifier: GPL-3.0-or-later
"""The artifact of a deploy stays small, and names what is bad first."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.fleet.jobs.plugins.plugin_utils._deploy_artifact import artifact, bad
from ansible_collections.fleet.jobs.plugins.plugin_utils._deploy_report import build

OLD = "a" * 40


def _report(hosts: int, *, name: str, failed: int) -> t.Dict[str, t.Any]:
    audit = {"verdict": "noop", "reason": "all there"}
    broken = {"failed": True, "msg": "no socket " * 60}
    steps = {
        f"{name}{number:04d}": {"__deploy_audit": broken if number >= hosts - failed else audit}
        for number in range(hosts)
    }
    return build(steps, deploy_id="d1", ref="main", sha=OLD, max_failed="100%")


def test_says_what_the_report_says() -> None:
    made = artifact(_report(3, name="batch", failed=1))
    assert made == {
        "version": 1,
        "check": False,
        "deploy_id": "d1",
        "ref": "main",
        "sha": OLD,
        "plan_id": made["plan_id"],
        "exceeded": [],
        "verdicts": {"noop": 2, "failed": 1},
        "hosts": {"failed": ["batch0002"], "noop": ["batch0000", "batch0001"]},
        "hosts_left_out": 0,
    }


def test_500_hosts_fit_with_names_of_a_usual_length() -> None:
    made = artifact(_report(500, name="worker.rack17.cluster.dc.example.org-", failed=20))
    assert made["hosts_left_out"] == 0 and len(json.dumps(made)) <= 64 * 1024


def test_names_that_do_not_fit_are_counted_and_bad_ones_stay() -> None:
    made = artifact(_report(500, name="n" * 240, failed=20))
    assert len(json.dumps(made)) <= 64 * 1024
    assert len(made["hosts"]["failed"]) == 20
    assert made["hosts_left_out"] == 480 - len(made["hosts"]["noop"]) > 0
    assert made["verdicts"] == {"noop": 480, "failed": 20}


def test_reasons_are_shorter_the_more_there_are() -> None:
    one = bad(_report(2, name="h", failed=1))
    assert len(one["h0001"]) > 400
    many = bad(_report(500, name="h", failed=500))
    assert all(text.startswith("failed: no socket") for text in many.values())
    assert len(json.dumps(many)) <= 64 * 1024
