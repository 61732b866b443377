# SPDX-License-Identifier: GPL-3.0-or-later
"""The digest of real queues, small and big, up and down."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.fleet.jobs.tests.support import big_queue
from ansible_collections.fleet.jobs.tests.support.ansible import run_module
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.files import everything
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue

LIMIT = 8192
Call = t.Callable[..., t.Dict[str, t.Any]]


@pytest.fixture
def call(daemon: PrivateDaemon) -> Call:
    def run(check: bool = False, **options: t.Any) -> t.Dict[str, t.Any]:
        place = {
            "pueue_config": str(daemon.config_path),
            "state_dir": str(daemon.directory / "state"),
        }
        result = run_module("pueue_status", {**place, **options}, check=check)
        result.pop("invocation", None)
        return result

    return run


def test_check_run_check_run_leaves_no_trace(daemon: PrivateDaemon, call: Call) -> None:
    queue = GuardedQueue(daemon)
    queue.queue(queue.job("a/1", "echo good"), queue.job("a/2", "exit 3"))
    queue.finished("a/1", "a/2")
    queue.add_stranger("s/1", stashed=True)
    before = everything(daemon.directory)
    answers = [call(check=check, labels=["a/*"]) for check in (True, False, True, False)]
    assert everything(daemon.directory) == before
    assert answers[0] == answers[1] == answers[2] == answers[3]
    seen = answers[0]
    assert not seen["changed"] and seen["daemon_version"] == "0.31.1"
    assert seen["counts"]["by_class"] == {"ok": 1, "app": 1} and seen["strangers"] == 1
    bad = next(row for row in seen["jobs"] if row["label"] == "a/2")
    assert (bad["class"], bad["exit_code"], bad["attempt"]) == ("app", 3, 1)


def test_ten_thousand_tasks_in_eight_kilobytes(daemon: PrivateDaemon, call: Call) -> None:
    big_queue.fill(daemon, 10_000)
    for source in ("status", "state_file"):
        seen = call(source=source, states=["failed"], page_size=25)
        assert not seen.get("failed"), seen
        assert len(json.dumps(seen)) <= LIMIT
        assert big_queue.SECRET not in json.dumps(seen)
        assert (seen["counts"]["tasks"], seen["counts"]["active"]) == (10_000, 1000)
        assert seen["source"] == source and seen["strangers"] == 2500
        assert len(seen["jobs"]) == 25 and seen["matched"] == sum(
            one["count"] for one in seen["failures"]
        )
        assert {one["class"] for one in seen["failures"]} == {"app", "dependency", "unknown"}
    last = call(states=["failed"], page_size=25, page=seen["pages"])
    assert 0 < len(last["jobs"]) <= 25


def test_a_big_state_file_is_said(daemon: PrivateDaemon, call: Call) -> None:
    big_queue.fill(daemon, 2000, envs={"FILLER": "x" * 6000})
    seen = call()
    assert seen["state_file"]["level"] == "warn" and seen["state_file"]["bytes"] > 10 << 20
    assert any("AP-10" in one for one in seen["warnings"])


def test_a_daemon_that_is_down_is_named_and_its_file_can_be_read(
    daemon: PrivateDaemon, call: Call
) -> None:
    daemon.cli("add", "--stashed", "--label", "a/1", "true")
    daemon.stop()
    down = call()
    assert down["failed"] and down["hazard"] == "G-4"
    seen = call(source="state_file", labels=["a/1"])
    assert seen["daemon_version"] is None and seen["jobs"][0]["label"] == "a/1"


def test_duplicates_leftovers_and_the_lease_are_shown(daemon: PrivateDaemon, call: Call) -> None:
    queue = GuardedQueue(daemon)
    queue.pause()
    queue.queue(queue.job("a/1"))
    queue.add_stranger("a/1")
    with queue.instance.ledger() as ledger:
        token = ledger.lease.take("ben", "deploy", 600.0).token
    seen = call()
    assert seen["duplicates"] == {"count": 1, "labels": ["a/1"]}
    assert seen["lease"]["owner"] == "ben" and token not in json.dumps(seen)
    assert seen["blocked"] == [{"group": "default", "queued": 2}]
    assert len(seen["hints"]) == 2


@pytest.mark.parametrize("options", [{"states": ["nonsense"]}, {"page": 0}, {"page_size": 26}])
def test_what_cannot_be_shown_is_one_sentence(call: Call, options: t.Dict[str, t.Any]) -> None:
    seen = call(**options)
    assert seen["failed"] and "Traceback" not in json.dumps(seen) and seen["msg"].endswith(".")
