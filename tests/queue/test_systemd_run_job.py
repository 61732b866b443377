# SPDX-License-Identifier: GPL-3.0-or-later
"""The module on this machine, through its action plugin and the real ansible-core."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._host import cap_scope
from ansible_collections.fleet.jobs.plugins.module_utils._host.process import read_stat
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import host_tool
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.attempts import Attempt
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.store import Ledger
from ansible_collections.fleet.jobs.tests.support.ansible import run_module
from ansible_collections.fleet.jobs.tests.support.tool import python
from ansible_collections.fleet.jobs.tests.support.waiting import eventually


@pytest.fixture
def state_dir(tmp_path: Path) -> t.Iterator[Path]:
    """A state directory; whatever still runs in it is ended by its recorded pid."""
    folder = tmp_path / "state"
    yield folder
    for attempt in attempts(folder, label=None):
        if attempt.ended is None and attempt.pid:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(attempt.pid, signal.SIGKILL)


def attempts(folder: Path, *, label: t.Optional[str]) -> t.List[Attempt]:
    with Ledger.open(folder, read_only=True) as ledger:
        return ledger.attempts.history(label) if label else ledger.attempts.open_attempts()


def call(state_dir: Path, *argv: str, check: bool = False, **options: t.Any) -> t.Dict[str, t.Any]:
    args = {"state_dir": str(state_dir), **options}
    if argv:
        args.update(command=list(argv), chdir=options.get("chdir", "/"))
    return run_module("systemd_run_job", args, check=check, diff=True)


def listing(folder: Path) -> t.Dict[str, int]:
    return {str(path): path.lstat().st_mtime_ns for path in folder.rglob("*")}


def test_check_run_check_run(state_dir: Path, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    job = ["/bin/sh", "-c", f"echo ran $FLEET_JOBS_ATTEMPT >> {marks}; echo said"]

    checked = call(state_dir, *job, label="once/marks", check=True)
    assert (checked["changed"], checked["actions"][-1:]) == (True, ['run "once/marks"'])
    assert not state_dir.exists()
    assert not marks.exists()

    ran = call(state_dir, *job, label="once/marks")
    assert ran["changed"] is True
    assert (ran["class"], ran["rc"], ran["running"], ran["attempt"]) == ("ok", 0, False, 1)
    assert ran["stdout"] == "said\n"
    assert ran["failed"] is False
    assert ran["diff"]["before"] == checked["diff"]["before"]
    assert ran["diff"]["after"] == checked["diff"]["after"]
    assert Path(ran["log_path"]).read_text() == "said\n"

    before = listing(state_dir)
    again_checked = call(state_dir, *job, label="once/marks", check=True)
    assert again_checked["changed"] is False
    assert listing(state_dir) == before

    again = call(state_dir, *job, label="once/marks")
    assert (again["changed"], again["actions"], again["class"]) == (False, [], "ok")
    assert marks.read_text() == "ran 1\n"

    rerun = call(state_dir, *job, label="once/marks", rerun=True)
    assert (rerun["changed"], rerun["attempt"]) == (True, 2)
    assert marks.read_text() == "ran 1\nran 2\n"


def test_tool_is_brought_once_and_verified(state_dir: Path) -> None:
    first = call(state_dir, "/bin/true", label="once/a")
    assert any("install the host tool" in one for one in first["actions"])
    (path,) = (state_dir / "tool").glob("*.py")
    assert path == host_tool.current(state_dir)
    assert path.stat().st_mode & 0o777 == 0o755
    second = call(state_dir, "/bin/true", label="once/b")
    assert second["actions"] == ['run "once/b"']


def test_failure_is_told_by_class_and_run_again(state_dir: Path) -> None:
    failed = call(state_dir, "/bin/sh", "-c", "echo why >&2; exit 3", label="once/f")
    assert (failed["failed"], failed["class"], failed["rc"]) == (True, "app", 3)
    assert failed["stdout"] == "why\n"
    assert '"once/f" ended as app (exit code 3)' in failed["msg"]
    assert call(state_dir, "/bin/true", label="once/f")["attempt"] == 2


def test_without_a_label_it_runs_each_time(state_dir: Path) -> None:
    labels = {call(state_dir, "/bin/true")["label"] for _unused in range(2)}
    assert len(labels) == 2


def test_detached_job_is_collected_later(state_dir: Path, tmp_path: Path) -> None:
    go = tmp_path / "go"
    job = ["/bin/sh", "-c", f"while ! test -e {go}; do sleep 0.05; done; echo done"]
    started = call(state_dir, *job, label="once/late", wait=False)
    assert (started["changed"], started["running"], started["failed"]) == (True, True, False)
    (attempt,) = attempts(state_dir, label="once/late")
    assert attempt.pid is not None
    assert os.getsid(attempt.pid) == attempt.pid, "a session of its own outlives the connection"

    beside = call(state_dir, *job, label="once/late", wait=False, rerun=True)
    assert (beside["changed"], beside["attempt"]) == (False, 1), "never beside itself"
    running = call(state_dir, label="once/late", collect=True, wait=False)
    assert (running["running"], running["changed"]) == (True, False)

    go.touch()
    collected = call(state_dir, label="once/late", collect=True)
    assert (collected["class"], collected["changed"]) == ("ok", False)
    assert collected["stdout"] == "done\n"


def test_waits_in_slices(state_dir: Path) -> None:
    done = call(state_dir, "/bin/sh", "-c", "sleep 2.5", label="once/slow", slice_seconds=0.5)
    assert (done["class"], done["changed"], done["attempt"]) == ("ok", True, 1)
    assert len(attempts(state_dir, label="once/slow")) == 1
    assert done["duration"] >= 2.5


def test_killed_with_its_runner(state_dir: Path) -> None:
    call(state_dir, "/bin/sleep", "60", label="once/k", wait=False)
    (attempt,) = attempts(state_dir, label="once/k")
    os.killpg(attempt.pid or 0, signal.SIGKILL)
    collected = eventually(
        lambda: gone(attempt.pid or 0) and call(state_dir, label="once/k", collect=True),
        timeout=20,
        what="the runner is gone",
    )
    assert (collected["failed"], collected["class"]) == (True, "infra")
    assert "vanished" in collected["message"]


def gone(pid: int) -> bool:
    """Ended; whether its new parent has collected it yet is another matter."""
    stat = read_stat(pid)
    return stat is None or stat.dead


def test_timeout_env_file_and_class_of_memory(state_dir: Path, tmp_path: Path) -> None:
    late = call(state_dir, "/bin/sleep", "60", label="once/t", timeout="1s")
    assert (late["class"], late["rc"]) == ("timeout", 124)
    secrets = tmp_path / "secrets.env"
    secrets.write_text("TOKEN='s3cret'\n")
    secrets.chmod(0o644)
    refused = call(state_dir, "/bin/true", label="once/e", env_file=str(secrets))
    assert (refused["class"], refused["rc"]) == ("infra", 121)
    assert "chmod 600" in refused["msg"]
    secrets.chmod(0o600)
    job = ["/bin/sh", "-c", 'test "$TOKEN" = s3cret']
    assert call(state_dir, *job, label="once/e", env_file=str(secrets))["class"] == "ok"
    for path in state_dir.rglob("*"):
        assert path.is_dir() or b"s3cret" not in path.read_bytes()


def test_memory(state_dir: Path) -> None:
    hog = python("import time\nheld = bytes(range(256)) * (300 << 12)\ntime.sleep(30)")
    seen = call(state_dir, *hog, label="once/m", memory="64M", cap="prefer")
    assert (seen["class"], seen["failed"], seen["cap_bytes"]) == ("oom_cap", True, 64 << 20)
    assert seen["enforcement"] == ("polled" if cap_scope.missing() else "cgroup")


@pytest.mark.skipif(cap_scope.missing() is None, reason="this host can cap")
def test_require_fails_closed(state_dir: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    seen = call(state_dir, "/usr/bin/touch", str(ran), label="once/r", memory="64M")
    assert (seen["failed"], seen["class"], seen["rc"]) == (True, "infra", 120)
    assert not ran.exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"label": "nofamily"}, "INV-8"),
        ({"label": "once/x", "chdir": "/no/such"}, "AP-11"),
        ({"label": "once/x", "memory": "lots"}, None),
    ],
)
def test_refusals_name_the_option(
    state_dir: Path, options: t.Dict[str, t.Any], said: t.Optional[str]
) -> None:
    result = call(state_dir, "/bin/true", **options)
    assert result["failed"] is True
    assert result.get("hazard") == said
    assert "Traceback" not in json.dumps(result)


def test_nothing_to_collect(state_dir: Path) -> None:
    result = call(state_dir, label="once/none", collect=True)
    assert result["failed"] is True
    assert "nothing to collect" in result["msg"]


def test_under_the_lease_of_another_nothing_is_installed(state_dir: Path) -> None:
    state_dir.mkdir()
    with Ledger.open(state_dir) as ledger:
        ledger.lease.take("anna", "deploy", 600.0)
    refused = call(state_dir, "/bin/true", label="once/a")
    assert refused["failed"] and refused["hazard"] == "INV-2"
    assert not (state_dir / "tool").exists()
