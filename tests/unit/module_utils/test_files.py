# SPDX-License-Identifier: GPL-3.0-or-later
"""What is flushed, and what may be in the way of it."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils import _files


def test_files_and_their_folders_are_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: t.List[str] = []
    monkeypatch.setattr(os, "fsync", lambda fd: flushed.append(os.readlink(f"/proc/self/fd/{fd}")))
    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    (folder / "file").touch()
    (folder / "link").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    names = ("file", "link", "below", "pipe", "gone", "gone/too", "file/in-a-file")
    _files.flush(folder / name for name in names)
    assert {str(folder / "file"), str(folder), str(folder / "below")} <= set(flushed)
    assert len(flushed) == len(set(flushed))


def test_an_error_of_the_disk_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_handle: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="Input/output"):
        _files.flush([tmp_path / "file"])
