# SPDX-License-Identifier: GPL-3.0-or-later
"""G-5: ``pueue kill`` of a group pauses it, and what is queued there waits for ever.

Stopped by: status, wait and restart name the paused group, and ``pueue_group`` resumes it.
"""

from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._jobs import (
    digest,
    group,
    rerun,
    status,
    wait,
)
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.restart import Wish
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.selection import Selection
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.guarded import FLOOR, GuardedQueue
from ansible_collections.fleet.jobs.tests.support.waiting import eventually


@pytest.fixture
def queue(daemon: PrivateDaemon) -> GuardedQueue:
    """A group after a ``pueue kill``: one job killed, one that waits behind it."""
    guarded = GuardedQueue(daemon)
    guarded.add_stranger("bars/1", "sleep", "600")
    guarded.add_stranger("bars/2", "true")
    eventually(lambda: guarded.tasks("bars/1")[0].status == "Running", timeout=30, what="it runs")
    daemon.cli("kill", "--group", "default")
    guarded.finished("bars/1")
    return guarded


def test_without_a_word_later_jobs_wait_for_ever(queue: GuardedQueue) -> None:
    assert not queue.status().groups["default"].running
    queue.add_stranger("bars/3", "true")
    # Another group's job comes and goes; these two have not moved.
    queue.daemon.cli("group", "add", "other")
    queue.daemon.cli("add", "--group", "other", "--label", "x/1", "true")
    queue.finished("x/1")
    assert [queue.tasks(label)[0].status for label in ("bars/2", "bars/3")] == ["Queued"] * 2


def test_status_wait_and_restart_name_it(queue: GuardedQueue) -> None:
    report = digest.digest(status.survey(queue.instance, source="status"))
    assert report["blocked"] == [{"group": "default", "queued": 1}]
    assert "G-5" in report["hints"][0] and "pueue_group" in report["hints"][0]
    wish = wait.Wish(selection=Selection(), timeout=0.0)
    seen = wait.watch(queue.instance, wish)
    assert seen.seen.stuck == ("default",)
    assert "pueue_group" in wait.too_late(wish, seen)
    again = rerun.rerun(
        queue.instance,
        Wish(selection=Selection(labels=("bars/1",)), classes=("killed",), strangers=True),
        floor=FLOOR,
    )
    assert again.waiting_groups == ("default",)
    assert "G-5" in rerun.sentences(again)[-1]


def test_the_group_is_resumed_by_its_module(queue: GuardedQueue) -> None:
    made, _unused = group.change(
        queue.instance,
        group.Wish(name="default", status="running"),
        token=None,
        check_mode=False,
    )
    assert made.steps
    assert queue.finished("bars/2").latest()["bars/2"].ok
