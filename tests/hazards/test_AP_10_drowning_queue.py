# SPDX-License-Identifier: GPL-3.0-or-later
"""AP-10: a state file that grows without a word, and makes every change slower.

Stopped by: ``pueue_queue_guarded`` warns at 10 MB of state file, refuses at 50 MB and at its
number of tasks, and names ``pueue_clean``.
"""

from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import Refused
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.floor import (
    REFUSE_STATE_BYTES,
    WARN_STATE_BYTES,
)
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.client import AddRequest
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue

LARGE = 6 << 20


@pytest.fixture
def queue(daemon):
    return GuardedQueue(daemon)


def fill(queue, number):
    """Finished tasks as big as many of them would be together: the environment does it."""
    with queue.daemon.connect(timeout=60) as client:
        for one in range(number):
            client.add(AddRequest("true", "/", label=f"old/{one}", envs={"BIG": "x" * LARGE}))
    queue.finished(*(f"old/{one}" for one in range(number)))
    return queue.daemon.config.state_file.stat().st_size


def test_without_the_guard_pueue_takes_more_and_more_without_a_word(queue):
    size = fill(queue, 9)
    assert size > REFUSE_STATE_BYTES
    done = queue.daemon.cli("add", "--label", "bars/A", "--", "true")
    assert "state" not in (done.stdout + done.stderr).lower()
    # Each single change rewrites all of it.
    assert queue.daemon.config.state_file.stat().st_size > size


def test_the_guard_warns_then_refuses_and_names_the_way_out(queue):
    assert WARN_STATE_BYTES < fill(queue, 3) < REFUSE_STATE_BYTES
    report = queue.queue(queue.job("bars/A"))
    assert report.queued and any("AP-10" in warning for warning in report.warnings)
    fill(queue, 9)
    with pytest.raises(Refused, match="pueue_clean") as error:
        queue.queue(queue.job("bars/B"))
    assert error.value.hazard == "AP-10"
    queue.daemon.cli("clean")
    assert queue.queue(queue.job("bars/B")).queued


def test_the_number_of_tasks_is_bounded_too(queue):
    queue.pause()
    queue.queue(*(queue.job(f"bars/{n}") for n in range(30)), max_tasks=40)
    with pytest.raises(Refused, match="max_tasks is 40") as error:
        queue.queue(*(queue.job(f"more/{n}") for n in range(11)), max_tasks=40)
    assert error.value.hazard == "AP-10"
    assert len(queue.status().tasks) == 30
