# SPDX-License-Identifier: GPL-3.0-or-later
"""Attempts whose runner is gone get a verdict; those that run, or that nobody can judge, do not."""

from __future__ import annotations

import os
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._host import process
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import attempts_view, evidence
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.attempts import Attempt
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.store import Ledger
from ansible_collections.fleet.jobs.tests.support.queues import snapshot, task

NOW = 2_000.0
BOOT = process.boot_id()


def attempt(**fields: t.Any) -> Attempt:
    base = {"id": 1, "label": "bars/a", "task_key": "key-1", "number": 1, "started": 1_000.0}
    return Attempt(**{**base, "pid": 1, "boot_id": f"{BOOT}:1:1", **fields})


@pytest.mark.parametrize(
    ("open_attempt", "status", "known", "class_", "ended"),
    [
        pytest.param({}, None, {}, "infra", NOW, id="nothing known"),
        pytest.param(
            {}, "Killed", {"daemon_started": 900.0}, "killed", 1_500.0, id="killed in the queue"
        ),
        pytest.param({}, "Killed", {}, "unknown", 1_500.0, id="killed, daemon not known"),
        pytest.param(
            {}, "Killed", {"daemon_started": 1_499.0}, "infra", 1_500.0, id="died with its daemon"
        ),
        pytest.param({}, "Running", {}, "infra", NOW, id="runner alone vanished"),
        pytest.param({"boot_id": "another-boot:1:1"}, "Killed", {}, "infra", 1_500.0, id="reboot"),
        pytest.param({}, "Killed", {"intended": "evicted"}, "evicted", 1_500.0, id="intended"),
        pytest.param(
            {"boot_id": "another-boot:1:1"},
            None,
            {"intended": "yielded"},
            "yielded",
            NOW,
            id="intended before the reboot",
        ),
        pytest.param({"started": 500.0}, "Running", {}, "unknown", NOW, id="started again since"),
    ],
)
def test_judge(
    open_attempt: t.Dict[str, t.Any],
    status: t.Optional[str],
    known: t.Dict[str, t.Any],
    class_: str,
    ended: float,
) -> None:
    found = None
    if status is not None:
        done = status == "Killed"
        found = task(1, "bars/a", status, started=1_000.0, ended=1_500.0 if done else None)
    host = evidence.Host(boot_id=BOOT, daemon_started=known.pop("daemon_started", None))
    verdict = attempts_view.judge(
        attempt(**open_attempt), task=found, host=host, now=NOW, **{"intended": None, **known}
    )
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
    boot, _unused, ticks = name.split(":")
    assert attempts_view.is_alive(attempt(pid=sleeper.pid, boot_id=name))
    assert attempts_view.is_alive(attempt(pid=sleeper.pid, boot_id=boot))
    for other in (f"{boot}:{sleeper.pid}:{int(ticks) - 1}", f"other:{sleeper.pid}:{ticks}", ""):
        assert not attempts_view.is_alive(attempt(pid=sleeper.pid, boot_id=other))
    assert not attempts_view.is_alive(attempt(pid=sleeper.pid, boot_id=name, ended=5.0))


def start(ledger: Ledger, label: str, pid: t.Optional[int], boot_id: t.Optional[str]) -> int:
    return ledger.attempts.start(label, task_key=f"key of {label}", pid=pid, boot_id=boot_id).id


def test_settle(tmp_path: Path, sleeper: subprocess.Popen) -> None:
    gone = f"{BOOT}:{os.getpid()}:1"
    host = evidence.Host(boot_id=BOOT, daemon_started=1.0)
    with Ledger.open(tmp_path) as ledger:
        start(ledger, "bars/alive", sleeper.pid, process.identity(sleeper.pid))
        start(ledger, "bars/unknowable", None, None)
        for name in ("gone", "killed", "evicted", "late"):
            start(ledger, f"bars/{name}", os.getpid(), gone)
        killed = task(1, "bars/killed", "Killed", marker=marker("bars/killed"))
        evicted = task(2, "bars/evicted", "Killed", marker=marker("bars/evicted"))
        ledger.kills.record("bars/evicted", evicted.created_at, by="a test", reason="evicted")
        first = attempts_view.settle(ledger, label="bars/late")
        assert [one.label for one in first] == ["bars/late"]
        closed = attempts_view.settle(ledger, snapshot(killed, evicted), host=host)
        assert {one.label: one.class_ for one in closed} == {
            "bars/gone": "infra",
            "bars/killed": "killed",
            "bars/evicted": "evicted",
        }
        assert [one.label for one in ledger.attempts.open_attempts()] == [
            "bars/alive",
            "bars/unknowable",
        ]
        assert attempts_view.settle(ledger, snapshot(killed, evicted), host=host) == []


def marker(label: str) -> t.Dict[str, str]:
    return {"FLEET_JOBS_TASK": f"key of {label}"}


def test_kill_of_an_earlier_attempt_does_not_count(tmp_path: Path) -> None:
    clock = [100.0]
    with Ledger.open(tmp_path, clock=lambda: clock[0]) as ledger:
        ledger.kills.record("bars/a", "then", by="a test", reason="evicted")
        clock[0] = 200.0
        start(ledger, "bars/a", os.getpid(), f"{BOOT}:{os.getpid()}:1")
        (closed,) = attempts_view.settle(ledger)
    assert closed.class_ == "infra"
