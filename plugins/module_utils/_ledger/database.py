# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""One SQLite connection: open, create, transactions, and errors that say what to do."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import typing as t
from pathlib import Path

from .._errors import FleetError
from .._files import temporary_name
from . import faults, schema

# Many runners write at once; each holds the lock for a millisecond or two.
BUSY_SECONDS = 30.0
CHUNK = 500  # parameters a statement: SQLite before 3.32 takes 999

Value = t.Union[None, str, int, float]
Clock = t.Callable[[], float]


class Database:
    """A connection in autocommit mode; transactions are explicit and may be joined."""

    def __init__(
        self, connection: sqlite3.Connection, *, path: Path, read_only: bool, clock: Clock
    ) -> None:
        self.path = path
        self.read_only = read_only
        self.now = clock
        self._connection = connection

    @property
    def inside(self) -> bool:
        """Whether a transaction is open."""
        return self._connection.in_transaction

    def close(self) -> None:
        self._connection.close()

    def query(self, sql: str, *parameters: Value) -> t.List[sqlite3.Row]:
        """All rows of a statement that reads."""
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise faults.translate(error, self.path) from error

    def execute(self, sql: str, *parameters: Value) -> int:
        """Run a statement that writes; the last row id."""
        try:
            return self._connection.execute(sql, parameters).lastrowid or 0
        except sqlite3.Error as error:
            raise faults.translate(error, self.path) from error

    @contextlib.contextmanager
    def transaction(self, *, durable: bool) -> t.Iterator[None]:
        """All or nothing, alone among writers; inside an open transaction it joins that one."""
        if self.inside:
            yield
            return
        if self.read_only:
            raise FleetError(
                f'The ledger "{self.path}" was opened to read only and cannot record anything.'
            )
        # NORMAL survives the death of any process and loses at most the last commits in a power
        # cut, which ends the jobs they describe as well. What others rely on (who holds the
        # lease, which deploy phase is done, what was submitted) is FULL: synced at commit.
        self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            # A full disk makes SQLite roll back by itself.
            if self.inside:
                self._connection.execute("ROLLBACK")
            raise


def connect(path: t.Union[Path, str]) -> sqlite3.Connection:
    """A connection to an existing file (never creates one), or to ``":memory:"``."""
    target = str(path)
    for character, escaped in (("%", "%25"), ("?", "%3f"), ("#", "%23")):
        target = target.replace(character, escaped)
    connection = sqlite3.connect(
        ":memory:" if target == ":memory:" else f"file:{target}?mode=rw",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
    )
    connection.row_factory = sqlite3.Row
    return connection


def bring_up_to_date(connection: sqlite3.Connection, *, path: Path) -> None:
    """Check that this is a ledger we know; migrate an older one."""
    version = _version(connection)
    if version == schema.VERSION:
        return
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application != schema.APPLICATION_ID or version < 1:
        raise faults.corrupt(path, found="it has none of our tables")
    if version > schema.VERSION:
        raise faults.newer(path, found=version, known=schema.VERSION)
    fill(connection)


def fill(connection: sqlite3.Connection) -> None:
    """Make what tables are missing; processes that do so at once wait for each other."""
    connection.execute("BEGIN IMMEDIATE")
    for statement in schema.statements(since=_version(connection)):
        connection.execute(statement)
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def create(path: Path) -> None:
    """Make an empty ledger at ``path``, whole or not at all; one that appears meanwhile wins."""
    try:
        temporary = temporary_name(path)
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            connection = connect(temporary)
            connection.execute("PRAGMA journal_mode = WAL")
            fill(connection)
            connection.close()
            with contextlib.suppress(FileExistsError):
                os.link(temporary, str(path))
        finally:
            os.unlink(temporary)
    except (OSError, sqlite3.Error) as error:
        raise faults.translate(error, path) from error
