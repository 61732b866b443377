# SPDX-License-Identifier: GPL-3.0-or-later
"""G-12: a relative command means whatever lies where the submitting session stands.

Stopped by: ``chdir`` is required, and a relative command is looked up there.
"""

from __future__ import annotations

import os
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue


@pytest.fixture
def queue(daemon: PrivateDaemon) -> GuardedQueue:
    """The project's script, and one of the same name that somebody left in the home."""
    ready = GuardedQueue(daemon)
    for folder, text in ((ready.work, "project"), (daemon.home, "forgotten")):
        script = folder / "run.sh"
        script.write_text(f"#!/bin/sh\necho {text} > {ready.work}/answer\n")
        script.chmod(0o755)
    return ready


@pytest.fixture
def from_home(queue: GuardedQueue) -> t.Iterator[None]:
    """What ssh does: the session stands in the home directory."""
    before = Path.cwd()
    os.chdir(queue.daemon.home)
    yield
    os.chdir(before)


def _answer(queue: GuardedQueue) -> str:
    assert queue.finished("bars/A").latest()["bars/A"].ok
    return (queue.work / "answer").read_text().strip()


@pytest.mark.usefixtures("from_home")
def test_without_the_guard_the_forgotten_copy_runs_and_all_looks_well(queue: GuardedQueue) -> None:
    subprocess.run(
        ["pueue", "add", "--label", "bars/A", "--", "./run.sh"],
        env=queue.daemon.environ,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    assert _answer(queue) == "forgotten"


@pytest.mark.usefixtures("from_home")
def test_the_guard_runs_it_where_the_job_says(queue: GuardedQueue) -> None:
    job = {"label": "bars/A", "command": ["./run.sh"], "chdir": str(queue.work)}
    queue.queue(job)
    assert _answer(queue) == "project"
    (task,) = queue.tasks("bars/A")
    assert task.path == str(queue.work)
