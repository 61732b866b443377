# SPDX-License-Identifier: GPL-3.0-or-later
"""Every cell of the decision table, written out a second time by hand."""

from __future__ import annotations

import itertools

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._deploy.decision import (
    POLICIES,
    TABLE,
    decide,
)

CELLS = [
    (0, 0, "wait", "deploy", False),
    (0, 0, "finish_old", "deploy", False),
    (0, 0, "kill", "deploy", False),
    (0, 0, "abort", "deploy", False),
    (0, 3, "wait", "deploy", True),
    (0, 3, "finish_old", "deploy", True),
    (0, 3, "kill", "deploy", True),
    (0, 3, "abort", "deploy", True),
    (2, 0, "wait", "wait", False),
    (2, 0, "finish_old", "finish_old", False),
    (2, 0, "kill", "kill", True),
    (2, 0, "abort", "abort", False),
    (2, 3, "wait", "wait", True),
    (2, 3, "finish_old", "finish_old", True),
    (2, 3, "kill", "kill", True),
    (2, 3, "abort", "abort", False),
]


@pytest.mark.parametrize(("running", "failed", "policy", "action", "restart"), CELLS)
def test_cell(running: int, failed: int, policy: str, action: str, restart: bool) -> None:
    decision = decide(running=running, failed=failed, policy=policy)
    assert (decision.action, decision.restart) == (action, restart)
    assert decision.reason


def test_no_cell_is_missing() -> None:
    assert set(TABLE) == set(itertools.product((False, True), (False, True), POLICIES))
    assert len(CELLS) == len(TABLE)


def test_whatever_is_not_deploy_names_the_way_round_it() -> None:
    assert all(rule.override for rule in TABLE.values() if rule.action != "deploy")


def test_killing_happens_only_where_it_was_asked_for() -> None:
    assert {
        policy for (_unused, _unused, policy), rule in TABLE.items() if rule.action == "kill"
    } == {"kill"}
