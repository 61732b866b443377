# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be done to a group: each difference as a row."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError, Refused
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import group
from ansible_collections.fleet.jobs.tests.support.queues import snapshot, task

QUEUE = snapshot(task(0, group="full"), paused=["off"], parallel={"on": 2, "off": 4})


@pytest.mark.parametrize(
    ("wish", "steps", "after"),
    [
        pytest.param({"name": "new"}, ["add"], ("present", 1, "running"), id="create"),
        pytest.param(
            {"name": "new", "parallel": 3, "status": "paused"},
            ["add", "pause"],
            ("present", 3, "paused"),
            id="create with all",
        ),
        pytest.param({"name": "on"}, [], ("present", 2, "running"), id="there"),
        pytest.param({"name": "on", "parallel": 2}, [], ("present", 2, "running"), id="as wished"),
        pytest.param(
            {"name": "on", "parallel": 5}, ["parallel"], ("present", 5, "running"), id="slots"
        ),
        pytest.param(
            {"name": "on", "status": "paused"}, ["pause"], ("present", 2, "paused"), id="pause"
        ),
        pytest.param(
            {"name": "off", "status": "running"}, ["start"], ("present", 4, "running"), id="resume"
        ),
        pytest.param({"name": "off", "status": "paused"}, [], ("present", 4, "paused"), id="off"),
        pytest.param({"name": "on", "present": False}, ["remove"], ("absent",), id="remove"),
        pytest.param({"name": "gone", "present": False}, [], ("absent",), id="gone already"),
    ],
)
def test_plan(wish: t.Any, steps: t.List[str], after: t.Tuple[t.Any, ...]) -> None:
    made = group.plan(group.Wish(**wish), QUEUE)
    assert [step.kind for step in made.steps] == steps
    assert tuple(
        made.after[key] for key in ("state", "parallel", "status") if key in made.after
    ) == (after)
    assert (made.before == made.after) is not bool(steps)


def test_what_cannot_be_removed_is_named() -> None:
    with pytest.raises(Refused, match="bars/0") as caught:
        group.plan(group.Wish(name="full", present=False), QUEUE)
    assert caught.value.hazard == "INV-2"
    with pytest.raises(FleetError, match="default"):
        group.plan(group.Wish(name="default", present=False), QUEUE)


@pytest.mark.parametrize("text", ["0", "00"])
def test_no_limit_is_refused(text: str) -> None:
    with pytest.raises(Refused) as caught:
        group.check_parallel(text)
    assert caught.value.hazard == "INV-6"


@pytest.mark.parametrize("text", ["-1", "many", "", "1.5"])
def test_what_is_no_number_is_an_error(text: str) -> None:
    with pytest.raises(FleetError):
        group.check_parallel(text)
