# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tasks a selection means."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.selection import Selection
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.snapshot import Snapshot, Task


def task(
    number: int,
    label: t.Optional[str],
    status: str = "Queued",
    result: t.Optional[str] = None,
    group: str = "default",
) -> Task:
    return Task(
        id=number,
        label=label,
        group=group,
        status=status,
        result=result,
        exit_code=None,
        command="job",
        path="/",
        priority=0,
        dependencies=(),
        created_at=f"t{number}",
        created=float(number),
        enqueued=None,
        started=None,
        ended=None,
        enqueue_at=None,
        marker={},
    )


TASKS = [
    task(9, "bars/BTC@250", "Running", group="heavy"),
    task(1, "bars/BTC@250", "Done", "Failed", group="heavy"),
    task(2, "bars/ETH@250", "Done", "Success"),
    task(3, "ticks/BTC", "Done", "Killed"),
    task(4, "ticks/ETH", "Done", "DependencyFailed"),
    task(5, None, "Done", "FailedToSpawn"),
    task(6, "Bars/x", "Stashed"),
    task(7, "odd[1]", "Locked"),
    task(8, "z", "Paused"),
]
SNAPSHOT = Snapshot(tasks={item.id: item for item in TASKS}, groups={})


@pytest.mark.parametrize(
    ("selection", "ids"),
    [
        (Selection(), [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (Selection(labels=("bars/*",)), [1, 2, 9]),
        (Selection(labels=("bars/BTC@250",)), [1, 9]),
        (Selection(labels=("*",)), [1, 2, 3, 4, 6, 7, 8, 9]),
        (Selection(labels=("*/ETH*", "z")), [2, 4, 8]),
        (Selection(labels=("ticks/???",)), [3, 4]),
        (Selection(labels=("odd[[]1]",)), [7]),
        (Selection(labels=("BARS/*",)), []),
        (Selection(groups=("heavy",)), [1, 9]),
        (Selection(groups=("heavy",), labels=("bars/*",), states=("active",)), [9]),
        (Selection(states=("active",)), [6, 7, 8, 9]),
        (Selection(states=("finished",)), [1, 2, 3, 4, 5]),
        (Selection(states=("done",)), [1, 2, 3, 4, 5]),
        (Selection(states=("failed",)), [1, 3, 4, 5]),
        (Selection(states=("success", "RUNNING")), [2, 9]),
        (Selection(states=("DependencyFailed", "killed")), [3, 4]),
        (Selection(states=("FailedToSpawn",)), [5]),
        (Selection(states=("Stashed", "locked", "paused")), [6, 7, 8]),
        (Selection(states=("queued",)), []),
        (Selection(latest_only=True), [2, 3, 4, 6, 7, 8, 9]),
        (Selection(latest_only=True, states=("failed",)), [3, 4]),
    ],
)
def test_select(selection: Selection, ids: t.List[int]) -> None:
    assert [found.id for found in selection.select(SNAPSHOT)] == ids


def test_an_unknown_state_is_refused_with_those_there_are() -> None:
    with pytest.raises(FleetError) as caught:
        Selection(states=("broken",)).select(SNAPSHOT)
    assert '"broken"' in str(caught.value)
    assert "active, finished, failed, queued" in str(caught.value)
    assert "dependencyfailed" in str(caught.value)
