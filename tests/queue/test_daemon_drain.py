# SPDX-License-Identifier: GPL-3.0-or-later
"""A real queue held still for a restart of its daemon, slice by slice, and given back."""

from __future__ import annotations

import time
import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._daemon import drain, swap
from ansible_collections.fleet.jobs.plugins.module_utils._daemon.wish import Earlier
from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError, Refused
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

PURPOSE = "change the unit x.service"


@pytest.fixture
def queue(daemon: PrivateDaemon) -> GuardedQueue:
    made = GuardedQueue(daemon)
    made.state_dir.mkdir()
    daemon.cli("group", "add", "held")
    daemon.cli("pause", "--group", "held", "--wait")
    return made


def _statuses(queue: GuardedQueue) -> t.Dict[str, str]:
    return {name: group.status for name, group in queue.status().groups.items()}


def _take(queue: GuardedQueue, **given: t.Any) -> drain.Hold:
    with queue.instance.ledger() as ledger, queue.instance.client() as client:
        hold = drain.take(ledger, purpose=PURPOSE, **{"token": None, **given})
        return drain.freeze(ledger, client, hold)


def _wait(queue: GuardedQueue, *, since: float, timeout: float = 60.0) -> bool:
    rests, _snapshot = drain.wait(queue.instance, since=since, timeout=timeout, slice_seconds=0.0)
    return rests


def _run(daemon: PrivateDaemon, queue: GuardedQueue) -> None:
    go = daemon.directory / "go"
    daemon.cli("add", "--label", "a/1", f"while [ ! -e {go} ]; do sleep 0.05; done")
    eventually(lambda: drain.running(queue.status()), timeout=20, what="the job runs")


def test_slices_of_our_own_lease(daemon: PrivateDaemon, queue: GuardedQueue) -> None:
    _run(daemon, queue)
    first = _take(queue)
    assert (first.mine, first.frozen) == (True, ("default",))
    assert _statuses(queue) == {"default": "Paused", "held": "Paused"}
    assert not _wait(queue, since=time.time())
    earlier = Earlier(time.time(), first.token, first.frozen)
    second = _take(queue, earlier=earlier)
    assert (second.token, second.frozen) == (first.token, ("default",))
    (daemon.directory / "go").touch()
    eventually(lambda: _wait(queue, since=time.time()), timeout=20, what="nothing runs")
    assert drain.release(queue.instance, second) == ("default",)
    assert _statuses(queue) == {"default": "Running", "held": "Paused"}
    with queue.instance.ledger(read_only=True) as ledger:
        assert ledger.lease.current() is None


def test_a_run_whose_controller_has_gone_is_succeeded(queue: GuardedQueue) -> None:
    dead = _take(queue)
    alive = _take(queue)
    assert alive.token != dead.token and alive.frozen == ("default",)
    with pytest.raises(Refused):
        _take(queue, earlier=Earlier(0.0, dead.token, dead.frozen))
    assert drain.release(queue.instance, dead) == ()
    assert _statuses(queue)["default"] == "Paused"
    assert drain.release(queue.instance, alive) == ("default",)


def test_what_the_caller_has_frozen_stays_so(queue: GuardedQueue) -> None:
    with queue.instance.ledger() as ledger:
        lease = ledger.lease.take("ada", "deploy", 600.0)
        ledger.lease.set_frozen(lease.token, ["held"])
    with pytest.raises(Refused, match="ada"):
        _take(queue)
    hold = _take(queue, token=lease.token)
    again = _take(queue, token=lease.token, earlier=Earlier(0.0, None, hold.frozen))
    assert again == hold and hold.kept == ("held",)
    assert drain.release(queue.instance, again) == ("default",)
    assert _statuses(queue) == {"default": "Running", "held": "Paused"}
    with queue.instance.ledger() as ledger:
        held = ledger.lease.current()
        assert held is not None and (held.token, held.frozen) == (lease.token, ("held",))


def test_too_long_is_an_error_that_names_the_job(
    daemon: PrivateDaemon, queue: GuardedQueue
) -> None:
    _run(daemon, queue)
    with pytest.raises(FleetError, match=r'After 5 s 1 job runs \("a/1"\)'):
        _wait(queue, since=time.time() - 5.0, timeout=5.0)


def test_a_lost_task_or_group_is_noticed(daemon: PrivateDaemon, queue: GuardedQueue) -> None:
    for name in ("a/1", "a/1", "b/1"):
        daemon.cli("add", "--stashed", "--label", name, "true")
    before = queue.status()
    swap.prove(before, queue.status())
    swap.prove(None, before)
    daemon.cli("remove", "1")
    daemon.cli("group", "remove", "held")
    with pytest.raises(
        FleetError, match=r"1 of 3 tasks are missing \(a/1\), and 1 groups \(held\)"
    ):
        swap.prove(before, queue.status())
