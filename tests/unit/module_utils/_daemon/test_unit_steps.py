# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs around pueued: a copy of the queue, no empty one for a damaged one, groups resumed."""

from __future__ import annotations

import gzip
import json
import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._daemon import unit_steps

TASK = {"id": 0, "status": {"Queued": {"enqueued_at": "x"}}}


def _state(**groups: str) -> str:
    listed = {name: {"status": status, "parallel_tasks": 1} for name, status in groups.items()}
    return json.dumps({"tasks": {"0": TASK}, "groups": listed})


@pytest.fixture
def place(tmp_path: Path) -> t.Dict[str, Path]:
    return {
        "state": tmp_path / "pueue" / "state.json",
        "notes": tmp_path / "notes",
        "pid": tmp_path / "run" / "pueue.pid",
    }


def _step(name: str, place: t.Mapping[str, Path], *more: str) -> int:
    words = ["--state-file", str(place["state"]), "--notes", str(place["notes"])]
    # The program sets its own; the tests after this one must not inherit that.
    old = os.umask(0o022)
    try:
        return unit_steps.main([name, *words, *more])
    finally:
        os.umask(old)


def _before(place: t.Mapping[str, Path]) -> int:
    folders = [str(place["state"].parent), str(place["pid"].parent)]
    named = [word for folder in folders for word in ("--directory", folder)]
    return _step("before", place, "--pid-file", str(place["pid"]), *named)


def _copies(place: t.Mapping[str, Path]) -> t.List[str]:
    return [path.read_text() for path in sorted((place["notes"] / "state").glob("state-*"))]


def _names(place: t.Mapping[str, Path], name: str) -> t.Any:
    path = place["notes"] / name
    return json.loads(path.read_text()) if path.exists() else None


def test_first_start_makes_private_folders(place: t.Dict[str, Path]) -> None:
    assert _before(place) == 0
    assert place["state"].parent.stat().st_mode & 0o777 == 0o700
    assert _copies(place) == []


def test_copies_are_bounded_and_not_repeated(place: t.Dict[str, Path]) -> None:
    assert _before(place) == 0
    for number in range(unit_steps.KEPT + 3):
        place["state"].write_text(_state(**{f"g{number}": "Running"}))
        assert _before(place) == 0
        assert _before(place) == 0
    texts = _copies(place)
    assert len(texts) == unit_steps.KEPT
    assert texts[-1] == place["state"].read_text() and len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"tasks": {}, "groups": []}',
        json.dumps(
            {"tasks": {"0": {"status": "Queued", "prev_status": "x"}}, "groups": {}}
        ).encode(),
        b"\xff\xfe",
    ],
)
def test_what_pueued_would_replace_is_not_handed_to_it(
    place: t.Dict[str, Path], content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    place["state"].parent.mkdir()
    place["state"].write_bytes(content)
    assert _before(place) == unit_steps.REFUSED
    assert place["state"].read_bytes() == content and _copies(place) == []
    assert str(place["notes"] / "state") in capsys.readouterr().err


def test_compressed(place: t.Dict[str, Path]) -> None:
    place["state"] = place["state"].with_name("state.json.gz")
    place["state"].parent.mkdir()
    place["state"].write_bytes(gzip.compress(_state(a="Running").encode()))
    torn = Path(f"{place['state']}.partial")
    torn.write_bytes(b"x")
    assert _before(place) == 0 and not torn.exists()
    assert _names(place, "to-resume.json") == ["a"]
    place["state"].write_bytes(place["state"].read_bytes()[:-9])
    assert _before(place) == unit_steps.REFUSED


@pytest.mark.parametrize(("text", "stays"), [("1", False), ("no number", False), ("", False)])
def test_a_pid_file_of_something_else_goes(
    place: t.Dict[str, Path], text: str, stays: bool
) -> None:
    place["pid"].parent.mkdir()
    place["pid"].write_text(text)
    assert _before(place) == 0
    assert place["pid"].exists() is stays


def test_a_pid_file_of_a_pueued_stays(place: t.Dict[str, Path], tmp_path: Path) -> None:
    place["pid"].parent.mkdir()
    place["pid"].write_text("77\n")
    (tmp_path / "proc" / "77").mkdir(parents=True)
    (tmp_path / "proc" / "77" / "comm").write_text("pueued\n")
    unit_steps.forget_stale_pid(place["pid"], proc=tmp_path / "proc")
    assert place["pid"].exists()


def test_a_crash_resumes_by_the_file_and_a_stop_by_its_note(place: t.Dict[str, Path]) -> None:
    place["state"].parent.mkdir()
    place["state"].write_text(_state(a="Running", b="Paused"))
    _before(place)
    assert _names(place, "to-resume.json") == ["a"]
    place["notes"].joinpath("to-resume.json").unlink()
    _step("stop", place)
    # pueued's own last save calls everything with queued tasks paused.
    place["state"].write_text(_state(a="Paused", b="Paused"))
    _before(place)
    assert _names(place, "to-resume.json") == ["a"]
    assert _names(place, "running-at-stop.json") is None
    # A second crash before anything was resumed must not forget it.
    _before(place)
    assert _names(place, "to-resume.json") == ["a"]


def test_started_resumes_only_what_was_planned_and_is_paused(
    place: t.Dict[str, Path], tmp_path: Path
) -> None:
    groups = {
        name: {"status": status}
        for name, status in {"a": "Paused", "b": "Paused", "c": "Running"}.items()
    }
    program = tmp_path / "pueue"
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n'
        f"[ $1 != group ] || echo '{json.dumps(groups)}'\n"
    )
    program.chmod(0o755)
    place["notes"].mkdir()
    (place["notes"] / "to-resume.json").write_text('["a", "c", "gone"]')
    assert _step("started", place, "--pueue", str(program)) == 0
    assert (tmp_path / "calls").read_text() == "group --json\nstart --group a\n"
    assert _names(place, "to-resume.json") is None


def test_a_daemon_that_does_not_answer_keeps_the_plan(
    place: t.Dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit_steps, "_ANSWER_SECONDS", 0.3)
    place["notes"].mkdir()
    (place["notes"] / "to-resume.json").write_text('["a"]')
    assert _step("started", place, "--pueue", "/bin/false", "--config", "x") == 0
    assert _names(place, "to-resume.json") == ["a"]
