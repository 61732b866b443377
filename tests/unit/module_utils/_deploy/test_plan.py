# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan's id and record: the same for the same host, also where tasks have no label."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.fleet.jobs.plugins.module_utils._deploy.decision import decide
from ansible_collections.fleet.jobs.plugins.module_utils._deploy.plan import (
    Failures,
    Package,
    Plan,
    Tree,
    moved_subjects,
)
from ansible_collections.fleet.jobs.plugins.module_utils._deploy.request import DeployRequest
from ansible_collections.fleet.jobs.plugins.module_utils._deploy.survey import survey
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.snapshot import Snapshot

TIME = "2026-01-01T00:00:0{}Z"
SHA = "a" * 40
REQUEST = DeployRequest.from_dict(
    {
        **{"deploy_id": "d", "project": "/p", "sha": SHA, "package": None, "version": None},
        **{"python": "python3", "modules": [], "groups": [], "when_running": "wait"},
        **{"restart_labels": ["*"], "restart_classes": ["app"], "restart_budget": 50},
        **{"restart_unsafe": False, "assertions": [], "rollback": True},
    }
)


def _snapshot(*labels: t.Optional[str]) -> Snapshot:
    tasks = {
        number: {
            **{"id": number, "created_at": TIME.format(number), "original_command": "x"},
            **{"command": "x", "path": "/", "envs": {}, "group": "default", "dependencies": []},
            **{"priority": 0, "label": label},
            **{"status": {"Running": {"enqueued_at": TIME.format(0), "start": TIME.format(0)}}},
        }
        for number, label in enumerate(labels)
    }
    groups = {"default": {"status": "Running", "parallel_tasks": 1}}
    return Snapshot.from_wire({"tasks": tasks, "groups": groups})


def _plan(*labels: t.Optional[str]) -> Plan:
    return Plan(
        request=REQUEST,
        tree=Tree(None, SHA, True),
        package=Package(None, None, False),
        decision=decide(running=len(labels), failed=0, policy="wait"),
        survey=survey(_snapshot(*labels), groups=()),
        failures=Failures({}, (), (), ()),
    )


def test_tasks_without_a_label_beside_others() -> None:
    made = _plan("a", None, "b", None)
    assert made.plan_id == _plan("a", None, "b", None).plan_id != _plan("a", "b").plan_id
    assert made.record()["running"] == [
        ["", TIME.format(1)],
        ["", TIME.format(3)],
        ["a", TIME.format(0)],
        ["b", TIME.format(2)],
    ]
    assert made.summary()["running"] == [
        *("a", "a task without label in group default"),
        *("b", "a task without label in group default"),
    ]


def test_what_moved() -> None:
    made = _plan("a", None)
    assert moved_subjects(made.record(), made.plan_id, made) == []
    assert moved_subjects(made.record(), made.plan_id, _plan("a")) == [], "one has ended"
    assert moved_subjects(made.record(), made.plan_id, _plan("a", None, None)) == ["running jobs"]
    other = replace(made, tree=Tree(None, "b" * 40, True))
    assert moved_subjects(made.record(), made.plan_id, other) == ["tree"]
