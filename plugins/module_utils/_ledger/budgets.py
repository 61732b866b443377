# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Budgets: how much of a kind of change was made already, so that a loop of calls has an end."""

from __future__ import annotations

import typing as t

from .._errors import Refused
from .database import Database
from .lease import Leases

RESTART = "restart"


def a_day_before(moment: float) -> float:
    """Budgets of labels count over one day, wherever they are charged."""
    return moment - 86400.0


class Budgets:
    """Charges by kind (such as "restart") and key (such as a label). Under the lease."""

    def __init__(self, database: Database, lease: Leases) -> None:
        self._database = database
        self._lease = lease

    def spent(self, kind: str, key: str, *, since: float) -> int:
        """What was charged from ``since`` (epoch seconds) on."""
        rows = self._database.query(
            "SELECT coalesce(sum(amount), 0) AS amount FROM charges "
            "WHERE kind = ? AND key = ? AND at >= ?",
            *(kind, key, since),
        )
        return int(rows[0]["amount"])

    def spent_by_key(self, kind: str, *, since: float) -> t.Dict[str, int]:
        """The same for all keys of a kind at once."""
        rows = self._database.query(
            "SELECT key, sum(amount) AS amount FROM charges WHERE kind = ? AND at >= ? "
            "GROUP BY key ORDER BY key",
            *(kind, since),
        )
        return {row["key"]: int(row["amount"]) for row in rows}

    def charge(
        self,
        kind: str,
        key: str,
        amount: int = 1,
        *,
        reason: str = "",
        limit: t.Optional[int] = None,
        since: float = 0.0,
    ) -> int:
        """Add to what was spent; with ``limit``, refuse in the same transaction to pass it."""
        with self._lease.guarded():
            total = self.spent(kind, key, since=since) + amount
            if limit is not None and total > limit:
                raise Refused(
                    f'The budget of {limit} for "{kind}" of "{key}" does not allow {amount} more: '
                    f"{total - amount} are spent. Find out why so many are needed, then raise the "
                    "budget.",
                    hazard="AP-18",
                )
            self._database.execute(
                "INSERT INTO charges VALUES (?, ?, ?, ?, ?)",
                *(kind, key, amount, self._database.now(), reason),
            )
            return total
