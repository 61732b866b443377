# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may change an instance, until when, and what remains of those who may not any more."""

from __future__ import annotations

import threading
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError, Refused
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.store import Ledger


class Clock:
    """Time that moves only when told."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> t.Iterator[Ledger]:
    with Ledger.open(tmp_path, clock=clock) as opened:
        yield opened


def test_nobody_holds_a_new_ledger(ledger: Ledger) -> None:
    assert ledger.lease.current() is None
    with ledger.change():
        pass


def test_a_live_lease_is_refused_to_others_by_name(ledger: Ledger) -> None:
    ledger.lease.take("anna", "deploy 7", 90)
    with pytest.raises(Refused) as refused:
        ledger.lease.take("ben", "deploy 8", 90)
    message = refused.value.message
    for word in ('"anna"', '"deploy 7"', "90 s", "lease_token", "deploy_lease_take_over"):
        assert word in message
    assert refused.value.details["lease"]["owner"] == "anna"
    assert ledger.lease.current().owner == "anna"


def test_the_same_owner_without_the_token_is_refused_too(ledger: Ledger) -> None:
    ledger.lease.take("anna", "deploy 7", 90)
    with pytest.raises(Refused):
        ledger.lease.take("anna", "deploy 7", 90)


def test_taking_with_the_token_renews(ledger: Ledger, clock: Clock) -> None:
    first = ledger.lease.take("anna", "deploy 7", 90)
    clock.time += 60
    second = ledger.lease.take("anna", "deploy 7", 90, token=first.token)
    assert (second.token, second.fence) == (first.token, first.fence)
    assert second.expires == clock.time + 90


def test_change_needs_the_token_while_a_lease_lives(ledger: Ledger) -> None:
    lease = ledger.lease.take("anna", "deploy 7", 90)
    with ledger.change(lease.token):
        ledger.budgets.charge("restart", "a/1")
    for token in (None, "0" * 32):
        with pytest.raises(Refused) as refused, ledger.change(token):
            ledger.budgets.charge("restart", "a/1")
        assert refused.value.hazard == "INV-2"
    assert ledger.budgets.spent("restart", "a/1", since=0) == 1


@pytest.mark.parametrize(
    "write",
    [
        lambda ledger: ledger.submissions.begin("s", []),
        lambda ledger: ledger.budgets.charge("restart", "a/1"),
        lambda ledger: ledger.journal.begin("d", {}),
        lambda ledger: ledger.releases.record("a" * 40),
    ],
    ids=["submission", "budget", "journal", "release"],
)
def test_a_single_change_without_token_is_refused(
    ledger: Ledger, write: t.Callable[[Ledger], object]
) -> None:
    lease = ledger.lease.take("anna", "deploy 7", 90)
    with pytest.raises(Refused):
        write(ledger)
    with ledger.change(lease.token):
        write(ledger)


def test_facts_are_recorded_under_anybodys_lease(ledger: Ledger) -> None:
    ledger.lease.take("anna", "deploy 7", 90)
    attempt = ledger.attempts.start("a/1", task_key="k")
    ledger.attempts.finish(attempt.id, class_="ok", exit_code=0)
    ledger.kills.record("a/1", "then", by="ben", reason="killed")
    assert ledger.attempts.history("a/1")[0].class_ == "ok"


def test_an_expired_lease_blocks_nobody_and_its_token_is_stale(
    ledger: Ledger, clock: Clock
) -> None:
    lease = ledger.lease.take("anna", "deploy 7", 90)
    clock.time += 90
    assert ledger.lease.current() is None
    with pytest.raises(Refused) as refused, ledger.change(lease.token):
        pass
    assert "expired" in refused.value.message
    with ledger.change():
        ledger.budgets.charge("restart", "a/1")


def test_renewal_after_expiry_works_until_somebody_acted(ledger: Ledger, clock: Clock) -> None:
    lease = ledger.lease.take("anna", "deploy 7", 90)
    clock.time += 100
    ledger.lease.renew(lease.token, 90)
    with ledger.change(lease.token):
        pass
    clock.time += 100
    with ledger.change():
        pass
    with pytest.raises(Refused):
        ledger.lease.renew(lease.token, 90)
    with pytest.raises(Refused):
        ledger.lease.take("anna", "deploy 7", 90, token=lease.token)


def test_a_change_that_failed_does_not_end_an_expired_lease(ledger: Ledger, clock: Clock) -> None:
    lease = ledger.lease.take("anna", "deploy 7", 90)
    clock.time += 100
    with pytest.raises(ZeroDivisionError), ledger.change():
        raise ZeroDivisionError
    assert ledger.lease.renew(lease.token, 90).fence == lease.fence


def test_an_expired_lease_is_taken_over_and_leaves_its_frozen_groups(
    ledger: Ledger, clock: Clock
) -> None:
    dead = ledger.lease.take("anna", "deploy 7", 90)
    ledger.lease.set_frozen(dead.token, ["bars", "default"])
    assert ledger.lease.expired_frozen() == []
    clock.time += 91
    assert ledger.lease.expired_frozen() == ["bars", "default"]
    alive = ledger.lease.take("ben", "deploy 8", 90)
    assert alive.fence > dead.fence
    assert alive.frozen == ()
    assert ledger.lease.expired_frozen() == ["bars", "default"]
    ledger.lease.thawed(["bars"])
    assert ledger.lease.expired_frozen() == ["default"]
    assert [entry["ending"] for entry in ledger.lease.history()] == [None, "expired"]


def test_take_over_records_the_victim_and_refuses_its_token(ledger: Ledger) -> None:
    victim = ledger.lease.take("anna", "deploy 7", 90)
    ledger.lease.set_frozen(victim.token, ["bars"])
    ledger.lease.take("ben", "deploy 8", 90, take_over=True)
    assert ledger.lease.expired_frozen() == ["bars"]
    assert ledger.lease.history()[1]["ending"] == 'taken over by "ben" for "deploy 8"'
    with pytest.raises(Refused) as refused, ledger.change(victim.token):
        pass
    assert '"ben"' in refused.value.message
    with pytest.raises(Refused):
        ledger.lease.renew(victim.token, 90)
    with pytest.raises(Refused):
        ledger.lease.set_frozen(victim.token, [])


def test_what_a_dead_lease_froze_can_be_inherited_without_a_thaw(
    ledger: Ledger, clock: Clock
) -> None:
    dead = ledger.lease.take("anna", "deploy 7", 90)
    ledger.lease.set_frozen(dead.token, ["bars", "default"])
    clock.time += 91
    alive = ledger.lease.take("ben", "deploy 8", 90)
    assert ledger.lease.inherit(alive.token) == ("bars", "default")
    assert ledger.lease.expired_frozen() == []
    assert ledger.lease.current().frozen == ("bars", "default")


def test_freezing_the_same_group_again_moves_it_to_the_live_lease(
    ledger: Ledger, clock: Clock
) -> None:
    dead = ledger.lease.take("anna", "deploy 7", 90)
    ledger.lease.set_frozen(dead.token, ["bars", "default"])
    clock.time += 91
    alive = ledger.lease.take("ben", "deploy 8", 90)
    assert ledger.lease.set_frozen(alive.token, ["bars"]).frozen == ("bars",)
    assert ledger.lease.expired_frozen() == ["default"]


def test_release_may_repeat_and_keeps_what_is_still_frozen(ledger: Ledger) -> None:
    lease = ledger.lease.take("anna", "deploy 7", 90)
    ledger.lease.set_frozen(lease.token, ["bars"])
    assert ledger.lease.release(lease.token) is True
    assert ledger.lease.release(lease.token) is False
    assert ledger.lease.expired_frozen() == ["bars"]
    with pytest.raises(Refused), ledger.change(lease.token):
        pass


def test_the_fence_grows_for_ever(tmp_path: Path) -> None:
    fences = []
    for _unused in range(3):
        with Ledger.open(tmp_path) as ledger:
            lease = ledger.lease.take("anna", "deploy", 90)
            fences.append(lease.fence)
            ledger.lease.release(lease.token)
    assert fences == [1, 2, 3]


@pytest.mark.parametrize("ttl", [0, -1, float("nan")])
def test_a_lease_without_time_is_no_lease(ledger: Ledger, ttl: float) -> None:
    with pytest.raises(FleetError, match="ttl"):
        ledger.lease.take("anna", "deploy 7", ttl)


def test_of_many_who_take_at_once_one_gets_it(tmp_path: Path) -> None:
    Ledger.open(tmp_path).close()
    start = threading.Barrier(8)
    taken: t.List[int] = []
    refused: t.List[str] = []

    def take(number: int) -> None:
        with Ledger.open(tmp_path) as ledger:
            start.wait()
            try:
                taken.append(ledger.lease.take(f"owner {number}", "race", 90).fence)
            except Refused as error:
                refused.append(error.message)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(taken), len(refused)) == (1, 7)
