# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet at a glance, from what ``pueue_status`` returned."""

from __future__ import annotations

import typing as t

from ansible_collections.fleet.jobs.plugins.plugin_utils._status_report import build, lines


def status(**changes: t.Any) -> t.Dict[str, t.Any]:
    found = {
        "counts": {
            "by_state": {"running": 1, "queued": 4, "done": 5},
            "by_result": {"success": 3, "failed": 2},
            "by_class": {"ok": 3, "app": 2},
        },
        "groups": {"count": 1, "shown": [{"name": "default", "status": "running"}]},
        "failures": [{"class": "app", "count": 2, "labels": ["work/1", "work/2"]}],
        "duplicates": {"count": 0, "labels": []},
        "strangers": 0,
        "lease": None,
        "state_file": {"bytes": 10, "level": "ok"},
        "hints": [],
    }
    return {**found, **changes}


def test_one_line_a_host_and_one_table() -> None:
    report = build({"a": status(), "b": status(), "c": {"unreachable": True, "msg": "no route"}})
    said = lines(report)
    assert said[0].split() == "a running 1 queued 4 failed 2 ok 3".split()
    assert said[2] == "c  unreachable: no route"
    assert said[3] == "2 of 3 hosts answered: 2 running, 8 queued, 4 failed, 6 ok"
    assert said[-1].split() == "app 4 2 work/1, work/2, work/1".split()


def test_what_needs_a_look_is_on_the_line() -> None:
    odd = status(
        groups={"count": 1, "shown": [{"name": "big", "status": "paused"}]},
        duplicates={"count": 1, "labels": ["work/9"]},
        strangers=7,
        lease={"owner": "ada", "purpose": "deploy"},
        hints=["Resume big."],
    )
    said = lines(build({"a": odd}))
    assert "paused: big" in said[0] and "duplicates: work/9" in said[0]
    assert "7 tasks not ours" in said[0] and "lease: ada (deploy)" in said[0]
    assert said[-1] == "a: Resume big."


def test_a_host_that_failed_says_why() -> None:
    report = build({"a": {"failed": True, "msg": "no daemon\ntrace", "hazard": "G-4"}, "b": None})
    assert report["hosts"]["a"] == {"state": "failed", "message": "no daemon", "hazard": "G-4"}
    assert report["totals"]["answered"] == 0 and report["failures"] == []
    assert lines(report)[1].startswith("b  not asked")


def test_a_large_fleet_fits_into_an_event() -> None:
    hint = "The state file is large. " * 20
    many = {f"host{n:03}.example.org": status(hints=[hint, hint]) for n in range(500)}
    report = build(many)
    said = lines(report)
    assert sum(len(line) + 4 for line in said) < 60_000
    assert said[-1].endswith("lines more; status_report_file gets all that there is to say")
    assert [line.split()[0] for line in said[:500]] == sorted(many)
