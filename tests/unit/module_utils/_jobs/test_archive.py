# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs that outlive pueue's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._jobs import archive


def test_each_attempt_has_its_place(tmp_path: Path) -> None:
    first = archive.place(tmp_path, "a/1", number=1, ended=5.0)
    assert first != archive.place(tmp_path, "a/1", number=2, ended=5.0)
    assert first.parent != archive.place(tmp_path, "a_1", number=1, ended=5.0).parent
    assert archive.place(tmp_path, "a/1", number=None, ended=5.4).name == "unrecorded-5.log"


def test_a_copy_does_not_follow_the_log(tmp_path: Path) -> None:
    log, kept = tmp_path / "0.log", tmp_path / "logs" / "a" / "1.log"
    log.write_text("first")
    assert archive.keep_copy(log, kept)
    log.write_text("second")
    assert kept.read_text() == "first" and kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in kept.parent.iterdir()] == ["1.log"]


def test_a_log_that_is_gone_is_no_error(tmp_path: Path) -> None:
    kept = tmp_path / "logs" / "a" / "1.log"
    assert not archive.keep_copy(tmp_path / "none", kept)
    assert not archive.keep_file(tmp_path / "none", kept)
    assert not kept.exists()


def test_of_a_huge_log_the_end_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_BYTES", 4)
    log, kept = tmp_path / "0.log", tmp_path / "logs" / "1.log"
    log.write_bytes(b"0123456789")
    for keep in (archive.keep_copy, archive.keep_file):
        assert keep(log, kept)
        assert kept.read_bytes() == b"[the first 6 bytes were left out]\n6789"


def test_a_log_about_to_be_deleted_is_kept_without_a_copy(tmp_path: Path) -> None:
    log, kept = tmp_path / "0.log", tmp_path / "logs" / "1.log"
    log.write_text("text")
    assert archive.keep_file(log, kept) and archive.keep_file(log, kept)
    assert kept.stat().st_ino == log.stat().st_ino
    assert archive.keep_copy(log, kept)
    assert kept.stat().st_ino != log.stat().st_ino and kept.read_text() == "text"


def test_pruning_keeps_the_newest(tmp_path: Path) -> None:
    folder = archive.folder(tmp_path, "a/1")
    folder.mkdir(parents=True)
    for number in range(4):
        path = folder / f"{number}.log"
        path.write_text("text")
        os.utime(path, (number, number))
    assert len(archive.prune(tmp_path, "a/1", keep=3)) == 1
    assert sorted(path.name for path in folder.iterdir()) == ["1.log", "2.log", "3.log"]
    assert len(archive.prune(tmp_path, "a/1", keep=0)) == 3
    assert not folder.exists() and archive.prune(tmp_path, "a/1", keep=0) == []
