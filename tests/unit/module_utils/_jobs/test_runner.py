# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner as a process: what a job sees, how it ends, and what the ledger says afterwards."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import sqlite3
import subprocess
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._jobs import record
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.host_tool import invocation
from ansible_collections.fleet.jobs.tests.support.tool import Tool, end_group, install, python
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs procfs")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("tool"))


@pytest.fixture
def tool(installed: Path, tmp_path: Path) -> t.Iterator[Tool]:
    one = Tool(installed, state_dir=tmp_path / "state")
    one.state_dir.mkdir()
    yield one
    for folder in record._folders(one.state_dir)[1:]:
        shutil.rmtree(str(folder), ignore_errors=True)


def waiting_in_spool(tool: Tool) -> int:
    return len(record.spooled(tool.state_dir, "unit/job"))


@pytest.mark.parametrize(
    ("text", "code", "class_"),
    [
        pytest.param("pass", 0, "ok", id="ok"),
        pytest.param("raise SystemExit(3)", 3, "app", id="own code"),
        pytest.param("raise SystemExit(127)", 127, "permanent", id="permanent"),
        pytest.param("import os; os.kill(os.getpid(), 11)", 139, "app", id="crash"),
        pytest.param("import os; os.kill(os.getpid(), 9)", 137, "killed", id="killed"),
    ],
)
def test_end_of_a_job(tool: Tool, text: str, code: int, class_: str) -> None:
    done = tool.run(python(text))
    assert done.returncode == code
    (attempt,) = tool.attempts()
    assert (attempt.class_, attempt.number, attempt.task_key) == (class_, 1, "key")
    assert attempt.enforcement == "none"
    assert attempt.ended is not None and attempt.ended >= attempt.started
    assert (class_ in done.stderr) is (class_ != "ok")


def test_declared_permanent_code(tool: Tool) -> None:
    done = tool.run(python("raise SystemExit(65)"), options=["--permanent-code", "65"])
    assert done.returncode == 65
    assert tool.attempts()[0].class_ == "permanent"


@pytest.mark.parametrize(
    ("argv", "code", "class_"),
    [
        pytest.param(["/no/such/program"], 127, "permanent", id="missing"),
        pytest.param(["/etc/hosts"], 126, "permanent", id="not executable"),
    ],
)
def test_a_program_that_cannot_be_executed(
    tool: Tool, argv: t.List[str], code: int, class_: str
) -> None:
    done = tool.run(argv)
    assert done.returncode == code
    assert tool.attempts()[0].class_ == class_
    assert argv[0] in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        pytest.param(["--env-file", "/no/such.env"], 121, "/no/such.env", id="env file"),
        pytest.param(["--chdir", "/no/such/dir"], 121, "/no/such/dir", id="directory"),
        pytest.param(["--cap", "sometimes"], 120, "sometimes", id="cap mode"),
    ],
)
def test_infrastructure_failures_have_their_own_codes(
    tool: Tool, options: t.List[str], code: int, said: str
) -> None:
    done = tool.run(python("print('ran')"), options=options)
    assert done.returncode == code
    assert said in done.stderr
    assert done.stdout == ""
    (attempt,) = tool.attempts()
    assert (attempt.class_, attempt.exit_code) == ("infra", code)
    assert said in (attempt.message or "")


@pytest.mark.parametrize("argv", [["run"], ["run", "--label", "a/b"], ["run", "--nope", "--", "x"]])
def test_unreadable_command_line(installed: Path, argv: t.List[str]) -> None:
    done = subprocess.run(
        [*invocation(installed), *argv],
        capture_output=True,
        check=False,
    )
    assert done.returncode == (0 if argv == ["run"] else 121)
    assert b"Traceback" not in done.stderr


