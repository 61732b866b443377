# SPDX-License-Identifier: GPL-3.0-or-later
"""A line now and then while a call is under way, and none after it."""

from __future__ import annotations

import threading
import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.plugin_utils import _sign_of_life
from ansible_collections.fleet.jobs.tests.support.waiting import eventually


@pytest.fixture
def lines() -> t.List[str]:
    return []


def test_a_long_call_is_talked_about(lines: t.List[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sign_of_life, "EVERY_SECONDS", 0.01)
    with _sign_of_life.sign_of_life(lines.append, "[alpha] waiting for a wheel"):
        eventually(lambda: len(lines) > 2, timeout=20, what="three lines")
    said = len(lines)
    assert lines[0].startswith("[alpha] waiting for a wheel (")
    assert threading.active_count() == 1 and len(lines) == said


def test_a_short_call_is_not(lines: t.List[str]) -> None:
    with _sign_of_life.sign_of_life(lines.append, "a look"):
        pass
    assert lines == [] and threading.active_count() == 1


def test_it_is_over_after_a_failure_too(lines: t.List[str]) -> None:
    with pytest.raises(KeyError), _sign_of_life.sign_of_life(lines.append, "a look"):
        raise KeyError
    assert threading.active_count() == 1


def test_nobody_waits_a_minute_for_a_line() -> None:
    assert _sign_of_life.EVERY_SECONDS <= 50
