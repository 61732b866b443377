# SPDX-License-Identifier: GPL-3.0-or-later
"""Which finished tasks may be forgotten: each rule as a row."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._jobs import clean
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.selection import Selection
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.snapshot import Task
from ansible_collections.fleet.jobs.tests.support.queues import BEGAN, snapshot, task

NOW = BEGAN + 10_000
BOTH = ("ok", "failed")
OK = task(0, "a/0", "Success")
FAILED = task(1, "a/1", "Failed")


def planned(*tasks: Task, **wish: t.Any) -> clean.CleanPlan:
    """The plan where the ledger knows of every success."""
    recorded = wish.pop("recorded", {one.label for one in tasks})
    wish = {"older_than": 0.0, "selection": Selection(), **wish}
    return clean.plan(clean.Wish(**wish), snapshot(*tasks), recorded=recorded, now=NOW)


def ids(made: clean.CleanPlan) -> t.List[int]:
    return [one.id for one in made.remove]


@pytest.mark.parametrize(
    ("tasks", "wish", "removed", "kept"),
    [
        pytest.param([OK, FAILED], {}, [0], clean.KEPT_FAILED, id="successes by default"),
        pytest.param([OK, FAILED], {"states": ("failed",)}, [1], clean.KEPT_OK, id="failures"),
        pytest.param([OK, FAILED], {"states": BOTH}, [0, 1], "", id="both"),
        pytest.param([task(0), task(1, status="Running")], {"states": BOTH}, [], "", id="active"),
        pytest.param([OK], {"older_than": 20_000.0}, [], clean.KEPT_YOUNG, id="too young"),
        pytest.param([OK], {"older_than": 9_000.0}, [0], "", id="old enough"),
        pytest.param([OK], {"recorded": ()}, [], clean.KEPT_UNRECORDED, id="not in the ledger"),
        pytest.param(
            [task(0, "s/0", "Success", ours=False)], {}, [], clean.KEPT_STRANGER, id="stranger"
        ),
        pytest.param(
            [task(0, "s/0", "Success", ours=False)],
            {"strangers": True, "recorded": ()},
            [0],
            "",
            id="stranger on request",
        ),
        pytest.param(
            [task(number, "a/1", "Success") for number in range(3)],
            {"keep_per_label": 1},
            [0, 1],
            clean.KEPT_NEWEST,
            id="the newest of a label",
        ),
        pytest.param(
            [OK, task(1, after=[0])], {}, [], clean.KEPT_NEEDED, id="parent of a queued one"
        ),
        pytest.param(
            [OK, task(1, "a/1", "Failed", after=[0])],
            {},
            [0],
            clean.KEPT_FAILED,
            id="an ok parent of a failed one is not needed",
        ),
        pytest.param(
            [FAILED, task(2, "a/2", "DependencyFailed", after=[1])],
            {"states": ("failed",), "selection": Selection(labels=("a/1",))},
            [],
            clean.KEPT_NEEDED,
            id="a failed parent of one that may be restarted",
        ),
        pytest.param(
            [FAILED, task(2, "a/2", "DependencyFailed", after=[1])],
            {"states": ("failed",)},
            [2, 1],
            "",
            id="a failed chain goes as a whole, dependants first",
        ),
    ],
)
def test_rules(tasks: t.Any, wish: t.Any, removed: t.List[int], kept: str) -> None:
    made = planned(*tasks, **wish)
    assert ids(made) == removed
    assert list(made.kept) == ([kept] if kept else [])


def test_a_kept_failed_parent_keeps_its_own_failed_parent() -> None:
    chain = [
        task(0, "a/0", "Failed"),
        task(1, "a/1", "DependencyFailed", after=[0]),
        task(2, "b/2", "DependencyFailed", after=[1]),
    ]
    made = planned(*chain, states=BOTH, selection=Selection(labels=("a/*",)))
    assert ids(made) == [] and made.kept == {clean.KEPT_NEEDED: 2}


def test_a_budget_takes_the_oldest_and_never_tears_a_failed_chain() -> None:
    tasks = [task(number, f"a/{number}", "Success") for number in range(4)]
    made = planned(*tasks, budget=3)
    assert ids(made) == [0, 1, 2] and made.left == 1
    chain = [FAILED, task(2, "a/2", "DependencyFailed", after=[1])]
    made = planned(*chain, states=BOTH, budget=1)
    assert ids(made) == [2] and made.left == 1


def test_ten_thousand_are_planned_in_one_pass() -> None:
    tasks = [task(number, f"a/{number}", "Success") for number in range(10_000)]
    assert len(planned(*tasks, budget=10_000).remove) == 10_000
