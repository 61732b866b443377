# SPDX-License-Identifier: GPL-3.0-or-later
"""INV-1: two parameter values, one file name; the second job writes over the first one's result.

Stopped by: ``pueue_queue_guarded`` refuses a path that two jobs share, and says which parameter
is missing in it.
"""

from __future__ import annotations

import json

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import Refused
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue

WRONG = "{symbol}_{start}.json"
RIGHT = "{symbol}_{threshold}_{start}.json"


@pytest.fixture
def queue(daemon):
    return GuardedQueue(daemon)


def shell(template, threshold):
    path = template.format(symbol="BTC", start=2020, threshold=threshold)
    return f"echo '{{\"threshold\": {threshold}}}' > {path}"


def job(queue, template, threshold):
    return queue.job(
        f"bars/BTC@{threshold}",
        shell(template, threshold),
        params={"symbol": "BTC", "start": 2020, "threshold": threshold},
        artifacts=[template],
    )


def test_without_the_guard_one_of_two_results_is_lost(queue):
    for threshold in (250, 100):
        queue.daemon.cli(
            *("add", "--working-directory", str(queue.work), "--label", f"bars/BTC@{threshold}"),
            *("--", shell(WRONG, threshold)),
        )
    snapshot = queue.finished("bars/BTC@250", "bars/BTC@100")
    assert all(task.ok for task in snapshot.tasks.values())
    (only,) = queue.work.iterdir()
    assert json.loads(only.read_text())["threshold"] in (250, 100)


def test_the_guard_refuses_the_name_and_says_what_is_missing_in_it(queue):
    with pytest.raises(Refused) as error:
        queue.queue(job(queue, WRONG, 250), job(queue, WRONG, 100))
    assert error.value.hazard == "INV-1"
    assert "{threshold}" in error.value.message
    assert not queue.status().tasks


def test_the_right_name_keeps_both(queue):
    queue.queue(job(queue, RIGHT, 250), job(queue, RIGHT, 100))
    queue.finished("bars/BTC@250", "bars/BTC@100")
    assert {path.name for path in queue.work.iterdir()} == {
        "BTC_250_2020.json",
        "BTC_100_2020.json",
    }
