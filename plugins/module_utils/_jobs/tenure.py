# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Taking, renewing and giving back the lease of an instance: plan, then apply."""

from __future__ import annotations

import typing as t

from .._dataclass import dataclass, field, replace
from .._ledger.lease import Lease, Leases
from .._ledger.store import Ledger
from .instance import Instance
from .recovery import thaw_recorded

ABSENT: t.Mapping[str, t.Any] = {"state": "absent"}


@dataclass(frozen=True)
class Wish:
    """What the caller wants to hold, or not to hold any more."""

    present: bool
    owner: str = ""
    purpose: str = ""
    ttl: float = 0.0
    take_over: bool = False
    token: t.Optional[str] = None


@dataclass(frozen=True)
class TenurePlan:
    """``act``: take, renew, release, revoke, clear (only thaw leftovers) or none."""

    act: str
    sentences: t.Tuple[str, ...] = ()
    thaw: t.Tuple[str, ...] = ()
    before: t.Mapping[str, t.Any] = field(default_factory=lambda: dict(ABSENT))
    after: t.Mapping[str, t.Any] = field(default_factory=lambda: dict(ABSENT))
    taken_from: t.Optional[t.Mapping[str, t.Any]] = None

    @property
    def changed(self) -> bool:
        """More time for the same lease is no change."""
        return bool(self.thaw) or self.before != self.after


@dataclass(frozen=True)
class Tenure:
    """What holds after the plan was applied."""

    lease: t.Optional[Lease]
    thawed: t.Tuple[str, ...]
    expired_frozen: t.Tuple[str, ...]


def plan(wish: Wish, leases: Leases, *, now: float) -> TenurePlan:
    """Compare the wish with the lease there is, and refuse what is not the caller's."""
    held = leases.held()
    live = held is not None and held.expires > now
    drafted = TenurePlan(act="none", before=describe(held if live else None))
    if wish.present:
        return _present(drafted, wish, leases, held=held, live=live)
    return _absent(drafted, wish, leases, held=held, live=live)


def apply(instance: Instance, ledger: Ledger, wish: Wish) -> t.Tuple[TenurePlan, Tenure]:
    """Plan again and carry it out in one transaction."""
    with ledger.record(durable=True):
        made = plan(wish, ledger.lease, now=ledger.now())
        thawed = thaw_recorded(instance, ledger, made.thaw)
        if made.act in ("take", "renew"):
            ledger.lease.take(
                wish.owner,
                wish.purpose,
                wish.ttl,
                take_over=wish.take_over,
                token=wish.token if made.act == "renew" else None,
            )
        elif made.act == "release":
            ledger.lease.release(wish.token or "")
        elif made.act == "revoke":
            ledger.lease.revoke(by="take_over")
        return made, observe(ledger.lease, thawed=thawed)


def observe(leases: Leases, *, thawed: t.Tuple[str, ...] = ()) -> Tenure:
    """The lease as it is."""
    return Tenure(leases.current(), thawed, tuple(leases.expired_frozen()))


def describe(lease: t.Optional[Lease]) -> t.Dict[str, t.Any]:
    """The managed fields: who holds it and what for."""
    if lease is None:
        return dict(ABSENT)
    return {"state": "present", "owner": lease.owner, "purpose": lease.purpose}


def report(lease: t.Optional[Lease]) -> t.Dict[str, t.Any]:
    """The lease as results show it, without its token; empty where there is none."""
    if lease is None:
        return {}
    return {
        "owner": lease.owner,
        "purpose": lease.purpose,
        "expires": lease.expires,
        "fence": lease.fence,
        "frozen": list(lease.frozen),
    }


def _present(
    drafted: TenurePlan, wish: Wish, leases: Leases, *, held: t.Optional[Lease], live: bool
) -> TenurePlan:
    after = {"state": "present", "owner": wish.owner, "purpose": wish.purpose}
    if held is not None and wish.token == held.token:
        said = f'Renew the lease of "{held.owner}" for "{wish.purpose}" by {wish.ttl:g} s.'
        after["owner"] = held.owner
        return replace(drafted, act="renew", sentences=(said,), after=after)
    if held is not None and live and not wish.take_over:
        raise leases.refusal(held, token=wish.token)
    if wish.token is not None and not wish.take_over:
        raise leases.stale(held)
    said = f'Take the lease for "{wish.owner}" ("{wish.purpose}") for {wish.ttl:g} s.'
    taken_from = None
    if held is not None:
        state = "live" if live else "expired"
        said = f'{said[:-1]}; it ends the {state} one of "{held.owner}" ("{held.purpose}").'
        taken_from = {**describe(held), "state": state, "fence": held.fence}
    return replace(drafted, act="take", sentences=(said,), after=after, taken_from=taken_from)


def _absent(
    drafted: TenurePlan, wish: Wish, leases: Leases, *, held: t.Optional[Lease], live: bool
) -> TenurePlan:
    mine = held is not None and live and wish.token == held.token
    if held is not None and live and not mine and not wish.take_over:
        if wish.token is None:
            raise leases.refusal(held, token=None)
        # Somebody else's by now: ours is gone, which is what was wanted.
        return replace(drafted, after=drafted.before)
    frozen = tuple(sorted({*leases.expired_frozen(), *(held.frozen if held else ())}))
    sentences = [f'Thaw group "{name}".' for name in frozen]
    act = "clear" if frozen else "none"
    if held is not None and live:
        act = "release" if mine else "revoke"
        sentences.append(f'End the lease of "{held.owner}" for "{held.purpose}".')
    return replace(drafted, act=act, sentences=tuple(sentences), thaw=frozen)