def test_what_a_job_sees(tool: Tool, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.env"
    secrets.write_text("API_KEY='s3cret'\n")
    secrets.chmod(0o600)
    text = (
        "import json, os, signal, sys\n"
        "json.dump({'env': dict(os.environ), 'stdin': sys.stdin.read(),"
        " 'masked': sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))),"
        " 'pipe': open('/proc/self/status').read(),"
        " 'group': os.getpgid(0), 'parent': os.getppid(), 'argv': sys.argv[1:],"
        " 'adj': open('/proc/self/oom_score_adj').read()}, sys.stdout)"
    )
    done = tool.run(
        [*python(text), "a b", "$X", ""],
        options=["--env-file", str(secrets)],
        env={"PUEUE_GROUP": "g", "__MISE_DIFF": "x", "HOME": "/h", "PATH": "/bin"},
    )
    seen = json.loads(done.stdout)
    env = seen["env"]
    assert seen["argv"] == ["a b", "$X", ""]
    assert seen["stdin"] == ""
    assert env["API_KEY"] == "s3cret"
    assert env["PUEUE_GROUP"] == "g"
    assert env["FLEET_JOBS_LABEL"] == "unit/job"
    assert env["FLEET_JOBS_ATTEMPT"] == "1"
    assert env["FLEET_JOBS_RELEASE"] == ""
    assert env["PATH"] == "/bin:/h/.cargo/bin:/h/.local/bin"
    assert "__MISE_DIFF" not in env
    assert seen["masked"] == []
    ignored = next(line for line in seen["pipe"].splitlines() if line.startswith("SigIgn"))
    # Python itself ignores SIGPIPE and SIGXFSZ once it runs; nothing else may be ignored.
    python_own = 1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGXFSZ - 1)
    # glibc keeps 32 and 33 to itself; a child that make spawned has them ignored.
    glibc_own = 0b11 << 31
    # What whoever started the tests ignores (nohup, a shell's background job) is inherited.
    own = next(
        line
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        if line.startswith("SigIgn")
    )
    inherited = int(own.split()[1], 16)
    assert int(ignored.split()[1], 16) & ~(python_own | glibc_own | inherited) == 0
    assert seen["adj"].strip() == "500"
    assert seen["group"] == seen["parent"], "the job is in its runner's process group"


def test_a_closed_pipe_ends_the_job_as_it_would_without_us(tool: Tool) -> None:
    # G-13: with an inherited "ignore", yes would complain and exit with 1.
    done = tool.run(["/bin/sh", "-c", "yes | head -n 1; echo after"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "y\nafter\n", "")


@pytest.mark.parametrize("closed", ["1>&-", "0<&- 1>&-", "0<&- 1>&- 2>&-"])
def test_what_the_caller_closed_is_nothing(tool: Tool, closed: str) -> None:
    text = "import os\nfor number in (1, 2): os.write(number, b'said')\nraise SystemExit(3)"
    words = " ".join(map(shlex.quote, tool.words(python(text))))
    done = subprocess.run(
        ["/bin/sh", "-c", f"{words} {closed}"], stderr=subprocess.PIPE, check=False
    )
    assert b"Traceback" not in done.stderr
    (attempt,) = tool.attempts()
    assert (done.returncode, attempt.exit_code, attempt.log_path) == (3, 3, None)


def test_release_is_noted(tool: Tool, tmp_path: Path) -> None:
    (tmp_path / "project" / ".git").mkdir(parents=True)
    (tmp_path / "project" / ".git" / "HEAD").write_text("ab" * 20 + "\n")
    options = ["--release-from", str(tmp_path / "project")]
    done = tool.run(["/bin/sh", "-c", "echo $FLEET_JOBS_RELEASE"], options=options)
    assert done.stdout.strip() == tool.attempts()[0].release == "ab" * 20


def test_attempts_are_numbered(tool: Tool) -> None:
    for number in ("1", "2"):
        assert tool.run(["/bin/sh", "-c", "echo $FLEET_JOBS_ATTEMPT"]).stdout.strip() == number


def ready(tmp_path: Path) -> t.Tuple[Path, str]:
    """A file that the job makes when it is up, and the Python for it."""
    path = tmp_path / "ready"
    return path, f"open({str(path)!r}, 'w').write(str(__import__('os').getpid()))\n"


def pid_in(path: Path) -> int:
    return int(eventually(lambda: path.exists() and path.read_text(), timeout=20, what=str(path)))


def gone(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


TRAP = (
    "import signal, sys, time\n"
    "seen = []\n"
    "def trap(number, frame):\n"
    "    seen.append(number)\n"
    "signal.signal({number}, trap)\n"
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_signal_to_the_runner_alone_is_passed_on(
    tool: Tool, tmp_path: Path, number: signal.Signals
) -> None:
    up, mark = ready(tmp_path)
    text = (
        TRAP.format(number=int(number))
        + mark
        + ("while not seen: time.sleep(0.01)\nprint(seen, flush=True)\nraise SystemExit(5)")
    )
    process = tool.start(python(text))
    try:
        pid_in(up)
        os.kill(process.pid, number)
        out, _err = process.communicate(timeout=20)
    finally:
        end_group(process)
    assert out == f"[{int(number)}]\n"
    assert process.returncode == 5
    expected = "app" if number == signal.SIGUSR1 else "killed"
    assert tool.attempts()[0].class_ == expected


def test_job_that_says_zero_after_term_is_not_ok(tool: Tool, tmp_path: Path) -> None:
    up, mark = ready(tmp_path)
    text = TRAP.format(number=15) + mark + "while not seen: time.sleep(0.01)"
    process = tool.start(python(text))
    try:
        pid_in(up)
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=20)
    finally:
        end_group(process)
    assert process.returncode == 143
    assert tool.attempts()[0].class_ == "killed"


def test_ignored_hangup_stops_nothing(tool: Tool, tmp_path: Path) -> None:
    up, mark = ready(tmp_path)
    go = tmp_path / "go"
    text = (
        "import os, signal, time\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        + mark
        + f"while not os.path.exists({str(go)!r}): time.sleep(0.01)"
    )
    process = tool.start(python(text))
    try:
        pid_in(up)
        os.kill(process.pid, signal.SIGHUP)
        go.touch()
        process.communicate(timeout=20)
    finally:
        end_group(process)
    assert process.returncode == 0
    assert tool.attempts()[0].class_ == "ok"


def test_timeout_ends_the_whole_job(tool: Tool, tmp_path: Path) -> None:
    up, mark = ready(tmp_path)
    # Below a shell, deaf to TERM, and in a session of its own.
    deaf = (
        "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nos.setsid()\n"
        + mark
        + "time.sleep(60)"
    )
    argv = ["/bin/sh", "-c", '"$@" & wait; wait', "sh", *python(deaf)]
    done = tool.run(argv, options=["--timeout", "1", "--grace", "0.3"])
    assert done.returncode == 124
    (attempt,) = tool.attempts()
    assert attempt.class_ == "timeout"
    assert "after 1 s" in (attempt.message or "")
    assert gone(pid_in(up))


def test_time_in_pause_does_not_count(tool: Tool, tmp_path: Path) -> None:
    up, mark = ready(tmp_path)
    go = tmp_path / "go"
    text = mark + f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)"
    process = tool.start(python(text), options=["--timeout", "3"])
    try:
        job = pid_in(up)
        os.killpg(process.pid, signal.SIGSTOP)
        eventually(lambda: state_of(job) == "T", timeout=10, what="the job is stopped")
        # Longer than the limit: what passes here is exactly what must not count.
        time.sleep(3.5)
        os.killpg(process.pid, signal.SIGCONT)
        eventually(lambda: state_of(job) != "T", timeout=10, what="the job goes on")
        time.sleep(0.3)
        assert process.poll() is None
        go.touch()
        process.communicate(timeout=20)
    finally:
        end_group(process)
    assert process.returncode == 0


def state_of(pid: int) -> str:
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0]


