# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The right to change an instance: one holder, an expiry, a token, and a number that only grows."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import typing as t

from .._dataclass import dataclass
from .._errors import FleetError, Refused
from .database import Database

HAZARD = "INV-2"
_CURRENT = "SELECT * FROM leases WHERE ended IS NULL"


@dataclass(frozen=True)
class Lease:
    """Who may change the instance until when. ``fence`` orders all leases there ever were."""

    owner: str
    purpose: str
    token: str
    expires: float
    frozen: t.Tuple[str, ...]
    fence: int


class Leases:
    """The lease of one instance and the groups that leases have frozen.

    A lease that expired blocks nobody and its token is refused. Its holder can still renew it,
    until somebody acts on the expiry: takes a lease, changes something, or thaws what it froze.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def current(self) -> t.Optional[Lease]:
        """The live lease."""
        lease = self.held()
        return lease if lease and lease.expires > self._database.now() else None

    def held(self) -> t.Optional[Lease]:
        """The lease that nobody ended yet, live or expired."""
        for row in self._database.query(_CURRENT):
            return self._lease(row)
        return None

    def take(
        self,
        owner: str,
        purpose: str,
        ttl: float,
        *,
        take_over: bool = False,
        token: t.Optional[str] = None,
    ) -> Lease:
        """A new lease; or, with the ``token`` of the one that is held, that one renewed.

        A live lease of anybody else is refused, or with ``take_over`` ended and recorded. An
        expired one is replaced. What either froze is in ``expired_frozen()`` then. A ``token``
        that is not valid any more is refused: who gives one believes to hold the lease.
        """
        with self._database.transaction(durable=True):
            held = self.held()
            if held and token == held.token:
                return self._extend(held, ttl, purpose=purpose)
            if held and held.expires > self._database.now():
                if not take_over:
                    raise self.refusal(held, token=token)
                self._end(held, f'taken over by "{owner}" for "{purpose}"')
            elif token is not None and not take_over:
                raise self.stale(held)
            elif held:
                self._end(held, "expired")
            now = self._database.now()
            self._database.execute(
                "INSERT INTO leases (owner, purpose, token, taken, expires) VALUES (?, ?, ?, ?, ?)",
                *(owner, purpose, os.urandom(16).hex(), now, now + _positive(ttl)),
            )
            return t.cast(Lease, self.held())

    def renew(self, token: str, ttl: float) -> Lease:
        """Move the expiry; refused when the lease has ended."""
        with self._database.transaction(durable=True):
            held = self.held()
            if held is None or held.token != token:
                raise self.stale(held)
            return self._extend(held, ttl, purpose=held.purpose)

    def release(self, token: str) -> bool:
        """End the lease; False if it is gone already, which is no error.

        Groups it still has frozen stay in ``expired_frozen()``: thaw first.
        """
        with self._database.transaction(durable=True):
            held = self.held()
            if held is None or held.token != token:
                return False
            self._end(held, "released")
            return True

    def revoke(self, *, by: str) -> t.Optional[Lease]:
        """End whatever lease there is, on purpose; returns it."""
        with self._database.transaction(durable=True):
            held = self.held()
            if held is not None:
                self._end(held, f"ended by {by}")
            return held

    def require(self, token: t.Optional[str]) -> None:
        """Refuse unless ``token`` may change the instance now: its live lease, or none at all."""
        held = self.held()
        live = held is not None and held.expires > self._database.now()
        if token is None and not live:
            if held is not None and self._database.inside:
                self._end(held, "expired")
            return
        if held is None or token != held.token or not live:
            raise self.refusal(held, token=token) if held and live else self.stale(held)

    @contextlib.contextmanager
    def guarded(self, token: t.Optional[str] = None) -> t.Iterator[None]:
        """A durable transaction that starts with ``require(token)``; joins an open one."""
        if self._database.inside:
            yield
            return
        with self._database.transaction(durable=True):
            self.require(token)
            yield

    def set_frozen(self, token: str, groups: t.Iterable[str]) -> Lease:
        """Record exactly these groups as frozen by this lease, before the queue is told."""
        with self._database.transaction(durable=True):
            self.require(token)
            held = t.cast(Lease, self.held())
            self._database.execute("DELETE FROM frozen WHERE fence = ?", held.fence)
            for name in sorted(set(groups)):
                # A group that a dead lease froze is this lease's to thaw from now on.
                self._database.execute("DELETE FROM frozen WHERE name = ?", name)
                self._database.execute("INSERT INTO frozen VALUES (?, ?)", name, held.fence)
            return t.cast(Lease, self.held())

    def inherit(self, token: str) -> t.Tuple[str, ...]:
        """Make what dead leases left frozen this lease's own, without a moment of thaw."""
        with self._database.transaction(durable=True):
            self.require(token)
            orphans = tuple(self.expired_frozen())
            held = t.cast(Lease, self.held())
            self._database.execute("UPDATE frozen SET fence = ?", held.fence)
            return orphans

    def expired_frozen(self) -> t.List[str]:
        """Groups frozen by leases that expired, were taken over, or ended without a thaw."""
        live = self.current()
        fence = live.fence if live else 0
        rows = self._database.query("SELECT name FROM frozen WHERE fence <> ? ORDER BY name", fence)
        return [row["name"] for row in rows]

    def thawed(self, groups: t.Iterable[str]) -> None:
        """Forget that a lease froze these groups; ends an expired lease that did."""
        with self._database.transaction(durable=True):
            held = self.held()
            if held and held.expires <= self._database.now():
                self._end(held, "expired")
            for name in groups:
                self._database.execute("DELETE FROM frozen WHERE name = ?", name)

    def history(self, limit: int = 20) -> t.List[t.Dict[str, t.Any]]:
        """The newest leases first: fence, owner, purpose, taken, expires, ended, ending."""
        rows = self._database.query(
            "SELECT fence, owner, purpose, taken, expires, ended, ending FROM leases "
            "ORDER BY fence DESC LIMIT ?",
            limit,
        )
        return [dict(row) for row in rows]

    def refusal(self, held: Lease, *, token: t.Optional[str]) -> Refused:
        """The answer to somebody who does not hold the live lease ``held``."""
        left = max(0.0, held.expires - self._database.now())
        wrong = "the lease_token given is not its token; " if token else ""
        return Refused(
            f'"{held.owner}" holds the lease of this instance for "{held.purpose}", for another '
            f"{left:.0f} s: {wrong}nothing was changed. Wait for it, give its token as "
            "lease_token, or end it with take_over of fleet.jobs.deploy_lease "
            "(deploy_lease_take_over in the deploy playbook).",
            hazard=HAZARD,
            details={
                "lease": {
                    "owner": held.owner,
                    "purpose": held.purpose,
                    "expires": held.expires,
                    "fence": held.fence,
                }
            },
        )

    def stale(self, held: t.Optional[Lease]) -> Refused:
        """The answer to a token that was valid once."""
        expired = held is not None and held.expires <= self._database.now()
        found = "it expired" if expired else "it ended"
        if held is not None and not expired:
            found = f'"{held.owner}" holds the lease for "{held.purpose}" now'
        return Refused(
            f"The lease_token given is not valid any more ({found}); nothing was changed. Look at "
            "the instance again and take a new lease with fleet.jobs.deploy_lease.",
            hazard=HAZARD,
        )

    def _lease(self, row: sqlite3.Row) -> Lease:
        frozen = self._database.query(
            "SELECT name FROM frozen WHERE fence = ? ORDER BY name", row["fence"]
        )
        return Lease(
            owner=row["owner"],
            purpose=row["purpose"],
            token=row["token"],
            expires=row["expires"],
            frozen=tuple(group["name"] for group in frozen),
            fence=row["fence"],
        )

    def _extend(self, held: Lease, ttl: float, *, purpose: str) -> Lease:
        expires = self._database.now() + _positive(ttl)
        self._database.execute(
            "UPDATE leases SET expires = ?, purpose = ? WHERE fence = ?",
            *(expires, purpose, held.fence),
        )
        return t.cast(Lease, self.held())

    def _end(self, held: Lease, ending: str) -> None:
        self._database.execute(
            "UPDATE leases SET ended = ?, ending = ? WHERE fence = ?",
            *(self._database.now(), ending, held.fence),
        )


def _positive(ttl: float) -> float:
    if not ttl > 0:
        raise FleetError(f"A lease needs a ttl above 0 seconds, {ttl:g} was given.")
    return ttl
