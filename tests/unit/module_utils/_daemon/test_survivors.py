# SPDX-License-Identifier: GPL-3.0-or-later
"""Which running jobs live through the sudden end of their daemon."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._daemon.survivors import at_risk
from ansible_collections.fleet.jobs.plugins.module_utils._host import process
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.evidence import TASK_MARKER
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.store import Ledger
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.snapshot import Snapshot

START = "2026-01-01T00:00:00Z"
STARTED = 1767225600.0
PID = 77
SCOPE = f"0::/user.slice/fleet.slice/fleet-jobs-a_1-{PID}-0123abcd.scope/job"
UNIT = "0::/user.slice/user@1000.service/app.slice/pueued.service"


def _task(number: int, label: str, status: str, **more: t.Any) -> t.Dict[str, t.Any]:
    times = {"enqueued_at": START} if status == "Queued" else {"enqueued_at": START, "start": START}
    return {
        **{"id": number, "created_at": START, "original_command": "x", "command": "x"},
        **{"path": "/", "envs": {TASK_MARKER: "key"}, "group": "default", "dependencies": []},
        **{"priority": 0, "label": label, "status": {status: times}, **more},
    }


def _snapshot(*tasks: t.Dict[str, t.Any]) -> Snapshot:
    return Snapshot.from_wire({"tasks": {task["id"]: task for task in tasks}, "groups": {}})


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc with one process, the runner of a/1."""
    folder = tmp_path / "proc"
    (folder / str(PID)).mkdir(parents=True)
    (folder / "sys/kernel/random").mkdir(parents=True)
    (folder / "sys/kernel/random/boot_id").write_text("boot\n")
    fields = " ".join(["S", "1", "7", "7", *["0"] * 15, "500", "0"])
    (folder / str(PID) / "stat").write_text(f"{PID} (python3) {fields}\n")
    (folder / str(PID) / "cgroup").write_text(SCOPE + "\n")
    return folder


@pytest.fixture
def state_dir(tmp_path: Path, proc: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    with Ledger.open(folder, clock=lambda: STARTED) as ledger:
        who = process.identity(PID, proc=proc)
        ledger.attempts.start("a/1", task_key="key", pid=PID, boot_id=who, enforcement="cgroup")
    return folder


def test_a_capped_job_lives_on(state_dir: Path, proc: Path) -> None:
    queue = _snapshot(_task(0, "a/1", "Running"), _task(1, "a/2", "Queued"))
    assert at_risk(queue, state_dir=state_dir, proc=proc) is None
    assert at_risk(_snapshot(), state_dir=state_dir, proc=proc) is None


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        ([_task(0, "a/1", "Running"), _task(1, "b/1", "Running")], '1 job runs ("b/1") inside'),
        ([_task(0, "a/1", "Paused")], '1 job runs ("a/1") inside'),
        ([_task(0, "a/1", "Running", envs={})], '1 job runs ("a/1") inside'),
        (
            [_task(0, "a/1", "Running"), _task(1, "a/2", "Queued", dependencies=[0])],
            '"a/2" wait for what runs',
        ),
    ],
    ids=["stranger", "stopped", "another run", "dependant"],
)
def test_others_are_at_risk(
    tasks: t.List[t.Dict[str, t.Any]], words: str, state_dir: Path, proc: Path
) -> None:
    assert words in str(at_risk(_snapshot(*tasks), state_dir=state_dir, proc=proc))


@pytest.mark.parametrize("what", ["in the unit", "another process", "gone"])
def test_the_process_itself_is_looked_at(what: str, state_dir: Path, proc: Path) -> None:
    folder = proc / str(PID)
    if what == "in the unit":
        (folder / "cgroup").write_text(UNIT)
    elif what == "another process":
        (folder / "stat").write_text((folder / "stat").read_text().replace(" 500 ", " 501 "))
    else:
        (folder / "stat").unlink()
    queue = _snapshot(_task(0, "a/1", "Running"))
    assert "inside the daemon's unit" in str(at_risk(queue, state_dir=state_dir, proc=proc))
