# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a task ended: the ledger's word where it is about this run, pueue's elsewhere."""

from __future__ import annotations

import os
import subprocess
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._dataclass import replace
from ansible_collections.fleet.jobs.plugins.module_utils._host import process
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import evidence
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.store import Ledger
from ansible_collections.fleet.jobs.tests.support.queues import BEGAN, attempt, task
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

HOST = evidence.Host(boot_id="boot", daemon_started=BEGAN)
STALE = {"started": BEGAN + 10}


@pytest.mark.parametrize(
    ("status", "code", "run", "killed_for", "class_"),
    [
        pytest.param("Success", 0, None, None, "ok", id="success"),
        pytest.param("DependencyFailed", None, None, None, "dependency", id="never started"),
        pytest.param("Failed", 1, ("oom_cap", {}), None, "oom_cap", id="the ledger's word"),
        pytest.param("Failed", 1, ("oom_cap", STALE), None, "app", id="an earlier run's word"),
        pytest.param("Failed", 1, None, None, "app", id="no record"),
        pytest.param("FailedToSpawn", None, None, None, "infra", id="spawn"),
        pytest.param("Killed", None, None, "evicted", "evicted", id="killed by us"),
        pytest.param("Killed", None, None, None, "killed", id="killed while the daemon was up"),
        pytest.param("Killed", None, (None, {"boot_id": "old"}), None, "infra", id="reboot"),
    ],
)
def test_class(
    status: str, code: t.Optional[int], run: t.Any, killed_for: t.Optional[str], class_: str
) -> None:
    one = task(0, "bars/0", status, code=code)
    last = attempt("bars/0", 1, run[0], **run[1]) if run and "started" not in run[1] else None
    if run and "started" in run[1]:
        last = attempt("bars/0", 1, run[0], task_key="another")
    assert evidence.class_of(one, last, killed_for=killed_for, host=HOST) == class_


@pytest.mark.parametrize(
    ("daemon_started", "class_"),
    [
        pytest.param(BEGAN + 201, "infra", id="restored by the next daemon"),
        pytest.param(BEGAN + 50, "killed", id="the same daemon all the time"),
        pytest.param(BEGAN + 99, "killed", id="a daemon that had just begun"),
        pytest.param(BEGAN + 150, "infra", id="restored by a daemon that was slow to start"),
        pytest.param(BEGAN + 900, "unknown", id="shut down or killed before"),
        pytest.param(None, "unknown", id="no daemon"),
    ],
)
def test_a_death_with_the_daemon_is_told_from_a_kill(
    daemon_started: t.Optional[float], class_: str
) -> None:
    host = evidence.Host(boot_id="boot", daemon_started=daemon_started)
    one = task(0, "bars/0", "Killed")
    assert evidence.class_of(one, None, killed_for=None, host=host) == class_


@pytest.mark.parametrize(
    ("copied", "class_"),
    [
        pytest.param(BEGAN - 9000, "unknown", id="long before"),
        pytest.param(BEGAN + 150, "infra", id="while it ran: a start that ended it"),
        pytest.param(BEGAN + 50, "unknown", id="the start of the daemon that ran it"),
        pytest.param(BEGAN + 900, "unknown", id="a start after its end"),
    ],
)
def test_a_death_with_a_daemon_of_the_past_is_told_by_its_copies(
    tmp_path: Path, copied: float, class_: str
) -> None:
    copy = tmp_path / "daemon" / "state" / "state-20231114T221320.000000Z.json"
    copy.parent.mkdir(parents=True)
    copy.touch()
    os.utime(copy, (copied, copied))
    host = evidence.this_host(tmp_path / "no-pid-file", state_dir=tmp_path)
    one = task(0, "bars/0", "Killed")
    assert evidence.class_of(one, None, killed_for=None, host=host) == class_


def test_a_kill_of_an_earlier_run_does_not_count(tmp_path: Path) -> None:
    one = task(0, "bars/0", "Killed")
    for at, found in ((BEGAN + 50, None), (BEGAN + 150, "killed")):
        with Ledger.open(tmp_path, clock=lambda at=at: at) as ledger:  # type: ignore[misc]
            ledger.kills.record("bars/0", one.created_at, by="me", reason="killed")
            assert evidence.kill_reason(ledger, one) == found


def test_a_living_process_is_seen_and_a_dead_one_is_not() -> None:
    host = evidence.Host(boot_id=process.boot_id())
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        identity = process.identity(child.pid)
        now = time.time()
        fields = {"pid": child.pid, "boot_id": identity}
        open_run = attempt("a/1", 1, None, **fields)
        assert evidence.living_process(open_run, host=host) == child.pid
        assert evidence.living_process(attempt("a/1", 1, "app", **fields), host=host) is None
        other_boot = attempt("a/1", 1, None, pid=child.pid, boot_id="another:1:1")
        assert evidence.living_process(other_boot, host=host) is None
        started = evidence.process_started(child.pid)
        assert started is not None and abs(started - now) < 60
    finally:
        child.kill()
        child.wait()
    assert evidence.living_process(open_run, host=host) is None


def test_what_a_dead_runner_left_in_its_group_is_seen() -> None:
    host = evidence.Host(boot_id=process.boot_id())
    words = ["sh", "-c", "sleep 600 & echo $!; exec sleep 600"]
    leader = subprocess.Popen(words, start_new_session=True, stdout=subprocess.PIPE)
    assert leader.stdout is not None
    orphan = int(leader.stdout.readline())
    try:
        run = attempt("a/1", 1, None, pid=leader.pid, boot_id=process.identity(leader.pid))
        leader.kill()
        leader.wait()
        assert evidence.living_process(run, host=host) == orphan
    finally:
        os.kill(orphan, 9)
        leader.stdout.close()


@pytest.mark.parametrize(
    ("marks", "seen"),
    [
        ("FLEET_JOBS_LABEL=a/1 FLEET_JOBS_ATTEMPT=1", True),
        ("FLEET_JOBS_LABEL=a/1 FLEET_JOBS_ATTEMPT=1 FLEET_JOBS_TASK=key", True),
        ("FLEET_JOBS_LABEL=a/1 FLEET_JOBS_ATTEMPT=1 FLEET_JOBS_TASK=another", False),
        ("FLEET_JOBS_LABEL=a/1 FLEET_JOBS_ATTEMPT=2", False),
        ("FLEET_JOBS_LABEL=a/2 FLEET_JOBS_ATTEMPT=1", False),
    ],
)
def test_what_left_the_group_of_a_dead_runner_is_seen_by_its_marks(marks: str, seen: bool) -> None:
    host = evidence.Host(boot_id=process.boot_id())
    words = ["sh", "-c", f"env {marks} setsid sleep 600 & echo $!; exec sleep 600"]
    leader = subprocess.Popen(words, start_new_session=True, stdout=subprocess.PIPE)
    assert leader.stdout is not None
    orphan = int(leader.stdout.readline())
    try:
        run = replace(
            attempt("a/1", 1, None, pid=leader.pid, boot_id=process.identity(leader.pid)),
            task_key="key",
            started=time.time() - 1,
        )
        eventually(lambda: os.getsid(orphan) == orphan, timeout=20, what="setsid")
        leader.kill()
        leader.wait()
        assert evidence.living_process(run, host=host) == (orphan if seen else None)
    finally:
        os.kill(orphan, 9)
        leader.stdout.close()


def test_this_host_reads_the_daemons_start(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    path.write_text(str(os.getpid()))
    started = evidence.this_host(path).daemon_started
    assert started is not None and started <= time.time() + 1
    assert evidence.this_host(tmp_path / "none").daemon_started is None
