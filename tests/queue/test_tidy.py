# SPDX-License-Identifier: GPL-3.0-or-later
"""``fleet-jobs tidy`` as the timer calls it, on a real queue."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._jobs import archive
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.files import everything
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue

DAY = 86400


@pytest.fixture
def queue(daemon: PrivateDaemon) -> GuardedQueue:
    """One job that ended well, one that failed, a stranger's; and what piled up on the host."""
    made = GuardedQueue(daemon)
    made.queue(made.job("a/1", "echo one"), made.job("a/2", "exit 3"))
    made.add_stranger("s/1", "true")
    made.finished("a/1", "a/2", "s/1")
    aged(made.state_dir / "tool" / "fleet-jobs-000000000000.py")
    aged(made.state_dir / "code" / "old" / "file")
    aged(made.state_dir / "code" / "older" / "file", days=31)
    for number in (1, 2):
        aged(archive.place(made.state_dir, "b/1", number=number, ended=0.0))
        aged(made.state_dir / "daemon" / "state" / f"state-{number}", days=40 - number)
    return made


def aged(path: Path, *, days: int = 30) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("old")
    then = time.time() - days * DAY
    for one in (path, path.parent):
        os.utime(str(one), (then, then))


def tidy(queue: GuardedQueue, *words: str) -> t.Tuple[int, t.Dict[str, t.Any], str]:
    done = subprocess.run(
        [
            *(sys.executable, "-I", "-S", str(queue.tool.path), "tidy", "--json"),
            *("--pueue-config", str(queue.daemon.config_path)),
            *("--state-dir", str(queue.state_dir), *words),
        ],
        env=queue.daemon.environ,
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr


def test_dry_run_run_dry_run_run(queue: GuardedQueue) -> None:
    before = everything(queue.daemon.directory)
    code, foreseen, _said = tidy(queue, "--older-than", "0", "--dry-run")
    assert code == 0 and everything(queue.daemon.directory) == before
    code, done, _said = tidy(queue, "--older-than", "0")
    assert code == 0
    assert {**done, "dry_run": True} == foreseen
    assert done["actions"] == [
        "Forget 1 finished task.",
        "Delete 1 archived log older than 14 days.",
        "Delete 1 saved state older than 14 days.",
        "Delete the code of 1 version that no controller uses.",
        'Delete the unused host tool "fleet-jobs-000000000000.py".',
    ]
    assert [task.label for task in queue.status().tasks.values()] == ["a/2", "s/1"]
    # The forgotten job's log has moved in, and a label's newest one is there however old it is.
    for label, number in (("a/1", 1), ("b/1", 2)):
        assert archive.place(queue.state_dir, label, number=number, ended=0.0).exists()
    assert [path.name for path in (queue.state_dir / "code").iterdir()] == ["old"]
    assert queue.tool.path.exists()

    before = everything(queue.state_dir)
    for words in (["--dry-run"], []):
        code, again, _said = tidy(queue, "--older-than", "0", *words)
        assert (code, again["actions"], again["removed"]) == (0, [], 0)
    assert everything(queue.state_dir) == before


def test_young_jobs_stay(queue: GuardedQueue) -> None:
    assert tidy(queue)[1]["removed"] == 0
    assert len(queue.status().tasks) == 3


def test_a_deploy_is_not_disturbed(queue: GuardedQueue) -> None:
    with queue.instance.ledger() as ledger:
        ledger.lease.take("ada@control", "deploy 42", 600)
    code, done, said = tidy(queue, "--older-than", "0")
    assert (code, done["removed"], len(done["logs"])) == (0, 0, 1)
    assert 'left alone: "ada@control" holds the queue for "deploy 42"' in said
    assert len(queue.status().tasks) == 3


def test_files_are_tidied_while_the_daemon_is_down(
    queue: GuardedQueue, daemon: PrivateDaemon
) -> None:
    daemon.stop()
    code, done, said = tidy(queue)
    assert (code, len(done["logs"]), len(done["code"])) == (1, 1, 1)
    assert "was not tidied" in said and "Traceback" not in said
    assert (queue.state_dir / "tool" / "fleet-jobs-000000000000.py").exists(), "who needs it?"


@pytest.mark.parametrize("words", [["--keep-days", "-1"], ["--keep-logs", "0"]])
def test_no_sense(queue: GuardedQueue, words: t.Sequence[str]) -> None:
    code, _done, said = tidy(queue, *words)
    assert code == 1 and "give 0 days or more" in said
