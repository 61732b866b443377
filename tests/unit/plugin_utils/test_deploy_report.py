# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts, the gate and the lines of a deploy, from what hosts returned."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.filter.deploy_gate import deploy_gate
from ansible_collections.fleet.jobs.plugins.plugin_utils._deploy_report import (
    GATE,
    STEPS,
    build,
    fleet_plan_id,
    gate,
    host_report,
    lines,
)

OLD, NEW = "a" * 40, "b" * 40
PLAN = {"plan_id": "d.1", "before_sha": OLD, "running": ["work/1"], "failed": {"app": 2}}
GOING = {"proceed": True, "verdict": None, "plan": PLAN, "seconds": 2.0}
APPLIED = {
    "verdict": "applied",
    "reason": "nothing runs.",
    "before_sha": OLD,
    "after_sha": NEW,
    "restarted": ["work/2"],
    "skipped_jobs": [{"label": "work/3", "why": "a stranger", "hazard": ""}],
    "phases": {"pull": "moved"},
    "seconds": 3.0,
}
SKIPPED = {"skipped": True, "changed": False}


def steps(*results: t.Optional[t.Mapping[str, t.Any]]) -> t.Dict[str, t.Any]:
    return dict(zip(STEPS, (*results, None, None, None)))


@pytest.mark.parametrize(
    ("results", "verdict", "reason"),
    [
        pytest.param((None,), "failed", "not asked", id="never asked"),
        pytest.param(
            ({"unreachable": True, "msg": "no route\nmore"},), "unreachable", "no route", id="lost"
        ),
        pytest.param(
            ({"failed": True, "msg": "held by ada", "verdict": "locked"},),
            "locked",
            "held by ada",
            id="locked",
        ),
        pytest.param(
            ({"failed": True, "msg": "no socket"},), "failed", "no socket", id="audit failed"
        ),
        pytest.param(
            ({"verdict": "noop", "reason": "all there", "plan": PLAN}, SKIPPED, SKIPPED),
            "noop",
            "all there",
            id="noop",
        ),
        pytest.param((GOING, SKIPPED), "failed", "before it was changed", id="stopped by the gate"),
        pytest.param(
            (GOING, {"failed": True, "msg": "bad import", "verdict": "rolled_back"}),
            "rolled_back",
            "bad import",
            id="rolled back",
        ),
        pytest.param(
            (GOING, {"unreachable": True, "msg": "cut"}), "unreachable", "at apply", id="cut off"
        ),
        pytest.param((GOING, APPLIED), "applied", "nothing runs", id="applied"),
        pytest.param(
            (GOING, APPLIED, {"verdict": "bad", "reason": "load 9 of 4"}),
            "failed",
            "then: load 9",
            id="bad watch",
        ),
        pytest.param(
            (GOING, APPLIED, {"failed": True, "verdict": "bad", "msg": "no daemon"}),
            "failed",
            "no daemon",
            id="failed watch",
        ),
        pytest.param(
            (GOING, APPLIED, {"verdict": "inconclusive", "reason": "no numbers"}),
            "applied",
            "inconclusive: no numbers",
            id="inconclusive watch",
        ),
    ],
)
def test_verdict(
    results: t.Sequence[t.Optional[t.Mapping[str, t.Any]]], verdict: str, reason: str
) -> None:
    report = host_report(steps(*results))
    assert report["verdict"] == verdict
    assert reason in report["reason"]


def test_who_was_stopped_by_the_gate_says_so() -> None:
    stopped = {**steps(GOING), GATE: {"ok": False, "reason": "Nothing was changed here: 2 of 3."}}
    assert host_report(stopped)["reason"] == "Nothing was changed here: 2 of 3."


def test_the_report_says_what_moved() -> None:
    report = host_report(steps(GOING, APPLIED, {"verdict": "ok", "seconds": 5.0}))
    assert (report["before"], report["sha"]) == (OLD, NEW)
    assert report["restarted"] == ["work/2"] and report["running"] == ["work/1"]
    assert [one["label"] for one in report["skipped"]] == ["work/3"]
    assert report["seconds"] == 10.0


HOSTS = {
    "a": steps(GOING),
    "b": steps({"failed": True, "msg": "held"}),
    "c": steps({"unreachable": True}),
    "d": steps({"verdict": "noop", "plan": PLAN}),
}


@pytest.mark.parametrize(
    ("max_failed", "max_unreachable", "ok"),
    [("0", "0", False), ("1", "0", False), ("0", "1", False), ("1", "1", True), ("25%", 1, True)],
)
def test_gate_counts_both_kinds(max_failed: str, max_unreachable: t.Any, ok: bool) -> None:
    found = gate(HOSTS, max_failed=max_failed, max_unreachable=max_unreachable)
    assert found["ok"] is ok
    assert (found["failed"], found["unreachable"]) == (["b"], ["c"])
    assert bool(found["reason"]) is not ok


