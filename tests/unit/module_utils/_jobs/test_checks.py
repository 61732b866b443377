# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of a set against the queue that no real queue is needed for."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.fleet.jobs.plugins.module_utils._jobs import checks
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.spec import parse_job
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.task_command import Tool
from ansible_collections.fleet.jobs.tests.support.queues import snapshot, task


def test_a_parent_that_has_ended_makes_no_circle() -> None:
    """b runs after the old task of a; a new a after b is a line, not a circle."""
    again = {"label": "a/1", "command": ["true"], "chdir": "/srv", "artifacts": ["out/{key}"]}
    scene = checks.Scene(
        specs=[parse_job({**again, "after": ["b/1"]})],
        snapshot=snapshot(task(1, "a/1", "Success"), task(2, "b/1", "Running", after=[1])),
        standings={},
        running=(),
        spent={},
        tool=Tool(path=Path("/tool"), state_dir=Path("/state"), cap="none"),
        environ={},
        per_label_budget=3,
    )
    assert checks._graph(scene) == []
