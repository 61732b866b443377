# SPDX-License-Identifier: GPL-3.0-or-later
"""Attempts whose runner is gone get a verdict; those that run, or that nobody can judge, do not."""

from __future__ import annotations

import os
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._host import process
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import attempts_view
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.attempts import Attempt
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.store import Ledger
from ansible_collections.fleet.jobs.tests.support.queues import snapshot, task

NOW = 2_000.0
BOOT = process.boot_id()


def attempt(**fields: t.Any) -> Attempt:
    base = {"id": 1, "label": "bars/a", "task_key": "key-1", "number": 1, "started": 1_000.0}
    return Attempt(**{**base, "pid": 1, "boot_id": f"{BOOT}:1:1", **fields})


@pytest.mark.parametrize(
    ("open_attempt", "task_fields", "known", "class_", "ended"),
    [
        pytest.param({}, None, {}, "infra", NOW, id="nothing known"),
        pytest.param({}, {"status": "Killed"}, {}, "killed", 1_500.0, id="killed in the queue"),
        pytest.param({}, {"status": "Running"}, {}, "infra", NOW, id="runner alone vanished"),
        pytest.param(
            {"boot_id": "another-boot:1:1"},
            {"status": "Killed"},
            {},
            "infra",
            1_500.0,
            id="reboot",
        ),
        pytest.param(
            {},
            {"status": "Killed"},
            {"daemon_started": 1_600.0},
            "infra",
            1_500.0,
            id="daemon restarted",
        ),
        pytest.param(
            {},
            {"status": "Killed"},
            {"daemon_started": 900.0},
            "killed",
            1_500.0,
            id="daemon older than the attempt",
        ),
        pytest.param(
            {}, {"status": "Killed"}, {"intended": "evicted"}, "evicted", 1_500.0, id="intended"
        ),
        pytest.param(
            {"boot_id": "another-boot:1:1"},
            None,
            {"intended": "yielded"},
            "yielded",
            NOW,
            id="intended before the reboot",
        ),
        pytest.param(
            {"started": 1_800.0},
            {"status": "Killed"},
            {},
            "killed",
            NOW,
            id="the task's end is of an earlier attempt",
        ),
    ],
)
def test_judge(
    open_attempt: t.Dict[str, t.Any],
    task_fields: t.Optional[t.Dict[str, t.Any]],
    known: t.Dict[str, t.Any],
    class_: str,
    ended: float,
) -> None:
    found = None
    if task_fields is not None:
        ended_at = 1_500.0 if task_fields["status"] == "Killed" else None
        found = task(1, "bars/a", started=1_000.0, ended=ended_at, **task_fields)
    facts = {"intended": None, "daemon_started": None, **known}
    verdict = attempts_view.judge(attempt(**open_attempt), task=found, now=NOW, **facts)
    assert (verdict.class_, verdict.ended) == (class_, ended)


@pytest.fixture
def sleeper() -> t.Iterator[subprocess.Popen]:
    process = subprocess.Popen(["/bin/sleep", "60"])
    yield process
    process.kill()
    process.wait()


def test_alive_is_pid_boot_and_start(sleeper: subprocess.Popen) -> None:
    name = process.identity(sleeper.pid)
    assert name is not None
    boot, _, ticks = name.split(":")
    assert attempts_view.is_alive(attempt(pid=sleeper.pid, boot_id=name))
    assert attempts_view.is_alive(attempt(pid=sleeper.pid, boot_id=boot))
    for other in (f"{boot}:{sleeper.pid}:{int(ticks) - 1}", f"other:{sleeper.pid}:{ticks}", ""):
        assert not attempts_view.is_alive(attempt(pid=sleeper.pid, boot_id=other))
    assert not attempts_view.is_alive(attempt(pid=sleeper.pid, boot_id=name, ended=5.0))


def start(ledger: Ledger, label: str, pid: t.Optional[int], boot_id: t.Optional[str]) -> int:
    return ledger.attempts.start(label, task_key=f"key of {label}", pid=pid, boot_id=boot_id).id


def test_settle(tmp_path: Path, sleeper: subprocess.Popen) -> None:
    gone = f"{BOOT}:{os.getpid()}:1"
    with Ledger.open(tmp_path) as ledger:
        start(ledger, "bars/alive", sleeper.pid, process.identity(sleeper.pid))
        start(ledger, "bars/unknowable", None, None)
        start(ledger, "bars/gone", os.getpid(), gone)
        start(ledger, "bars/killed", os.getpid(), gone)
        start(ledger, "bars/evicted", os.getpid(), gone)
        start(ledger, "bars/late", os.getpid(), gone)
        killed = task(1, "bars/killed", "Killed")
        evicted = task(2, "bars/evicted", "Killed")
        ledger.kills.record("bars/evicted", evicted.created_at, by="a test", reason="evicted")
        assert [one.label for one in attempts_view.settle(ledger, label="bars/late")] == [
            "bars/late"
        ]
        closed = attempts_view.settle(ledger, snapshot(killed, evicted))
        assert {one.label: one.class_ for one in closed} == {
            "bars/gone": "infra",
            "bars/killed": "killed",
            "bars/evicted": "evicted",
        }
        assert [one.label for one in ledger.attempts.open_attempts()] == [
            "bars/alive",
            "bars/unknowable",
        ]
        assert attempts_view.settle(ledger, snapshot(killed, evicted)) == []


def test_kill_of_an_earlier_attempt_does_not_count(tmp_path: Path) -> None:
    clock = [100.0]
    with Ledger.open(tmp_path, clock=lambda: clock[0]) as ledger:
        ledger.kills.record("bars/a", "then", by="a test", reason="evicted")
        clock[0] = 200.0
        start(ledger, "bars/a", os.getpid(), f"{BOOT}:{os.getpid()}:1")
        (closed,) = attempts_view.settle(ledger)
    assert closed.class_ == "infra"
