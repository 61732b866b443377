# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files nobody needs any more."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._jobs import tidy

LIMIT = 1000.0


def make(state_dir: Path, ages: t.Mapping[str, float]) -> None:
    for name, age in ages.items():
        path = state_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.startswith("code/"):
            path.mkdir()
            (path / "file").write_text("")
        else:
            path.write_text("")
        os.utime(str(path), (age, age))


@pytest.mark.parametrize(
    ("ages", "gone"),
    [
        pytest.param({"1": 10, "2": 20}, ["1"], id="the-newest-stays-however-old"),
        pytest.param({"1": 10, "2": 20, "3": 5000}, ["1", "2"], id="only-old-ones"),
        pytest.param({"1": 2000, "2": 5000}, [], id="none-is-old"),
        # A second name for pueue's log has its time, which may be that of a long wait.
        pytest.param({"9": 30, "10": 20}, [], id="highest-number-and-newest-file"),
        pytest.param({"9": 30, "10": 20, "8": 1}, ["8"], id="below-both"),
        pytest.param({"unrecorded-7": 7, "3": 5}, [], id="one-without-a-number"),
        pytest.param({"unrecorded-7": 7, "unrecorded-5": 5}, ["unrecorded-5"], id="no-numbers"),
    ],
)
def test_logs(tmp_path: Path, ages: t.Mapping[str, float], gone: t.Sequence[str]) -> None:
    make(tmp_path, {f"logs/a/{name}.log": age for name, age in ages.items()})
    make(tmp_path, {"logs/b/1.log": 1.0})
    found = tidy.old_logs(tmp_path, before=LIMIT)
    assert [path.stem for path in found] == gone


def test_what_was_left_half_copied_goes(tmp_path: Path) -> None:
    make(tmp_path, {"logs/a/1.log": 5.0, "logs/a/.1.log.part": 5.0})
    assert [path.name for path in tidy.old_logs(tmp_path, before=LIMIT)] == [".1.log.part"]


def test_copies_of_the_state(tmp_path: Path) -> None:
    make(tmp_path, {f"daemon/state/state-{age}": float(age) for age in (1, 2, 3)})
    found = tidy.old_copies(tmp_path, before=LIMIT)
    assert [path.name for path in found] == ["state-1", "state-2"]


def test_code(tmp_path: Path) -> None:
    ages = {"code/old": 1.0, "code/newer": 2.0, "code/.new-left": 3.0}
    make(tmp_path, ages)
    found = tidy.old_code(tmp_path, before=LIMIT)
    assert sorted(path.name for path in found) == [".new-left", "old"]
    make(tmp_path, {"code/fresh": 5000.0})
    assert len(tidy.old_code(tmp_path, before=LIMIT)) == 3


def test_nothing_is_there(tmp_path: Path) -> None:
    for found in (tidy.old_logs, tidy.old_copies, tidy.old_code):
        assert found(tmp_path / "none", before=LIMIT) == []


def test_a_link_is_never_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "1.log").write_text("")
    (tmp_path / "state" / "code").mkdir(parents=True)
    (tmp_path / "state" / "code" / "linked").symlink_to(tmp_path / "precious")
    make(tmp_path / "state", {"code/newest": 5e9})
    for path in tidy.old_code(tmp_path / "state", before=4e9):
        tidy.delete(path)
    assert (tmp_path / "precious" / "1.log").exists()


def test_sentences() -> None:
    report = tidy.Report(removed=1, logs=[Path("a"), Path("b")], copies=[Path("c")])
    assert tidy.sentences(report, tidy.Wish(tasks=0.0, files=14 * tidy.DAY)) == [
        "Forget 1 finished task.",
        "Delete 2 archived logs older than 14 days.",
        "Delete 1 saved state older than 14 days.",
    ]
    assert tidy.sentences(tidy.Report(), tidy.Wish(tasks=0.0, files=0.0)) == []
