# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner as pueued's child: what the queue does to a task reaches the job, and is recorded."""

from __future__ import annotations

import os
import signal
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._jobs import attempts_view, evidence
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.attempts import Attempt
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.store import Ledger
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.client import Client
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.requests import (
    AddRequest,
    RestartItem,
)
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.snapshot import Task
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.tool import Tool, install, python
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

LABEL = "unit/job"
LIMIT = 30.0


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("tool"))


class Queue:
    """One job in a real queue, with the tool in front."""

    def __init__(self, daemon: PrivateDaemon, client: Client, tool: Tool) -> None:
        self.daemon, self.client, self.tool = daemon, client, tool
        self.up = daemon.directory / "up"

    def add(self, text: str, *, options: t.Sequence[str] = (), **envs: str) -> int:
        """Queue a Python text, which writes its pid into ``up`` first."""
        mark = f"import os; open({str(self.up)!r}, 'w').write(str(os.getpid()))\n"
        return self.add_argv(python(mark + text), options=options, **envs)

    def add_argv(self, argv: t.Sequence[str], *, options: t.Sequence[str] = (), **envs: str) -> int:
        base = {"PATH": os.environ["PATH"], "HOME": str(self.daemon.home)}
        return self.client.add(
            AddRequest(
                command=self.tool.command(argv, options=options),
                path=str(self.daemon.home),
                label=LABEL,
                group="default",
                envs={**base, "FLEET_JOBS_TASK": "key", **envs},
                stashed=False,
                enqueue_at=None,
                dependencies=(),
                priority=0,
            )
        )

    def pid(self) -> int:
        """The job's pid, once it is up."""
        return int(
            eventually(
                lambda: self.up.exists() and self.up.read_text(), timeout=LIMIT, what="the job runs"
            )
        )

    def task(self) -> Task:
        (task,) = self.client.status().tasks.values()
        return task

    def done(self) -> Task:
        return eventually(
            lambda: self.task().done and self.task(), timeout=LIMIT, what="the task is done"
        )

    def log(self) -> str:
        return self.daemon.config.log_path(self.task().id).read_text()

    def attempts(self) -> t.List[Attempt]:
        return self.tool.attempts(LABEL)


@pytest.fixture
def queue(daemon: PrivateDaemon, client: Client, installed: Path) -> Queue:
    tool = Tool(installed, state_dir=daemon.directory / "state")
    tool.state_dir.mkdir()
    return Queue(daemon, client, tool)


