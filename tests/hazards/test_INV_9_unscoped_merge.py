# SPDX-License-Identifier: GPL-3.0-or-later
"""INV-9: a merge glob that is not scoped to its category takes another category's files in.

Stopped by: ``pueue_queue_guarded`` refuses a glob that meets another category's files.
"""

from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import Refused
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue


@pytest.fixture
def queue(daemon):
    ready = GuardedQueue(daemon)
    (ready.work / "out").mkdir()
    (ready.work / "out" / "A_short.csv").write_text("short\n")
    with daemon.connect() as client:
        client.parallel("default", 2)
    return ready


WRITE_LONG = (
    "echo long > out/A_long.csv; touch written; while ! test -e merged; do sleep 0.05; done"
)
MERGE = "while ! test -e written; do sleep 0.05; done; cat out/{} > short.csv; touch merged"


def test_without_the_guard_the_merged_file_has_both_categories(queue):
    for label, text in (("long/A", WRITE_LONG), ("merge/short", MERGE.format("*.csv"))):
        queue.daemon.cli(
            *("add", "--working-directory", str(queue.work), "--label", label, "--", text)
        )
    queue.finished("long/A", "merge/short")
    assert (queue.work / "short.csv").read_text().split() == ["long", "short"]


def test_the_guard_refuses_the_glob_beside_the_other_category(queue):
    with pytest.raises(Refused) as error:
        queue.queue(
            queue.job("long/A", WRITE_LONG, artifacts=["out/A_long.csv"]),
            queue.job("merge/short", MERGE.format("*.csv"), artifacts=["out/*.csv", "short.csv"]),
        )
    assert error.value.hazard == "INV-9"
    assert "out/*.csv" in error.value.message
    assert not queue.status().tasks


def test_a_scoped_glob_passes_and_merges_its_own(queue):
    queue.queue(
        queue.job("long/A", WRITE_LONG, artifacts=["out/A_long.csv"]),
        queue.job(
            "merge/short", MERGE.format("*_short.csv"), artifacts=["out/*_short.csv", "short.csv"]
        ),
    )
    queue.finished("long/A", "merge/short")
    assert (queue.work / "short.csv").read_text().split() == ["short"]
