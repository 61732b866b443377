# SPDX-License-Identifier: GPL-3.0-or-later
"""INV-8: a remembered task id belongs to another job by the time it is used.

Stopped by: dependencies are given by label, and resolved under the lock.
"""

from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue


@pytest.fixture
def queue(daemon):
    ready = GuardedQueue(daemon)
    ready.pause()
    return ready


def test_without_the_guard_the_dependant_waits_for_the_wrong_job(queue):
    remembered = queue.add_stranger("fetch/A")
    queue.daemon.cli("remove", str(remembered))
    queue.add_stranger("other/X")
    queue.add_stranger("fetch/A")
    queue.daemon.cli("add", "--label", "bars/A", "--after", str(remembered), "--", "true")
    snapshot = queue.status()
    (parent,) = snapshot.latest()["bars/A"].dependencies
    assert snapshot.tasks[parent].label == "other/X"


def test_the_guard_knows_parents_by_label_only(queue):
    first = queue.queue(queue.job("fetch/A")).queued["fetch/A"]
    queue.daemon.cli("remove", str(first))
    queue.add_stranger("other/X")
    queue.queue(queue.job("fetch/A"))
    queue.queue(queue.job("bars/A", after=["fetch/A"]))
    snapshot = queue.status()
    (parent,) = snapshot.latest()["bars/A"].dependencies
    assert parent != first and snapshot.tasks[parent].label == "fetch/A"
