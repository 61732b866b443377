# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Attempts: one run of a job each, written by the runner and never changed afterwards."""

from __future__ import annotations

import sqlite3
import typing as t

from .._dataclass import dataclass, fields
from .._errors import FleetError
from .database import CHUNK, Database, Value

UNKNOWN = "unknown"
OK = "ok"


@dataclass(frozen=True)
class Attempt:
    """One run; ``ended`` and ``class_`` are None while it runs."""

    id: int
    label: str
    task_key: str
    number: int
    started: float
    ended: t.Optional[float] = None
    class_: t.Optional[str] = None
    exit_code: t.Optional[int] = None
    signal: t.Optional[int] = None
    peak_bytes: t.Optional[int] = None
    cpu_seconds: t.Optional[float] = None
    cap_bytes: t.Optional[int] = None
    enforcement: t.Optional[str] = None
    release: t.Optional[str] = None
    pid: t.Optional[int] = None
    boot_id: t.Optional[str] = None
    log_path: t.Optional[str] = None
    message: t.Optional[str] = None

    @property
    def seconds(self) -> t.Optional[float]:
        """How long it ran."""
        return None if self.ended is None else self.ended - self.started


class Attempts:
    """Facts: written without a look at the lease."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(
        self,
        label: str,
        *,
        task_key: str,
        pid: t.Optional[int] = None,
        boot_id: t.Optional[str] = None,
        release: t.Optional[str] = None,
        cap_bytes: t.Optional[int] = None,
        enforcement: t.Optional[str] = None,
        log_path: t.Optional[str] = None,
    ) -> Attempt:
        """Record that a run begins; its number is the next one of its label."""
        with self._database.transaction(durable=False):
            last = self._database.query(
                "SELECT max(number) AS number FROM attempts WHERE label = ?", label
            )
            row = self._database.execute(
                "INSERT INTO attempts (label, task_key, number, started, pid, boot_id, release, "
                "cap_bytes, enforcement, log_path) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                *(label, task_key, (last[0]["number"] or 0) + 1, self._database.now()),
                *(pid, boot_id, release, cap_bytes, enforcement, log_path),
            )
            return self.get(row)

    def finish(
        self,
        attempt_id: int,
        *,
        class_: str,
        exit_code: t.Optional[int] = None,
        signal: t.Optional[int] = None,
        peak_bytes: t.Optional[int] = None,
        cpu_seconds: t.Optional[float] = None,
        enforcement: t.Optional[str] = None,
        message: t.Optional[str] = None,
        ended: t.Optional[float] = None,
    ) -> Attempt:
        """Record how a run ended. The first verdict stays, unless it was ``unknown``."""
        with self._database.transaction(durable=False):
            self._database.execute(
                "UPDATE attempts SET ended = ?, class = ?, exit_code = ?, signal = ?, "
                "peak_bytes = ?, cpu_seconds = ?, enforcement = coalesce(?, enforcement), "
                "message = ? WHERE id = ? AND (ended IS NULL OR class = ?)",
                *(self._database.now() if ended is None else ended, class_, exit_code, signal),
                *(peak_bytes, cpu_seconds, enforcement, message, attempt_id, UNKNOWN),
            )
            return self.get(attempt_id)

    def set_log(self, attempt_id: int, log_path: str) -> None:
        """Where the log of this run is kept now."""
        with self._database.transaction(durable=False):
            self._database.execute(
                "UPDATE attempts SET log_path = ? WHERE id = ?", log_path, attempt_id
            )

    def get(self, attempt_id: int) -> Attempt:
        """One attempt by its row id."""
        rows = self._read("WHERE id = ?", attempt_id)
        if not rows:
            raise FleetError(
                f'The ledger "{self._database.path}" has no attempt with the id {attempt_id}.'
            )
        return rows[0]

    def latest(self, labels: t.Optional[t.Iterable[str]] = None) -> t.Dict[str, Attempt]:
        """The newest attempt of each of these labels (default: of all) that has one."""
        newest = "WHERE id IN (SELECT max(id) FROM attempts {} GROUP BY label)"
        if labels is None:
            found = self._read(newest.format(""))
        else:
            found = []
            wanted = list(dict.fromkeys(labels))
            for start in range(0, len(wanted), CHUNK):
                part = wanted[start : start + CHUNK]
                marks = ", ".join("?" * len(part))
                found += self._read(newest.format(f"WHERE label IN ({marks})"), *part)
        return {attempt.label: attempt for attempt in found}

    def history(self, label: str) -> t.List[Attempt]:
        """All attempts of a label, oldest first."""
        return self._read("WHERE label = ? ORDER BY number", label)

    def of_task(self, task_key: str) -> t.List[Attempt]:
        """All attempts of one task (in-place restarts keep its key), oldest first."""
        return self._read("WHERE task_key = ? ORDER BY id", task_key)

    def open_attempts(self) -> t.List[Attempt]:
        """Attempts without an end, oldest first: running, or their runner died."""
        return self._read("WHERE ended IS NULL ORDER BY id")

    def _read(self, where: str, *parameters: Value) -> t.List[Attempt]:
        rows = self._database.query(f"SELECT * FROM attempts {where}", *parameters)
        return [_attempt(row) for row in rows]


_FIELDS = tuple(field.name for field in fields(Attempt))


def _attempt(row: sqlite3.Row) -> Attempt:
    return Attempt(**{name: row["class" if name == "class_" else name] for name in _FIELDS})
