# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables, tails and meanings of the reading commands."""

from __future__ import annotations

import io
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._jobs.classes import CLASSES
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.attempts import Attempt
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.snapshot import Task
from ansible_collections.fleet.jobs.plugins.module_utils._tool import (
    logs,
    meaning,
    place,
    sight,
    table,
    why,
)


def test_every_class_has_a_meaning() -> None:
    assert meaning.known() == {*CLASSES, meaning.RUNNING}
    for name in meaning.known():
        for sentence in meaning.meaning(name):
            assert sentence.endswith(".")
    assert meaning.meaning("something new") == meaning.meaning("unknown")


def test_a_table_lines_up() -> None:
    text = table.table(["label", "jobs", "why"], [["a/1", 5, None], ["b/1000", 12, "x"]])
    assert text.splitlines() == ["label   jobs  why", "a/1        5  -", "b/1000    12  x"]
    assert table.table(["label"], []) == ""


def test_a_table_keeps_control_characters_from_the_terminal() -> None:
    assert "\x1b" not in table.table(["label"], [["a/\x1b[31mred"]])


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "-"),
        (0.04, "0.0s"),
        (9.94, "9.9s"),
        (59.9, "59s"),
        (75.2, "1m15s"),
        (7384, "2h03m"),
        (90000, "1d01h"),
    ],
)
def test_durations(seconds: t.Optional[float], words: str) -> None:
    assert table.duration(seconds) == words


@pytest.mark.parametrize("text", ["", "\n", "one", "one\n", "one\ntwo\nthree\n", "one\ntwo"])
@pytest.mark.parametrize("lines", [0, 1, 2, 3, 9])
@pytest.mark.parametrize("block", [1, 4, 65536])
def test_the_tail_is_the_last_lines(
    text: str, lines: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_BLOCK", block)
    stream = io.BytesIO(text.encode())
    stream.seek(logs.tail_offset(stream, lines))
    wanted = text.splitlines(keepends=True)[-lines:] if lines else []
    assert stream.read().decode() == "".join(wanted)


def test_the_tool_knows_its_state_directory(tmp_path: Path) -> None:
    tool = tmp_path / "state" / "tool" / "fleet-jobs-0123.py"
    tool.parent.mkdir(parents=True)
    tool.write_bytes(b"")
    link = tmp_path / "fleet-jobs"
    link.symlink_to(tool)
    assert place.own_state_dir(tool) == place.own_state_dir(link) == str(tmp_path / "state")
    assert place.own_state_dir(tmp_path / "elsewhere" / "__main__.py") is None


def task(status: str, result: t.Optional[str] = None, *, started: t.Optional[float] = None) -> Task:
    return Task(
        id=0,
        label="a/1",
        group="default",
        status=status,
        result=result,
        exit_code=None,
        command="true",
        path="/",
        priority=0,
        dependencies=(),
        created_at="2026-01-01T00:00:00Z",
        created=0.0,
        enqueued=None,
        started=started,
        ended=None,
        enqueue_at=None,
        marker={"FLEET_JOBS_TASK": "k"},
    )


FAILED = Attempt(*(1, "a/1", "k", 1, 100.0), ended=101.0, class_="app", exit_code=2, message="two")
OPEN = Attempt(1, "a/1", "k", 1, 100.0)


@pytest.mark.parametrize(
    ("attempt", "now", "task_class", "expected"),
    [
        pytest.param(FAILED, None, None, "app", id="only-the-ledger-knows"),
        pytest.param(FAILED, task("Done", "Failed", started=100.0), "app", "app", id="this-run"),
        pytest.param(FAILED, task("Queued"), None, "app", id="queued-again"),
        pytest.param(FAILED, task("Running", started=500.0), None, "running", id="runs-again"),
        pytest.param(
            FAILED, task("Done", "DependencyFailed"), "dependency", "dependency", id="dependency"
        ),
        pytest.param(FAILED, task("Done", "Success", started=500.0), None, "ok", id="stranger-ok"),
        pytest.param(
            OPEN, task("Done", "Killed", started=100.0), "infra", "infra", id="runner-gone"
        ),
        pytest.param(OPEN, None, None, "unknown", id="nothing-known"),
        pytest.param(None, task("Queued"), None, None, id="never-ran"),
        pytest.param(None, task("Running", started=1.0), None, "running", id="unrecorded"),
    ],
)
def test_the_run_that_counts(
    attempt: t.Optional[Attempt],
    now: t.Optional[Task],
    task_class: t.Optional[str],
    expected: t.Optional[str],
) -> None:
    attempts = (attempt,) if attempt else ()
    assert why.verdict(sight.Sight("a/1", attempts, now, task_class, None)) == expected
