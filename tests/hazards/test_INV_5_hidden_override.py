# SPDX-License-Identifier: GPL-3.0-or-later
"""INV-5: a per-job environment prefix changes the configuration past review.

Stopped by: ``pueue_queue_guarded`` refuses every form of the prefix; an ``override`` is open
and recorded.
"""

from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import Refused
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue

SAY = 'echo "${THREADS:-default}" > threads.txt'


@pytest.fixture
def queue(daemon):
    return GuardedQueue(daemon)


def test_without_the_guard_the_prefix_wins_and_nobody_is_told(queue):
    queue.daemon.cli(
        *("add", "--working-directory", str(queue.work), "--label", "bars/A"),
        *("--", f"env THREADS=64 sh -c '{SAY}'"),
    )
    assert queue.finished("bars/A").latest()["bars/A"].ok
    assert (queue.work / "threads.txt").read_text() == "64\n"


@pytest.mark.parametrize(
    "command",
    [
        {"command": ["env", "THREADS=64", "job"]},
        {"shell": "THREADS=64 job"},
        {"shell": "cd /data && env THREADS=64 job"},
        {"command": ["sh", "-c", "export THREADS=64; job"]},
    ],
)
def test_the_guard_refuses_every_form_of_it(queue, command):
    job = {"label": "bars/A", "chdir": str(queue.work), **command}
    with pytest.raises(Refused, match="THREADS") as error:
        queue.queue(job)
    assert error.value.hazard == "INV-5"
    assert not queue.status().tasks


def test_an_open_override_reaches_the_job_and_is_recorded(queue):
    queue.queue(queue.job("bars/A", SAY, overrides={"THREADS": "64"}))
    queue.finished("bars/A")
    assert (queue.work / "threads.txt").read_text() == "64\n"
    with queue.instance.ledger(read_only=True) as ledger:
        assert ledger.submissions.job_of("bars/A").overrides == {"THREADS": "64"}
