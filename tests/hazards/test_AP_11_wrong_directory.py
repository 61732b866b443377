# SPDX-License-Identifier: GPL-3.0-or-later
"""AP-11 (G-12): the job runs wherever the submitting session happened to be.

Stopped by: ``pueue_queue_guarded`` refuses a job whose ``chdir`` is missing, relative or does
not exist, before anything is queued.
"""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import Refused
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue


@pytest.fixture
def queue(daemon):
    return GuardedQueue(daemon)


def test_without_the_guard_the_job_runs_in_the_session_s_home(queue):
    # What ssh does: a session begins in the home directory.
    subprocess.run(
        ["pueue", "add", "--label", "bars/A", "--", "pwd > where.txt"],
        cwd=str(queue.daemon.home),
        env=queue.daemon.environ,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    assert queue.finished("bars/A").latest()["bars/A"].ok
    assert (queue.daemon.home / "where.txt").exists()
    assert not (queue.work / "where.txt").exists()


def test_without_the_guard_a_missing_directory_shows_at_the_start_only(queue):
    queue.daemon.cli("add", "--working-directory", str(queue.work), "--label", "bars/A", "-s", "x")
    queue.work.rmdir()
    queue.daemon.cli("enqueue", "0")
    assert queue.finished("bars/A").latest()["bars/A"].result == "FailedToSpawn"


@pytest.mark.parametrize("chdir", [None, "work", "./work", "/no/such/place"])
def test_the_guard_refuses_before_anything_is_queued(queue, chdir):
    with pytest.raises(Refused, match="chdir") as error:
        queue.queue({**queue.job("bars/A"), "chdir": chdir})
    assert error.value.hazard == "AP-11"
    assert not queue.status().tasks


def test_the_job_runs_where_it_says(queue):
    queue.queue(queue.job("bars/A", "pwd > where.txt"))
    queue.finished("bars/A")
    assert (queue.work / "where.txt").read_text().strip() == str(queue.work)
