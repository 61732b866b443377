# SPDX-License-Identifier: GPL-3.0-or-later
"""AP-8: a monitor with task ids in it crashes after a re-queue, or watches another job.

Stopped by: ``pueue_status`` and ``pueue_wait`` select by label and group and know no ids.
"""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._jobs import digest, status, wait
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.selection import Selection
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue


@pytest.fixture
def queue(daemon: PrivateDaemon) -> GuardedQueue:
    """Two jobs, 0 and 1; then they are removed and queued again in another order."""
    guarded = GuardedQueue(daemon)
    guarded.add_stranger("bars/slow", "sleep", "600", stashed=True)
    guarded.add_stranger("bars/quick", "true", stashed=True)
    daemon.cli("remove", "0", "1")
    guarded.add_stranger("bars/quick", "true")
    guarded.finished("bars/quick")
    return guarded


def by_id(queue: GuardedQueue, number: int) -> t.Dict[str, t.Any]:
    """The monitor: ``pueue status --json`` and a number noted at submission."""
    report = json.loads(queue.daemon.cli("status", "--json").stdout)
    task: t.Dict[str, t.Any] = report["tasks"][str(number)]
    return task


def test_without_labels_the_monitor_crashes_or_is_wrong(queue: GuardedQueue) -> None:
    slow, quick = 0, 1
    assert by_id(queue, slow)["label"] == "bars/quick"
    assert "Done" in by_id(queue, slow)["status"]
    with pytest.raises(KeyError):
        by_id(queue, quick)


def test_by_label_it_is_always_the_job_that_is_meant(queue: GuardedQueue) -> None:
    def states(label: str) -> t.List[str]:
        page = digest.page_of(Selection(labels=(label,)), number=1, size=None)
        report = digest.digest(status.survey(queue.instance, source="status", page=page), page)
        return [row["state"] for row in report["jobs"]]

    assert (states("bars/quick"), states("bars/slow")) == (["done"], [])
    queue.add_stranger("bars/slow", "sleep", "600")
    wish = wait.Wish(selection=Selection(labels=("bars/quick",)), timeout=0.0)
    assert wait.watch(queue.instance, wish).seen.reached
    wish = wait.Wish(selection=Selection(labels=("bars/slow",)), timeout=0.0)
    assert not wait.watch(queue.instance, wish).seen.reached
