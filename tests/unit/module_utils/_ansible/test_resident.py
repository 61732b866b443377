# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that an audit leaves behind leaves no socket where there is none of it."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._ansible import resident

SECONDS = 20.0


def _no_room() -> int:
    raise OSError(errno.EAGAIN, "Resource temporarily unavailable")


def test_a_fork_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resident.os, "fork", _no_room)
    resident.stay(str(tmp_path), "waiting-abc", mark="m", seconds=SECONDS)
    assert os.listdir(tmp_path) == []


def test_what_the_killed_left_goes_and_who_waits_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, age in (("waiting-dead", 600.0), ("waiting-live", 5.0), ("cpython-311-1", 600.0)):
        path = tmp_path / name
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
            one.bind(str(path))
        moment = path.stat().st_mtime - age
        os.utime(path, (moment, moment))
    monkeypatch.setattr(resident.os, "fork", _no_room)
    resident.stay(str(tmp_path), "waiting-new", mark="m", seconds=SECONDS)
    assert sorted(os.listdir(tmp_path)) == ["cpython-311-1", "waiting-live"]
