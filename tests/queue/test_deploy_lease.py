# SPDX-License-Identifier: GPL-3.0-or-later
"""The module deploy_lease on a real queue: who may change it, and what is thawed at the end."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._jobs import recovery
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.instance import Instance
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.store import Ledger
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.errors import DaemonUnreachable
from ansible_collections.fleet.jobs.tests.support.ansible import run_module
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.files import everything


class Queue:
    """One daemon with two more groups, and the lease module for it."""

    def __init__(self, daemon: PrivateDaemon) -> None:
        self.daemon = daemon
        self.state_dir = daemon.directory / "state"
        self.state_dir.mkdir()
        self.instance = Instance(config=daemon.config, state_dir=self.state_dir)
        with daemon.connect() as client:
            client.group_add("bars", 1)
            client.group_add("by-hand", 1)
            client.pause_group("by-hand")

    def lease(self, *, check: bool = False, **arguments: t.Any) -> t.Dict[str, t.Any]:
        where = {"pueue_config": str(self.daemon.config_path), "state_dir": str(self.state_dir)}
        return run_module("deploy_lease", {**where, **arguments}, check=check, diff=True)

    def take(self, owner: str, purpose: str) -> str:
        """Take the lease without the way through Ansible; its token."""
        with self.instance.ledger() as ledger:
            return ledger.lease.take(owner, purpose, 600).token

    def freeze(self, token: str, *names: str) -> None:
        """As the audit does it."""
        with self.instance.ledger() as ledger:
            ledger.lease.set_frozen(token, names)
        with self.daemon.connect() as client:
            for name in names:
                client.pause_group(name)

    def paused(self) -> t.Set[str]:
        with self.daemon.connect() as client:
            return {name for name, group in client.groups().items() if group.status == "Paused"}

    def expire(self) -> None:
        """Let the time of the lease pass."""
        with Ledger.open(self.state_dir) as ledger:
            ledger._database.execute("UPDATE leases SET expires = taken")


@pytest.fixture
def queue(daemon: PrivateDaemon) -> Queue:
    return Queue(daemon)


def test_check_run_check_run(queue: Queue) -> None:
    wish = {"owner": "anna", "purpose": "new disk", "ttl": "1h"}
    before = everything(queue.state_dir)
    foreseen = queue.lease(check=True, **wish)
    assert foreseen["changed"] and not foreseen["failed"], foreseen
    assert foreseen["lease"] == {} and "lease_token" not in foreseen
    assert everything(queue.state_dir) == before
    taken = queue.lease(**wish)
    assert taken["changed"]
    assert (taken["actions"], taken["diff"]) == (foreseen["actions"], foreseen["diff"])
    assert taken["diff"]["after"] == {"state": "present", "owner": "anna", "purpose": "new disk"}
    assert taken["lease"]["owner"] == "anna"
    before = everything(queue.state_dir)
    again = queue.lease(check=True, lease_token=taken["lease_token"], **wish)
    assert not again["changed"]
    assert everything(queue.state_dir) == before
    renewed = queue.lease(lease_token=taken["lease_token"], **wish)
    assert not renewed["changed"]
    assert renewed["lease_token"] == taken["lease_token"]
    assert renewed["lease"]["expires"] > taken["lease"]["expires"]


def test_absent_check_run_check_run_thaws_exactly_what_the_lease_froze(queue: Queue) -> None:
    token = queue.take("anna", "deploy")
    queue.freeze(token, "bars", "default")
    wish = {"state": "absent", "lease_token": token}
    before = everything(queue.state_dir)
    foreseen = queue.lease(check=True, **wish)
    assert foreseen["changed"] and everything(queue.state_dir) == before
    assert queue.paused() == {"bars", "default", "by-hand"}
    given_back = queue.lease(**wish)
    assert given_back["changed"] and given_back["thawed"] == ["bars", "default"]
    assert (given_back["actions"], given_back["diff"]) == (foreseen["actions"], foreseen["diff"])
    assert queue.paused() == {"by-hand"}
    for check in (True, False):
        again = queue.lease(check=check, **wish)
        assert not again["changed"] and not again["failed"] and again["actions"] == []


def test_others_are_refused_until_they_take_over(queue: Queue) -> None:
    token = queue.take("anna", "deploy 7")
    queue.freeze(token, "bars")
    for check in (True, False):
        for wish in ({"owner": "ben", "purpose": "deploy 8"}, {"state": "absent"}):
            refused = queue.lease(check=check, **wish)
            assert refused["failed"] and refused["hazard"] == "INV-2"
            assert '"anna"' in refused["msg"] and "deploy_lease_take_over" in refused["msg"]
            assert refused["lease"]["purpose"] == "deploy 7"
    foreseen = queue.lease(owner="ben", purpose="deploy 8", take_over=True, check=True)
    taken = queue.lease(owner="ben", purpose="deploy 8", take_over=True)
    assert taken["actions"] == foreseen["actions"]
    assert taken["taken_from"]["owner"] == "anna" and taken["taken_from"]["state"] == "live"
    assert taken["expired_frozen"] == ["bars"]
    assert queue.paused() == {"bars", "by-hand"}
    late = queue.lease(owner="anna", purpose="deploy 7", lease_token=token)
    assert late["failed"] and late["hazard"] == "INV-2"
    gone = queue.lease(state="absent", lease_token=token)
    assert not gone["failed"] and not gone["changed"], "a lease that is gone is no error"
    assert queue.lease(state="absent", lease_token=taken["lease_token"])["thawed"] == ["bars"]


def test_a_lease_is_ended_by_somebody_else_on_purpose(queue: Queue) -> None:
    token = queue.take("anna", "deploy 7")
    queue.freeze(token, "bars")
    ended = queue.lease(state="absent", take_over=True)
    assert ended["changed"] and ended["thawed"] == ["bars"] and ended["lease"] == {}
    assert queue.paused() == {"by-hand"}


def test_what_an_expired_lease_froze_is_thawed_by_the_next_who_comes(queue: Queue) -> None:
    token = queue.take("anna", "deploy 7")
    queue.freeze(token, "bars")
    queue.expire()
    with queue.instance.ledger() as ledger:
        assert recovery.thaw_expired(queue.instance, None, ledger) == ("bars",)
        assert recovery.thaw_expired(queue.instance, None, ledger) == ()
    assert queue.paused() == {"by-hand"}
    late = queue.lease(owner="anna", purpose="deploy 7", lease_token=token)
    assert late["failed"], "its groups run again, so it must not believe them frozen"


def test_nothing_is_thawed_below_a_live_lease(queue: Queue) -> None:
    dead = queue.take("anna", "deploy 7")
    queue.freeze(dead, "bars", "default")
    queue.expire()
    taken = queue.lease(owner="ben", purpose="deploy 8")
    assert taken["taken_from"]["state"] == "expired"
    assert taken["expired_frozen"] == ["bars", "default"]
    with queue.instance.ledger() as ledger:
        assert recovery.thaw_expired(queue.instance, None, ledger) == ()
        assert queue.paused() == {"bars", "default", "by-hand"}
        ledger.lease.set_frozen(taken["lease_token"], ["bars"])
        assert recovery.thaw_expired(queue.instance, None, ledger, token=taken["lease_token"]) == (
            "default",
        )
        assert queue.paused() == {"bars", "by-hand"}
        assert recovery.give_back(queue.instance, ledger, dead) == ()
        assert recovery.give_back(queue.instance, ledger, taken["lease_token"]) == ("bars",)
        assert ledger.lease.current() is None
    assert queue.paused() == {"by-hand"}


def test_a_group_that_is_gone_or_runs_already_is_passed_over(queue: Queue) -> None:
    token = queue.take("anna", "deploy 7")
    queue.freeze(token, "bars", "default")
    with queue.daemon.connect() as client:
        client.start_group("default")
        client.group_remove("bars")
        assert recovery.thaw(client, ["bars", "default"]) == ()
    assert not queue.lease(state="absent", lease_token=token)["failed"]


def test_a_dead_daemon_keeps_the_record_for_the_next_who_tries(queue: Queue) -> None:
    token = queue.take("anna", "deploy 7")
    queue.freeze(token, "bars")
    queue.daemon.kill9()
    failed = queue.lease(state="absent", lease_token=token)
    assert failed["failed"] and failed["hazard"] == "G-4"
    with queue.instance.ledger() as ledger:
        assert ledger.lease.current().frozen == ("bars",)
        with pytest.raises(DaemonUnreachable):
            recovery.give_back(queue.instance, ledger, token)
    queue.daemon.start()
    assert queue.lease(state="absent", lease_token=token)["thawed"] == ["bars"]
    assert "bars" not in queue.paused()


def test_a_ttl_that_is_none_is_refused(queue: Queue) -> None:
    refused = queue.lease(owner="anna", purpose="deploy 7", ttl="soon")
    assert refused["failed"] and "ttl" in refused["msg"]
