# SPDX-License-Identifier: GPL-3.0-or-later
"""AP-2: the checkpoint's name misses a parameter; one job deletes the other one's checkpoint.

Stopped by: ``pueue_queue_guarded`` refuses two jobs that claim one checkpoint and could run at
once.
"""

from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import Refused
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue

# 100 writes its checkpoint, 250 starts over and deletes "its own", 100 wants to go on from it.
LOSER = "echo 7 > {0}; touch saved; while ! test -e gone; do sleep 0.05; done; cat {0}"
DELETER = "while ! test -e saved; do sleep 0.05; done; rm -f {0}; touch gone"


@pytest.fixture
def queue(daemon):
    with daemon.connect() as client:
        client.parallel("default", 2)
    return GuardedQueue(daemon)


def jobs(queue, template):
    return [
        queue.job(
            f"bars/A@{threshold}",
            text.format(template.format(symbol="A", threshold=threshold)),
            params={"symbol": "A", "threshold": threshold},
            artifacts=[template],
        )
        for threshold, text in ((100, LOSER), (250, DELETER))
    ]


def test_without_the_guard_the_checkpoint_is_gone(queue):
    for job in jobs(queue, "{symbol}.checkpoint"):
        queue.daemon.cli(
            *("add", "--working-directory", str(queue.work), "--label", job["label"]),
            *("--", job["shell"]),
        )
    snapshot = queue.finished("bars/A@100", "bars/A@250")
    assert snapshot.latest()["bars/A@100"].failed


def test_the_guard_refuses_the_shared_checkpoint(queue):
    with pytest.raises(Refused, match="threshold") as error:
        queue.queue(*jobs(queue, "{symbol}.checkpoint"))
    assert error.value.hazard == "INV-1"
    assert not queue.status().tasks


def test_with_the_parameter_in_its_name_both_succeed(queue):
    queue.queue(*jobs(queue, "{symbol}_{threshold}.checkpoint"))
    snapshot = queue.finished("bars/A@100", "bars/A@250")
    assert all(task.ok for task in snapshot.tasks.values())
