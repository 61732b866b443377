# SPDX-License-Identifier: GPL-3.0-or-later
"""One command beside any queue: when it is started, with which words, and what is told of it."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError
from ansible_collections.fleet.jobs.plugins.module_utils._host import process
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import once
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.spec import parse_job
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.attempts import Attempt


def wish(tmp_path: Path, **fields: t.Any) -> once.Wish:
    spec = parse_job({"label": "once/a", "command": ["job", "a b"], **fields.pop("job", {})})
    return once.Wish(spec=spec, key="once-1", state_dir=tmp_path, **fields)


def attempt(**fields: t.Any) -> Attempt:
    base = {"id": 1, "label": "once/a", "task_key": "once-0", "number": 1, "started": 100.0}
    return Attempt(**{**base, **fields})


OK = attempt(ended=110.0, class_="ok", exit_code=0)
FAILED = attempt(ended=110.0, class_="app", exit_code=3)
OPEN = attempt(pid=os.getpid(), boot_id=process.identity(os.getpid()))
DEAD = attempt(pid=os.getpid(), boot_id="another-boot:1:1")


@pytest.mark.parametrize(
    ("latest", "mine", "options", "starts"),
    [
        pytest.param(None, None, {}, True, id="never ran"),
        pytest.param(OK, None, {}, False, id="went well"),
        pytest.param(OK, None, {"rerun": True}, True, id="went well, again"),
        pytest.param(FAILED, None, {}, True, id="failed"),
        pytest.param(OPEN, None, {}, False, id="runs"),
        pytest.param(OPEN, None, {"rerun": True}, False, id="runs, and never twice at once"),
        pytest.param(DEAD, None, {}, True, id="died"),
        pytest.param(FAILED, FAILED, {}, False, id="this very start failed"),
        pytest.param(FAILED, FAILED, {"rerun": True}, False, id="this very start, asked again"),
        pytest.param(FAILED, None, {"collect": True}, False, id="collected"),
    ],
)
def test_plan(
    tmp_path: Path,
    latest: t.Optional[Attempt],
    mine: t.Optional[Attempt],
    options: t.Dict[str, bool],
    starts: bool,
) -> None:
    assert once.plan(once.Seen(latest=latest, mine=mine), wish(tmp_path, **options)) is starts


def test_nothing_to_collect(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="nothing to collect"):
        once.plan(once.Seen(latest=None, mine=None), wish(tmp_path, collect=True))


def test_words(tmp_path: Path) -> None:
    job = {"memory": "1G", "timeout": "2m", "chdir": "/srv", "env_file": "/srv/s.env"}
    words = once.command(wish(tmp_path, job=job, swap=5, env_file_shared=True), tool=Path("/t.py"))
    text = " ".join(words)
    assert words[-3:] == ["--", "job", "a b"]
    for part in (
        "/t.py run --label once/a --task once-1",
        f"--state-dir {tmp_path} --own-log --cap require",
        "--memory 1073741824 --swap 5 --timeout 120.0 --env-file /srv/s.env --chdir /srv",
        "--env-file-shared --",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("fields", "rc"),
    [
        ({"class_": "ok", "exit_code": 0}, 0),
        ({"class_": "app", "exit_code": 3}, 3),
        ({"class_": "timeout", "signal": 15}, 124),
        ({"class_": "oom_cap", "signal": 9}, 137),
        ({"class_": "killed", "signal": 15}, 143),
        ({"class_": "infra"}, 121),
    ],
)
def test_summary(fields: t.Dict[str, t.Any], rc: int) -> None:
    told = once.summary(attempt(ended=110.5, **fields), now=999.0)
    assert (told["rc"], told["duration"], told["running"]) == (rc, 10.5, False)
    running = once.summary(attempt(), now=130.0)
    assert (running["rc"], running["duration"], running["running"]) == (None, 30.0, True)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", ""),
        (b"short\n", "short\n"),
        (b"cut off\nwhole\n", "whole\n"),
        (b"0123456789abcdef", "6789abcdef"),
        (b"xx\xff\n", "xx\ufffd\n"),
    ],
)
def test_tail(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "log"
    path.write_bytes(content)
    assert once.tail(str(path), limit=10) == told
    assert once.tail(str(tmp_path / "missing")) == ""
    assert once.tail(None) == ""


def test_a_start_that_takes_too_long_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told that it did not start, somebody starts it again; then it must not come after all."""
    monkeypatch.setattr(once, "_START_SECONDS", 1.0)
    monkeypatch.setattr(once, "_prefixes", lambda _wish: [[]])
    slow = tmp_path / "slow.py"
    pid = tmp_path / "pid"
    slow.write_text(
        f"import os, time\nopen({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)\n"
    )
    with pytest.raises(FleetError, match="could not be started"):
        once.start(wish(tmp_path), tool=slow)
    assert process.identity(int(pid.read_text())) is None