def state_of(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "gone"


def gone(pid: int) -> bool:
    return state_of(pid) in ("gone", "Z", "X")


@pytest.mark.parametrize(
    ("text", "result", "code", "class_"),
    [
        ("pass", "Success", 0, "ok"),
        ("raise SystemExit(7)", "Failed", 7, "app"),
        ("os.kill(os.getpid(), 11)", "Failed", 139, "app"),
    ],
)
def test_exit_code_reaches_the_queue(
    queue: Queue, text: str, result: str, code: int, class_: str
) -> None:
    queue.add(text)
    task = queue.done()
    assert (task.result, task.exit_code or 0) == (result, code)
    (attempt,) = queue.attempts()
    assert attempt.class_ == class_


def test_stdin_ends_at_once(queue: Queue) -> None:
    # pueue's own stdin is a pipe that never ends: a bare "cat" would run for ever.
    queue.add_argv(["/bin/cat"])
    assert queue.done().result == "Success"


def test_pause_stops_the_job_and_resume_continues_it(queue: Queue) -> None:
    go = queue.daemon.directory / "go"
    task_id = queue.add(f"import time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)")
    job = queue.pid()
    queue.client.pause_group("default", wait=False)
    eventually(lambda: state_of(job) == "T", timeout=LIMIT, what="the job is stopped")
    assert queue.task().status == "Paused"
    queue.client.start_group("default")
    eventually(lambda: state_of(job) in "RS", timeout=LIMIT, what="the job goes on")
    go.touch()
    assert queue.done().id == task_id
    assert queue.attempts()[0].class_ == "ok"


def test_kill_reaches_the_job_and_its_row_is_settled(queue: Queue) -> None:
    # A shell in between and a child below it: all are in the group that pueued kills.
    mark = f"open({str(queue.up)!r}, 'w').write(str(os.getpid()))"
    below = python(f"import os, time; {mark}; time.sleep(60)")
    queue.add_argv(["/bin/sh", "-c", '"$@"; true', "sh", *below])
    job = queue.pid()
    task_id = queue.task().id
    (attempt,) = queue.attempts()
    assert attempts_view.is_alive(attempt)
    queue.client.kill([task_id])
    assert queue.done().result == "Killed"
    eventually(lambda: gone(job), timeout=LIMIT, what="the job is gone")

    with Ledger.open(queue.tool.state_dir) as ledger:
        # A daemon of some age: one that is seconds old counts as the cause.
        boot = evidence.this_host(queue.daemon.pid_path).boot_id
        host = evidence.Host(boot_id=boot, daemon_started=attempt.started - 60)
        (settled,) = attempts_view.settle(ledger, queue.client.status(), host=host)
        assert (settled.class_, settled.ended) == ("killed", queue.task().ended)
        assert attempts_view.settle(ledger, queue.client.status()) == []


def test_intended_kill_is_told_from_an_accident(queue: Queue) -> None:
    queue.add("import time; time.sleep(60)")
    queue.pid()
    task = queue.task()
    with Ledger.open(queue.tool.state_dir) as ledger:
        ledger.kills.record(LABEL, task.created_at, by="the test", reason="evicted")
    queue.client.kill([task.id])
    queue.done()
    with Ledger.open(queue.tool.state_dir) as ledger:
        (settled,) = attempts_view.settle(ledger, queue.client.status())
    assert settled.class_ == "evicted"


def test_term_of_the_queue_reaches_the_job_once(queue: Queue) -> None:
    queue.add(
        "import signal, time\n"
        "seen = []\n"
        "signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))\n"
        f"open({str(queue.up)!r} + '-armed', 'w').close()\n"
        "while not seen: time.sleep(0.01)\n"
        "time.sleep(0.7)\nprint(seen, flush=True)"
    )
    queue.pid()
    eventually(
        lambda: Path(f"{queue.up}-armed").exists(), timeout=LIMIT, what="the handler is there"
    )
    # Right after its start a signal is passed on in any case, because it may have come too early.
    time.sleep(0.6)
    queue.client.kill([queue.task().id], signal="SigTerm")
    task = queue.done()
    assert "[15]\n" in queue.log()
    assert (task.result, task.exit_code) == ("Failed", 143)
    assert queue.attempts()[0].class_ == "killed"


def test_job_killed_below_the_runner(queue: Queue) -> None:
    queue.add("import time; time.sleep(60)")
    os.kill(queue.pid(), signal.SIGKILL)
    task = queue.done()
    assert (task.result, task.exit_code) == ("Failed", 137)
    assert queue.attempts()[0].class_ == "killed"


def test_runner_killed_alone(queue: Queue) -> None:
    queue.add("import time; time.sleep(60)")
    job = queue.pid()
    os.kill(queue.attempts()[0].pid or 0, signal.SIGKILL)
    assert queue.done().result == "Killed"
    eventually(lambda: gone(job), timeout=LIMIT, what="the job is gone with it")


def test_daemon_that_dies_does_not_end_the_record(queue: Queue) -> None:
    go = queue.daemon.directory / "go"
    queue.add(f"import time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)")
    queue.pid()
    queue.daemon.kill9()
    with Ledger.open(queue.tool.state_dir) as ledger:
        assert attempts_view.settle(ledger) == [], "it still runs, whatever its daemon did"
    go.touch()
    eventually(
        lambda: queue.attempts()[0].ended is not None, timeout=LIMIT, what="the job ends by itself"
    )
    assert queue.attempts()[0].class_ == "ok"


def test_timeout(queue: Queue) -> None:
    queue.add("import time; time.sleep(60)", options=["--timeout", "1"])
    task = queue.done()
    assert (task.result, task.exit_code) == ("Failed", 124)
    assert queue.attempts()[0].class_ == "timeout"
    assert "timeout" in queue.log()


def test_log_of_each_attempt_is_kept(queue: Queue) -> None:
    # AP-3: an in-place restart, here a stranger's, truncates pueue's log at its spawn.
    queue.add_argv(["/bin/sh", "-c", "echo error of $FLEET_JOBS_ATTEMPT; exit 1"])
    task = queue.done()
    item = RestartItem(
        task_id=task.id, command=task.command, path=task.path, label=LABEL, priority=0
    )
    queue.client.restart([item])
    eventually(
        lambda: len([one for one in queue.attempts() if one.ended]) == 2 and queue.task().done,
        timeout=LIMIT,
        what="the second attempt ended",
    )
    assert "error of 2" in queue.log()
    assert "error of 1" not in queue.log(), "this is the accident"
    first, second = (Path(one.log_path or "").read_text() for one in queue.attempts())
    assert "error of 1" in first
    assert "error of 2" in second
