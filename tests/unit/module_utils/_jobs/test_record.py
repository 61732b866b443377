# SPDX-License-Identifier: GPL-3.0-or-later
"""Spooled attempts: written once whatever dies in between, and seen before they are merged."""

from __future__ import annotations

import os
import shutil
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._jobs import record
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.attempts_view import with_spooled
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.attempts import Attempt
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.store import Ledger

BEGINNING = record.Beginning("unit/a", "key-1", 100.25, 7, "boot:7:1", enforcement="polled")
ENDING = record.Ending("app", 110.0, exit_code=3)


@pytest.fixture
def state_dir(tmp_path: Path) -> t.Iterator[Path]:
    yield tmp_path
    for folder in record._folders(tmp_path)[1:]:
        shutil.rmtree(str(folder), ignore_errors=True)


def spool(state_dir: Path, beginning: record.Beginning) -> None:
    record._spool(state_dir, record.Begun(beginning), ENDING, why="a test")


def history(state_dir: Path) -> t.List[Attempt]:
    with Ledger.open(state_dir, read_only=True) as ledger:
        return ledger.attempts.history("unit/a")


def test_a_merge_that_was_killed_before_the_delete_is_no_second_attempt(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool(state_dir, BEGINNING)
    with monkeypatch.context() as patched:
        patched.setattr(record, "remove", lambda _path: os.strerror(0))
        assert record.merge(state_dir) == 1
    assert record.merge(state_dir) == 1, "the file is still there"
    assert [(one.number, one.class_) for one in history(state_dir)] == [(1, "app")]
    assert record.merge(state_dir) == 0


def test_what_waits_is_seen_before_it_is_merged(state_dir: Path) -> None:
    begun = record.begin(state_dir, BEGINNING)
    later = replace(BEGINNING, started=200.5)
    spool(state_dir, later)
    spool(state_dir, replace(BEGINNING, label="unit/b", started=150.0))
    spool(state_dir, BEGINNING)
    assert begun.number == 1
    spooled = record.spooled(state_dir, "unit/a")
    seen = with_spooled(history(state_dir), spooled)
    assert [(one.number, one.class_, one.started) for one in seen] == [
        (1, "app", 100.25),
        (2, "app", 200.5),
    ]
    assert [one.enforcement for one in seen] == ["polled", "polled"]
    record.merge(state_dir)
    merged = history(state_dir)
    assert [replace(one, id=0) for one in merged] == [replace(one, id=0) for one in seen]
    assert with_spooled(merged, spooled) == merged, "also when it was merged in between"
