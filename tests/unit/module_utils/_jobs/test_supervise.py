# SPDX-License-Identifier: GPL-3.0-or-later
"""The child that could not be made; everything else is tested with real jobs in test_runner."""

from __future__ import annotations

import errno
import os
import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._host.cap_report import Strategy
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.supervise import Command, supervise


def test_no_process_left_is_an_answer_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", refuse)
    before = set(os.listdir("/proc/self/fd"))
    ended = supervise(Command(argv=["/bin/true"], environ={}), cap=t.cast(Strategy, None))
    assert ended.spawn_error is not None
    assert (ended.spawn_error.errno, ended.spawn_error.filename) == (errno.EAGAIN, "/bin/true")
    assert set(os.listdir("/proc/self/fd")) == before
