# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests: pueue's form, and a refusal of what pueued would take and burn."""

from __future__ import annotations

import dataclasses
import typing as t
from datetime import datetime, timezone

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import Refused
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.requests import (
    COMMAND_BYTES,
    AddRequest,
    RestartItem,
    wire_signal,
)

ADD = AddRequest(command="job", path="/data", label="bars/a")


def test_an_add_has_every_field_pueue_insists_on() -> None:
    request = dataclasses.replace(
        ADD,
        envs={"PATH": "/bin"},
        stashed=True,
        dependencies=(1, 2),
        enqueue_at=datetime(2026, 7, 18, 12, 0, tzinfo=timezone.utc),
        priority=-3,
    )
    assert request.wire() == {
        "Add": {
            "command": "job",
            "path": "/data",
            "envs": {"PATH": "/bin"},
            "start_immediately": False,
            "stashed": True,
            "group": "default",
            "enqueue_at": "2026-07-18T12:00:00Z",
            "dependencies": [1, 2],
            "priority": -3,
            "label": "bars/a",
        }
    }


def test_a_restart_resends_what_pueued_would_drop() -> None:
    item = RestartItem(task_id=3, command="job", path="/data", label="bars/a", priority=1)
    assert item.wire() == {
        "task_id": 3,
        "original_command": "job",
        "path": "/data",
        "label": "bars/a",
        "priority": 1,
    }


@pytest.mark.parametrize(
    ("change", "words", "hazard"),
    [
        ({"path": "data"}, "not absolute", "AP-11"),
        ({"path": "~/data"}, "not absolute", "AP-11"),
        ({"path": ""}, "not absolute", "AP-11"),
        ({"path": "/a\0b"}, "working directory", "AP-11"),
        ({"command": ""}, "empty", None),
        ({"command": " \n"}, "empty", None),
        ({"command": "a\0b"}, "NUL", None),
        ({"command": "a" * (COMMAND_BYTES + 1)}, "131071 bytes", None),
        ({"command": "é" * (COMMAND_BYTES // 2 + 1)}, "131071 bytes", None),
        ({"envs": {"A=B": "c"}}, "'A=B'", None),
        ({"envs": {"": "c"}}, "''", None),
        ({"envs": {"A": "b\0"}}, "'A'", None),
    ],
)
def test_what_could_never_run_is_refused(
    change: t.Dict[str, t.Any], words: str, hazard: t.Optional[str]
) -> None:
    with pytest.raises(Refused) as caught:
        dataclasses.replace(ADD, **change).wire()
    assert words in str(caught.value)
    assert '"bars/a"' in str(caught.value)
    assert caught.value.hazard == hazard


def test_a_command_of_the_largest_size_is_accepted() -> None:
    assert dataclasses.replace(ADD, command="a" * COMMAND_BYTES).wire()


@pytest.mark.parametrize("name", ["TERM", "SIGTERM", "SigTerm", "term"])
def test_signals_have_many_spellings(name: str) -> None:
    assert wire_signal(name) == "SigTerm"


def test_other_signals_are_refused() -> None:
    assert wire_signal(None) is None
    with pytest.raises(Refused, match="INT, KILL, TERM, CONT, STOP"):
        wire_signal("HUP")
