# SPDX-License-Identifier: GPL-3.0-or-later
"""A group as it should be, on a real queue."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._jobs import group
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.store import Ledger
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.errors import PueueError
from ansible_collections.fleet.jobs.tests.support.ansible import run_module
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.files import everything
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue

Call = t.Callable[..., t.Dict[str, t.Any]]


@pytest.fixture
def call(daemon: PrivateDaemon) -> Call:
    def run(check: bool = False, **options: t.Any) -> t.Dict[str, t.Any]:
        place = {
            "pueue_config": str(daemon.config_path),
            "state_dir": str(daemon.directory / "state"),
        }
        return run_module("pueue_group", {**place, **options}, check=check, diff=True)

    return run


def test_check_run_check_run(daemon: PrivateDaemon, call: Call) -> None:
    wish = {"name": "bars", "parallel": "3", "status": "paused"}
    before = everything(daemon.directory)
    foreseen = call(check=True, **wish)
    assert foreseen["changed"] and len(foreseen["actions"]) == 2, foreseen
    assert everything(daemon.directory) == before
    real = call(**wish)
    assert (real["changed"], real["diff"]) == (True, foreseen["diff"])
    assert real["diff"]["before"] == {"state": "absent"}
    with daemon.connect() as client:
        group = client.groups()["bars"]
    assert (group.status, group.parallel) == ("Paused", 3)
    for check in (True, False):
        again = call(check=check, **wish)
        assert not again["changed"] and not again["actions"]
    removed = call(name="bars", state="absent")
    assert removed["changed"] and removed["group"] == {"state": "absent"}
    assert not call(name="bars", state="absent")["changed"]


def test_a_group_with_tasks_is_not_removed(daemon: PrivateDaemon, call: Call) -> None:
    call(name="bars", status="paused")
    daemon.cli("add", "--group", "bars", "--label", "bars/1", "true")
    for check in (True, False):
        refused = call(check=check, name="bars", state="absent")
        assert refused["failed"] and "bars/1" in refused["msg"]
    assert call(name="default", state="absent")["failed"]


def test_slots_by_the_host_and_never_without_limit(call: Call) -> None:
    unlimited = call(name="bars", parallel="0")
    assert unlimited["failed"] and unlimited["hazard"] == "INV-6"
    sized = call(name="bars", parallel="auto", memory_per_job="1M", cores_per_job=0.1)
    assert sized["group"]["parallel"] == sized["capacity"]["max_jobs"] >= 1
    assert sized["capacity"]["limit"] in ("memory", "cores")
    too_big = call(name="bars", parallel="auto", memory_per_job="900T")
    assert too_big["failed"] and too_big["hazard"] == "INV-6"


def test_new_slots_survive_a_crash_of_the_daemon(daemon: PrivateDaemon, call: Call) -> None:
    """pueued does not save Parallel by itself; with a job of ours waiting, ours does."""
    queue = GuardedQueue(daemon)
    queue.pause()
    queue.queue(queue.job("a/1"))
    assert call(name="default", parallel="7")["changed"]
    daemon.kill9()
    daemon.pid_path.unlink(missing_ok=True)
    daemon.start()
    assert queue.status().groups["default"].parallel == 7


def test_another_owner_of_the_lease_is_not_disturbed(daemon: PrivateDaemon, call: Call) -> None:
    queue = GuardedQueue(daemon)
    queue.state_dir.mkdir()
    with queue.instance.ledger() as ledger:
        lease = ledger.lease.take("ben", "deploy", 600.0)
    refused = call(name="default", status="paused")
    assert refused["failed"] and "ben" in refused["msg"]
    assert not call(name="default", status="running")["failed"]
    assert call(name="default", status="paused", lease_token=lease.token)["changed"]


def test_groups_frozen_by_an_expired_lease_are_thawed(daemon: PrivateDaemon, call: Call) -> None:
    queue = GuardedQueue(daemon)
    queue.state_dir.mkdir()
    with Ledger.open(queue.state_dir, clock=lambda: 1000.0) as ledger:
        lease = ledger.lease.take("ben", "deploy", 600.0)
        ledger.lease.set_frozen(lease.token, ["default"])
    queue.pause()
    foreseen = call(name="other", check=True)
    assert foreseen["thawed"] == ["default"] and not queue.status().groups["default"].running
    done = call(name="other")
    assert done["thawed"] == ["default"] and done["actions"] == foreseen["actions"]
    assert queue.status().groups["default"].running


def test_what_was_done_before_a_step_failed_is_told(daemon: PrivateDaemon) -> None:
    wish = group.Wish(name="bars", parallel=2, status="paused")
    with daemon.connect() as client:
        made = group.plan(wish, client.status())
        client.pause_group = lambda *_names, **_options: client.start_group("no such group")
        with pytest.raises(PueueError) as failed:
            group.apply(client, wish, made)
        assert failed.value.details["changed"] is True
        assert client.groups()["bars"].parallel == 2


def test_auto_without_resize_sizes_once(daemon: PrivateDaemon, call: Call) -> None:
    """Provisioning again, while jobs use the memory, must not shrink a group."""
    wish = {"name": "bars", "parallel": "auto", "memory_per_job": "1M", "resize": False}
    wish["cores_per_job"] = 0.01
    sized = call(**wish)["group"]["parallel"]
    assert sized > 1
    call(name="bars", parallel="2")
    for check in (True, False):
        again = call(check=check, **wish)
        assert (again["changed"], again["group"]["parallel"]) == (False, 2)
    assert call(**{**wish, "resize": True})["changed"]
    call(name="bars", parallel="1")
    assert call(**wish)["changed"], "one slot is what pueue gives a new group"
