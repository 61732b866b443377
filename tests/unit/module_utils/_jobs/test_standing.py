# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._jobs.evidence import Host
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.standing import (
    standings,
)
from ansible_collections.fleet.jobs.tests.support.queues import BEGAN, attempt, snapshot, task


def standing(*tasks, last=None):
    attempts = {"a/1": last} if last else {}
    return standings(["a/1"], snapshot(*tasks), attempts, host=Host())["a/1"]


def of_task(number, status, **more):
    return task(number, "a/1", status, **more)


@pytest.mark.parametrize(
    ("tasks", "last", "state"),
    [
        ([], None, "new"),
        ([of_task(1, "Queued")], None, "active"),
        ([of_task(1, "Stashed")], None, "active"),
        ([of_task(1, "Locked")], None, "active"),
        ([of_task(1, "Success"), of_task(2, "Paused")], None, "active"),
        ([of_task(1, "Success")], None, "done"),
        ([of_task(1, "Failed")], None, "failed"),
        ([of_task(1, "Success"), of_task(2, "Killed")], None, "failed"),
        ([of_task(1, "Failed"), of_task(2, "Success")], None, "done"),
        ([], attempt("a/1", class_="ok"), "done"),
        ([], attempt("a/1", class_="app"), "failed"),
        # The same run: pueued was killed and says Killed, the runner saw it end well.
        ([of_task(1, "Killed")], attempt("a/1", class_="ok"), "done"),
        # The ledger's run is an older one than the task.
        ([of_task(1, "Failed", started=BEGAN + 500)], attempt("a/1", class_="ok"), "failed"),
        ([of_task(1, "Success", started=BEGAN + 500)], attempt("a/1", class_="app"), "done"),
        # A run without an end whose process is gone.
        ([], attempt("a/1", class_=None, pid=None), "failed"),
    ],
)
def test_state(tasks, last, state):
    assert standing(*tasks, last=last).state == state


def test_active_tasks_come_lowest_id_first():
    found = standing(of_task(9, "Queued"), of_task(4, "Stashed"), of_task(2, "Failed"))
    assert [one.id for one in found.tasks] == [4, 9]
    assert found.found == "Stashed in group default"


def test_what_never_ran_costs_no_restart_budget():
    assert standing(of_task(1, "Failed")).ran
    assert not standing(of_task(1, "DependencyFailed", started=None)).ran
