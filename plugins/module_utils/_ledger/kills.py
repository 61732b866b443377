# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Kills that somebody meant, so that a dead job is told from a killed one."""

from __future__ import annotations

import typing as t

from .._dataclass import dataclass
from .database import CHUNK, Database


@dataclass(frozen=True)
class Kill:
    """Who killed which task (label and created_at identify it) and why."""

    label: str
    created_at: str
    at: float
    by: str
    reason: str


class Kills:
    """Facts: written without a look at the lease, before the kill is sent."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, label: str, created_at: str, *, by: str, reason: str) -> None:
        """The newest kill of a task (restarted in place, it is the same one) counts."""
        with self._database.transaction(durable=False):
            self._database.execute(
                "INSERT OR REPLACE INTO kills VALUES (?, ?, ?, ?, ?)",
                *(label, created_at, self._database.now(), by, reason),
            )

    def find(self, label: str, created_at: str) -> t.Optional[Kill]:
        """The kill of this task; compare its ``at`` with the attempt's times."""
        for row in self._database.query(
            "SELECT * FROM kills WHERE label = ? AND created_at = ?", label, created_at
        ):
            return Kill(**dict(row))
        return None

    def of(self, labels: t.Iterable[str]) -> t.Dict[t.Tuple[str, str], Kill]:
        """The kills of all tasks of these labels, by label and created_at."""
        found: t.Dict[t.Tuple[str, str], Kill] = {}
        wanted = list(dict.fromkeys(labels))
        for start in range(0, len(wanted), CHUNK):
            part = wanted[start : start + CHUNK]
            marks = ", ".join("?" * len(part))
            for row in self._database.query(f"SELECT * FROM kills WHERE label IN ({marks})", *part):
                found[row["label"], row["created_at"]] = Kill(**dict(row))
        return found

    def latest(self, label: str) -> t.Optional[Kill]:
        """The newest kill of any task of this label."""
        for row in self._database.query(
            "SELECT * FROM kills WHERE label = ? ORDER BY at DESC LIMIT 1", label
        ):
            return Kill(**dict(row))
        return None
