# SPDX-License-Identifier: GPL-3.0-or-later
"""AP-17: one phase's cleanup glob eats another phase's files.

Stopped by: ``pueue_queue_guarded`` intersects the globs of all ``artifacts``, also with jobs
that run already, and refuses.
"""

from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import Refused
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue

WRITER = (
    "echo b > tmp/b_1.part; touch begun; while ! test -e cleaned; do sleep 0.05; done; "
    "cat tmp/b_1.part"
)
CLEANER = "while ! test -e begun; do sleep 0.05; done; rm -f tmp/{}; touch cleaned"


@pytest.fixture
def queue(daemon):
    ready = GuardedQueue(daemon)
    (ready.work / "tmp").mkdir()
    with daemon.connect() as client:
        client.parallel("default", 2)
    return ready


def test_without_the_guard_the_other_phase_fails(queue):
    for label, text in (("b/1", WRITER), ("a/1", CLEANER.format("*.part"))):
        queue.daemon.cli(
            *("add", "--working-directory", str(queue.work), "--label", label, "--", text)
        )
    snapshot = queue.finished("a/1", "b/1")
    assert snapshot.latest()["b/1"].failed and snapshot.latest()["a/1"].ok


def test_the_guard_refuses_the_wide_glob_also_against_a_job_that_runs_already(queue):
    queue.pause()
    queue.queue(queue.job("b/1", WRITER, artifacts=["tmp/b_{key}.part"]))
    with pytest.raises(Refused) as error:
        queue.queue(queue.job("a/1", CLEANER.format("*.part"), artifacts=["tmp/*.part"]))
    assert error.value.hazard == "INV-9"
    assert "b/1" in error.value.message
    assert queue.tasks("a/1") == []


def test_a_glob_of_its_own_category_passes_and_both_succeed(queue):
    queue.queue(
        queue.job("b/1", WRITER, artifacts=["tmp/b_{key}.part"]),
        queue.job("a/1", CLEANER.format("a_*.part"), artifacts=["tmp/a_*.part"]),
    )
    snapshot = queue.finished("a/1", "b/1")
    assert all(task.ok for task in snapshot.tasks.values())
