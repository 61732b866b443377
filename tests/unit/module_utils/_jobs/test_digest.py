# SPDX-License-Identifier: GPL-3.0-or-later
"""A digest tells what matters and stays small, whatever is in the queue."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import digest
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.lease import Lease
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.selection import Selection
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.snapshot import Snapshot
from ansible_collections.fleet.jobs.tests.support.queues import attempt, snapshot, task

SECRET = "hunter2"


def report(queue: Snapshot, page: t.Optional[digest.Page] = None, **more: t.Any) -> t.Any:
    classes = {one.id: "ok" if one.ok else "infra" for one in queue.tasks.values() if one.done}
    fields = {
        "source": "status",
        "daemon_version": "0.31.1",
        "classes": classes,
        "state_file": {"bytes": 10, "level": "ok"},
        **more,
    }
    return digest.digest(digest.Facts(snapshot=queue, **fields), page)


def test_counts_groups_and_examples() -> None:
    queue = snapshot(
        task(0, status="Success"),
        task(1, status="Failed", code=3),
        task(2, status="Killed", group="g"),
        task(3, status="Running"),
        task(4, status="Queued", group="g"),
        task(5, "s/1", ours=False),
        task(6, "s/1", ours=False),
        paused=["g"],
    )
    seen = report(queue, leftovers=("x/1",))
    assert seen["counts"]["by_state"] == {"done": 3, "running": 1, "queued": 3}
    assert seen["counts"]["by_result"] == {"success": 1, "failed": 1, "killed": 1}
    assert seen["counts"]["by_class"] == {"infra": 2, "ok": 1}
    assert (seen["counts"]["tasks"], seen["counts"]["active"]) == (7, 4)
    assert seen["failures"] == [{"class": "infra", "count": 2, "labels": ["bars/1", "bars/2"]}]
    assert seen["running"] == {"count": 1, "labels": ["bars/3"]}
    assert seen["duplicates"] == {"count": 1, "labels": ["s/1"]}
    assert seen["strangers"] == 2
    assert seen["blocked"] == [{"group": "g", "queued": 1}]
    assert len(seen["hints"]) == 3 and any("G-5" in one for one in seen["hints"])
    groups = {one["name"]: one for one in seen["groups"]["shown"]}
    assert groups["g"] == {
        "name": "g",
        "status": "paused",
        "parallel": 1,
        "tasks": {"failed": 1, "queued": 1},
    }


def test_rows_come_in_pages() -> None:
    queue = snapshot(*(task(n, f"a/{n}", "Failed", code=n) for n in range(25)))
    selection = Selection(labels=("a/*",))
    seen: t.List[str] = []
    for number in (1, 2, 3):
        page = digest.page_of(selection, number=number, size=None)
        one = report(queue, page, attempts={"a/3": attempt("a/3", 4, release="f" * 40)})
        assert (one["pages"], one["matched"], one["page"]) == (3, 25, number)
        seen += [row["label"] for row in one["jobs"]]
        for row in one["jobs"]:
            if row["label"] == "a/3":
                assert (row["attempt"], row["release"], row["exit_code"]) == (4, "f" * 12, 3)
    assert seen == [f"a/{n}" for n in range(25)]


@pytest.mark.parametrize(("number", "size"), [(0, 5), (1, 26), (1, -1)])
def test_a_page_that_cannot_be_shown_is_refused(number: int, size: int) -> None:
    with pytest.raises(FleetError):
        digest.page_of(Selection(), number=number, size=size)


def test_a_lease_is_shown_without_its_token() -> None:
    lease = Lease("ci", "deploy", SECRET, 5.0, ("g",), 1)
    seen = report(snapshot(), lease=lease)
    assert seen["lease"]["owner"] == "ci" and SECRET not in json.dumps(seen)


@pytest.mark.parametrize("letter", ["x", "é", "漢", "\U0001f600", '"', "\x01"])
@pytest.mark.parametrize("length", [40, 200, 5000])
def test_never_more_than_the_limit(letter: str, length: int) -> None:
    """Labels, groups, classes and owners of any length and number; all of them at once."""
    word = letter * length
    statuses = ("Running", "Failed", "Queued", "Queued", "Killed", "Success")
    tasks = [
        task(n, f"{n % 997}{word}", statuses[n % 6], group=f"{n % 40}{word}", ours=n % 2 == 0)
        for n in range(3000)
    ]
    queue = snapshot(*tasks, paused=[f"{n}{word}" for n in range(40)])
    seen = report(
        queue,
        digest.page_of(Selection(groups=()), number=1, size=25),
        classes={one.id: f"{one.id % 30}{word}" for one in tasks if one.done},
        leftovers=tuple(one.label or "" for one in tasks),
        lease=Lease(word, word, word, 1.0, tuple(f"{n}{word}" for n in range(40)), 1),
    )
    assert len(json.dumps(seen)) <= digest.MAX_BYTES
    assert seen["jobs"] and seen["shortened"]
    assert seen["counts"]["tasks"] == 3000


def test_no_command_and_no_marker_goes_out() -> None:
    queue = snapshot(task(0, status="Failed", command=f"job {SECRET}", path=f"/{SECRET}"))
    page = digest.page_of(Selection(labels=("*",)), number=1, size=None)
    assert SECRET not in json.dumps(report(queue, page))
