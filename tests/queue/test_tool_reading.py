# SPDX-License-Identifier: GPL-3.0-or-later
"""The reading commands of the installed host tool, on a real queue with real attempts (AP-3)."""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._jobs import record, rerun
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.restart import Wish
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.selection import Selection
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.files import everything
from ansible_collections.fleet.jobs.tests.support.guarded import FLOOR, GuardedQueue


@pytest.fixture
def queue(daemon: PrivateDaemon) -> GuardedQueue:
    return GuardedQueue(daemon)


def tool(queue: GuardedQueue, *words: str) -> subprocess.CompletedProcess[str]:
    """The installed file, as a person calls it; it finds its state directory by itself."""
    return subprocess.run(
        [sys.executable, "-I", "-S", str(queue.tool.path), *words],
        env=queue.daemon.environ,
        cwd=str(queue.work),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


REMARK = "fleet-jobs: a/1 ended as app (exit code 3).\n"


def answer(queue: GuardedQueue, *words: str) -> t.Any:
    done = tool(queue, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def restart(queue: GuardedQueue, label: str) -> None:
    wish = Wish(selection=Selection(labels=(label,)), classes=("app",), allow_unsafe=True)
    report = rerun.rerun(queue.instance, wish, floor=FLOOR, lease_token=None, check_mode=False)
    assert rerun.data(report)["restarted"] == [label]


def test_each_attempt_has_its_own_log(queue: GuardedQueue) -> None:
    text = "if test -e flag; then echo all is well; else echo an old error; exit 3; fi"
    queue.queue(queue.job("a/1", text))
    queue.finished("a/1")
    assert tool(queue, "logs", "a/1").stdout == "an old error\n" + REMARK

    (queue.work / "flag").touch()
    queue.pause()
    restart(queue, "a/1")
    waiting = tool(queue, "logs", "a/1")
    assert waiting.stdout == "an old error\n" + REMARK
    assert "attempt 1 of 1: app" in waiting.stderr

    queue.start()
    queue.finished("a/1")
    assert tool(queue, "logs", "a/1").stdout == "all is well\n"
    assert tool(queue, "logs", "a/1", "--attempt", "1").stdout == "an old error\n" + REMARK
    second = answer(queue, "logs", "a/1", "--attempt", "2")
    assert (second["attempt"], second["class"], second["text"]) == (2, "ok", "all is well\n")
    none = tool(queue, "logs", "a/1", "--attempt", "3")
    assert none.returncode == 1 and "recorded are: 1, 2" in none.stderr

    seen = answer(queue, "why", "a/1")
    assert [(one["attempt"], one["class"], one["exit_code"]) for one in seen["attempts"]] == [
        (1, "app", 3),
        (2, "ok", 0),
    ]
    assert seen["class"] == "ok" and seen["task"]["result"] == "success"
    assert [Path(one["log"]).read_text() for one in seen["attempts"]] == [
        "an old error\n" + REMARK,
        "all is well\n",
    ]


def test_why_tells_people_what_to_do(queue: GuardedQueue) -> None:
    queue.queue(queue.job("a/1", "seq 5; exit 3"), queue.job("b/1", after=["a/1"]))
    queue.finished("a/1", "b/1")
    shown = tool(queue, "why", "a/1").stdout
    for words in ('a/1: failed in group "default"', "app: The program itself failed", "next: Read"):
        assert words in shown
    assert "log of attempt 1: /" in shown
    assert answer(queue, "why", "b/1")["class"] == "dependency"
    assert tool(queue, "logs", "a/1", "--lines", "2").stdout == "5\n" + REMARK
    none = tool(queue, "logs", "b/1")
    assert none.returncode == 1 and "has not run yet" in none.stderr


def test_status_lists_groups_failures_and_jobs(queue: GuardedQueue) -> None:
    queue.queue(queue.job("a/1", "exit 3"), queue.job("a/2"))
    queue.finished("a/1", "a/2")
    shown = tool(queue, "status", "--label", "a/*").stdout
    for words in ("2 tasks: 2 done", "failed by class", "page 1 of 1, 2 jobs"):
        assert words in shown
    report = answer(queue, "status", "--state", "failed")
    assert [job["label"] for job in report["jobs"]] == ["a/1"]
    assert report["counts"]["by_class"] == {"app": 1, "ok": 1}


def test_reading_leaves_no_trace_and_needs_no_daemon(queue: GuardedQueue) -> None:
    queue.queue(queue.job("a/1", "echo words; exit 3"))
    queue.finished("a/1")
    queue.daemon.stop()
    before = everything(queue.state_dir)
    seen = answer(queue, "why", "a/1")
    assert seen["class"] == "app" and "pueued" in seen["note"]
    assert tool(queue, "logs", "a/1").stdout == "words\n" + REMARK
    assert tool(queue, "status").returncode == 1
    assert answer(queue, "status", "--state-file")["counts"]["tasks"] == 1
    assert everything(queue.state_dir) == before


def test_a_label_that_nobody_knows_is_named(queue: GuardedQueue) -> None:
    for command in ("why", "logs"):
        none = tool(queue, command, "a/1")
        assert none.returncode == 1
        assert 'no job "a/1"' in none.stderr and "fleet-jobs status" in none.stderr


def test_a_strangers_task_has_a_log_too(queue: GuardedQueue) -> None:
    queue.add_stranger("a/1", "echo", "strange")
    queue.finished("a/1")
    done = tool(queue, "logs", "a/1")
    assert done.stdout == "strange\n" and "does not know" in done.stderr
    assert answer(queue, "why", "a/1")["class"] == "ok"


def test_what_waits_for_the_ledger_is_told(queue: GuardedQueue) -> None:
    queue.queue(queue.job("a/1", "true"))
    queue.finished("a/1")
    began = record.Beginning("a/2", "key", 100.0, 7, "boot:7:1")
    end = record.Ending("oom_cap", 110.0, exit_code=137, message="It reached 5G of 5G.")
    record._spool(queue.state_dir, record.Begun(began), end, why="a test")
    before = everything(queue.state_dir)
    told = answer(queue, "why", "a/2")
    assert told["class"] == "oom_cap"
    assert [one["message"] for one in told["attempts"]] == ["It reached 5G of 5G."]
    assert everything(queue.state_dir) == before
