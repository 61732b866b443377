# SPDX-License-Identifier: GPL-3.0-or-later
"""INV-2: queued again without a look at what runs; the same job is active twice.

Stopped by: ``pueue_queue_guarded`` skips a label that is active, and says so.
"""

from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue
from ansible_collections.fleet.jobs.tests.support.waiting import eventually


@pytest.fixture
def queue(daemon):
    with daemon.connect() as client:
        client.parallel("default", 2)
    return GuardedQueue(daemon)


def test_without_the_guard_the_job_runs_beside_itself(queue):
    for _unused in range(2):
        queue.add_stranger("bars/A", "sleep", "600")
    eventually(
        lambda: [task.status for task in queue.tasks("bars/A")] == ["Running", "Running"],
        timeout=30,
        what="both run",
    )
    assert set(queue.status().duplicates()) == {"bars/A"}


def test_the_guard_skips_it_and_says_so(queue):
    job = queue.job("bars/A", "sleep 600")
    assert queue.queue(job).queued
    eventually(
        lambda: queue.tasks("bars/A")[0].status == "Running", timeout=30, what="the job runs"
    )
    report = queue.queue(job)
    assert not report.queued and not report.actions
    (skip,) = report.skipped
    assert (skip.label, skip.why) == ("bars/A", "active") and "Running" in skip.found
    assert len(queue.tasks("bars/A")) == 1