def test_what_a_job_leaves_behind_is_ended(tool: Tool, tmp_path: Path) -> None:
    up, mark = ready(tmp_path)
    left = mark + "import time, os\nos.setsid()\ntime.sleep(60)"
    argv = ["/bin/sh", "-c", f'"$@" & while ! test -s {up}; do sleep 0.05; done', "sh"]
    done = tool.run([*argv, *python(left)])
    assert done.returncode == 0
    assert gone(pid_in(up))
    (attempt,) = tool.attempts()
    assert attempt.class_ == "ok"
    assert "1 processes that it left behind" in (attempt.message or "")


def test_a_killed_runner_takes_its_job_along(tool: Tool, tmp_path: Path) -> None:
    up, mark = ready(tmp_path)
    process = tool.start(python(mark + "import time; time.sleep(60)"))
    try:
        job = pid_in(up)
        os.kill(process.pid, signal.SIGKILL)
        eventually(lambda: gone(job), timeout=10, what="the job is gone")
    finally:
        end_group(process)
    (attempt,) = tool.attempts()
    assert attempt.ended is None
    assert attempt.pid == process.pid


def test_stop_before_the_start(tool: Tool, tmp_path: Path) -> None:
    blocker = sqlite3.connect(str(tool.state_dir / "blocker"))
    blocker.close()
    tool.run(["/bin/true"], label="unit/first")
    connection = sqlite3.connect(str(tool.state_dir / "ledger.sqlite3"), isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")  # holds the runner back before its job starts
    process = tool.start(["/bin/sh", "-c", "echo ran"])
    try:
        eventually(lambda: masked(process.pid, signal.SIGTERM), timeout=20, what="the runner is up")
        os.killpg(process.pid, signal.SIGTERM)
        connection.execute("ROLLBACK")
        out, _err = process.communicate(timeout=40)
    finally:
        connection.close()
        end_group(process)
    assert out == ""
    assert process.returncode == 143
    assert tool.attempts()[0].class_ == "killed"


def masked(pid: int, number: int) -> bool:
    with open(f"/proc/{pid}/status") as lines:
        mask = next(line for line in lines if line.startswith("SigBlk:"))
    return bool(int(mask.split()[1], 16) >> (number - 1) & 1)


def test_polled_cap_ends_what_wants_too_much(tool: Tool) -> None:
    text = "import time\nheld = bytes(range(256)) * (300 << 12)\ntime.sleep(30)"
    done = tool.run(
        ["/bin/sh", "-c", '"$@"; echo survived; exit 0', "sh", *python(text)],
        options=["--memory", str(64 << 20), "--cap", "prefer"],
    )
    (attempt,) = tool.attempts()
    assert attempt.class_ == "oom_cap"
    assert done.returncode == 137
    assert "survived" not in done.stdout


def test_own_log(tool: Tool) -> None:
    done = tool.run(["/bin/sh", "-c", "echo out; echo err >&2"], options=["--own-log"])
    assert (done.stdout, done.stderr) == ("", "")
    (attempt,) = tool.attempts()
    assert attempt.log_path is not None
    assert Path(attempt.log_path).read_text() == "out\nerr\n"
    assert Path(attempt.log_path).stat().st_mode & 0o777 == 0o600


def test_log_of_a_failure_is_kept(tool: Tool, tmp_path: Path) -> None:
    for number in ("1", "2"):
        with (tmp_path / "task.log").open("wb") as log:  # truncated each time, as pueue does
            words = tool.words(["/bin/sh", "-c", "echo error of $FLEET_JOBS_ATTEMPT; exit 1"])
            subprocess.run(words, stdout=log, stderr=log, cwd=str(tmp_path), check=False)
        assert f"error of {number}" in (tmp_path / "task.log").read_text()
    kept = [Path(attempt.log_path or "").read_text() for attempt in tool.attempts()]
    assert ["error of 1" in kept[0], "error of 2" in kept[1]] == [True, True]
    assert "error of 2" not in kept[0]


class TestLedgerThatCannotBeWritten:
    """The job runs, and its result is never lost."""

    def damaged(self, tool: Tool) -> Path:
        path = tool.state_dir / "ledger.sqlite3"
        path.write_bytes(b"this is no database, but it is long enough to look like one" * 100)
        return path

    def test_result_is_spooled_and_merged_by_the_next_run(self, tool: Tool) -> None:
        path = self.damaged(tool)
        done = tool.run(["/bin/sh", "-c", "echo ran as $FLEET_JOBS_ATTEMPT; exit 7"])
        assert (done.returncode, done.stdout) == (7, "ran as 0\n")
        assert "waits in" in done.stderr
        assert waiting_in_spool(tool) == 1
        content = path.read_bytes()
        tool.run(["/bin/true"])
        assert path.read_bytes() == content, "a damaged ledger is left alone"
        assert waiting_in_spool(tool) == 2

        path.unlink()
        tool.run(["/bin/true"])
        assert waiting_in_spool(tool) == 0
        attempts = tool.attempts()
        assert [(one.number, one.class_, one.exit_code) for one in attempts] == [
            (1, "app", 7),
            (2, "ok", 0),
            (3, "ok", 0),
        ]
        assert attempts[0].started < attempts[1].started < attempts[2].started

    def test_ledger_that_breaks_meanwhile(self, tool: Tool, tmp_path: Path) -> None:
        up, mark = ready(tmp_path)
        go = tmp_path / "go"
        text = mark + f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)"
        process = tool.start(python(text))
        try:
            pid_in(up)
            for path in tool.state_dir.glob("ledger.sqlite3*"):
                path.unlink()
            tool.run(["/bin/true"], label="unit/other")  # takes row 1 of the new ledger
            go.touch()
            process.communicate(timeout=20)
        finally:
            end_group(process)
        (attempt,) = tool.attempts()
        assert (attempt.class_, attempt.number) == ("ok", 1)
        (other,) = tool.attempts("unit/other")
        assert other.class_ == "ok"

    def test_spool_in_memory_where_the_disk_takes_nothing(self, tool: Tool) -> None:
        self.damaged(tool)
        (tool.state_dir / record.SPOOL).write_text("in the way of the folder")
        assert tool.run(["/bin/sh", "-c", "exit 7"]).returncode == 7
        assert waiting_in_spool(tool) == 1
        (tool.state_dir / "ledger.sqlite3").unlink()
        assert record.merge(tool.state_dir) == 1
        assert [one.class_ for one in tool.attempts()] == ["app"]

    def test_unreadable_spool_file_stays_for_a_person(self, tool: Tool) -> None:
        folder = tool.state_dir / record.SPOOL
        folder.mkdir(mode=0o700)
        (folder / "1.json").write_text('{"half":')
        tool.run(["/bin/true"])
        assert [one.class_ for one in tool.attempts()] == ["ok"]
        assert (folder / "1.unreadable").exists()
        assert waiting_in_spool(tool) == 0