@pytest.mark.parametrize(
    "earlier",
    [
        steps(GOING, {"failed": True, "verdict": "rolled_back"}),
        steps(GOING, APPLIED, {"verdict": "bad", "reason": "load"}),
    ],
    ids=["failed apply", "bad watch"],
)
def test_gate_stops_the_next_wave_after_a_bad_one(earlier: t.Dict[str, t.Any]) -> None:
    waves = {"canary": earlier, "next": steps(GOING), "later": steps()}
    assert not gate(waves, max_failed="0", max_unreachable="0")["ok"]
    assert gate(waves, max_failed="1", max_unreachable="0")["ok"]


def test_gate_refuses_another_plan_than_the_approved_one() -> None:
    hosts = {"a": steps(GOING)}
    approved = fleet_plan_id({"a": GOING})
    assert gate(hosts, max_failed="0", max_unreachable="0", plan_id=approved)["ok"]
    moved = {"a": steps({**GOING, "plan": {**PLAN, "plan_id": "d.2"}})}
    refused = gate(moved, max_failed="0", max_unreachable="0", plan_id=approved)
    assert not refused["ok"] and approved in refused["reason"]


def test_gate_says_which_bound_cannot_be_read() -> None:
    with pytest.raises(ValueError, match="deploy_max_failed"):
        gate(HOSTS, max_failed="many", max_unreachable="0")


def test_lines_are_one_a_host_and_the_counts() -> None:
    hosts = {"one": steps(GOING, APPLIED), "two": steps({"verdict": "noop", "plan": PLAN})}
    report = build(hosts, deploy_id="d", ref="main", sha=NEW)
    said = lines(report)
    assert len(said) == 3
    assert said[0].startswith("one  applied") and "aaaaaaaaaa -> bbbbbbbbbb" in said[0]
    assert said[2].endswith("noop 1, applied 1")
    assert report["bad"] == []


@pytest.mark.parametrize(
    ("max_failed", "max_unreachable", "exceeded"),
    [
        ("0", "0", ["deploy_max_failed", "deploy_max_unreachable"]),
        ("1", "0", ["deploy_max_unreachable"]),
        ("0", "1", ["deploy_max_failed"]),
        ("1", "1", []),
        ("34%", "34%", []),
        ("33%", "0%", ["deploy_max_failed", "deploy_max_unreachable"]),
    ],
)
def test_bounds_decide_about_the_exit_code(
    max_failed: str, max_unreachable: str, exceeded: t.List[str]
) -> None:
    hosts = {
        "good": steps(GOING, APPLIED),
        "bad": steps({"failed": True, "msg": "no daemon"}),
        "lost": steps({"unreachable": True, "msg": "refused"}),
    }
    report = build(
        hosts,
        deploy_id="d",
        ref="main",
        sha=NEW,
        max_failed=max_failed,
        max_unreachable=max_unreachable,
    )
    assert report["bad"] == ["bad", "lost"]
    found = [name for text in report["exceeded"] for name in exceeded if name in text]
    assert (found, len(report["exceeded"])) == (exceeded, len(exceeded))
    assert ("within deploy_max_failed" in lines(report)[-1]) is not bool(exceeded)


@pytest.mark.parametrize(
    ("offset", "said"),
    [
        (None, ""),
        (-59.0, ""),
        (7384.0, "Its clock is 2:03:04 h ahead of the controller's."),
        (-90061.3, "Its clock is 1 days 1:01:01 h behind the controller's."),
    ],
)
def test_a_wrong_clock_is_said_beside_any_verdict(offset: t.Optional[float], said: str) -> None:
    found = host_report(steps({"verdict": "noop", "reason": "Here.", "clock_offset": offset}))
    assert (found["verdict"], found["clock_offset"]) == ("noop", offset)
    assert found["reason"] == f"Here. {said}".strip()


def test_who_was_stopped_by_the_gate_did_not_fail_itself() -> None:
    stopped = {**steps(GOING, {"failed": True, "msg": "1 of 3"}), GATE: {"ok": False}}
    waves = {"a": steps({"failed": True}), "b": stopped, "c": steps()}

    assert gate(waves, max_failed="0", max_unreachable="0")["failed"] == ["a"]


@pytest.mark.parametrize(
    ("seconds", "watched"), [("0", False), (0, False), (60, True), (None, True)]
)
def test_gate_says_whether_anybody_is_watched(seconds: t.Any, watched: bool) -> None:
    hosts: t.Dict[str, t.Dict[str, t.Any]] = {"a": {"deploy_monitor_seconds": 0}, "b": {}}
    hosts["b"] = {} if seconds is None else {"deploy_monitor_seconds": seconds}

    assert deploy_gate(hosts, ["a", "b"])["watched"] is watched
