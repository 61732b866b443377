# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The ledger: one SQLite file per instance, and the one way in."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
import typing as t
from pathlib import Path

from .._errors import FleetError
from . import faults, filesystem, replica
from .attempts import Attempts
from .budgets import Budgets
from .database import Clock, Database, bring_up_to_date, connect, create, fill
from .journal import Journal
from .kills import Kills
from .lease import Leases
from .releases import Releases
from .submissions import Submissions

FILE_NAME = "ledger.sqlite3"


class Ledger:
    """What is known about an instance beside its queue. Use it as a context manager.

    Changes to the instance (submissions, budgets, journal, releases) belong into
    ``with ledger.change(token):``; a single one outside opens ``change()`` by itself and is
    therefore refused under anybody's lease. Facts (attempts, kills) are recorded in any case;
    ``with ledger.record():`` makes several of them one transaction.
    """

    def __init__(self, database: Database, *, closed: t.Callable[[], None]) -> None:
        self._database = database
        self._closed = closed
        self.lease = Leases(database)
        self.attempts = Attempts(database)
        self.kills = Kills(database)
        self.submissions = Submissions(database, self.lease)
        self.budgets = Budgets(database, self.lease)
        self.journal = Journal(database, self.lease)
        self.releases = Releases(database, self.lease)

    @classmethod
    def open(cls, state_dir: Path, *, read_only: bool = False, clock: Clock = time.time) -> Ledger:
        """The ledger in ``state_dir``, made if it is missing.

        With ``read_only`` not a byte below ``state_dir`` is written or created, whoever else is
        writing: the ledger is as it was at this moment, and an empty one if there is none.
        """
        path = Path(state_dir) / FILE_NAME
        return cls._reading(path, clock=clock) if read_only else cls._writing(path, clock=clock)

    @property
    def path(self) -> Path:
        """The file."""
        return self._database.path

    def now(self) -> float:
        """The ledger's clock, epoch seconds."""
        return self._database.now()

    @contextlib.contextmanager
    def change(self, token: t.Optional[str] = None) -> t.Iterator[None]:
        """One durable transaction, refused unless ``token`` is the live lease's or there is none.

        Joins an open transaction after the same check.
        """
        with self._database.transaction(durable=True):
            self.lease.require(token)
            yield

    @contextlib.contextmanager
    def record(self, *, durable: bool = False) -> t.Iterator[None]:
        """One transaction for facts, without a look at the lease; joins an open one.

        ``durable`` syncs it at its end, for several changes of the lease itself.
        """
        with self._database.transaction(durable=durable):
            yield

    def close(self) -> None:
        """Close the connection; a second time is no error."""
        self._database.close()
        self._closed()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_unused: object) -> None:
        self.close()

    @classmethod
    def _reading(cls, path: Path, *, clock: Clock) -> Ledger:
        connection = replica.open_copy(path)
        if connection is None:
            connection = connect(":memory:")
            fill(connection)
        database = Database(connection, path=path, read_only=True, clock=clock)
        return cls(database, closed=lambda: None)

    @classmethod
    def _writing(cls, path: Path, *, clock: Clock) -> Ledger:
        if not path.parent.is_dir():
            raise FleetError(
                f'The state directory "{path.parent}" does not exist. Create it for the account '
                "that runs the jobs, or choose another one with state_dir."
            )
        filesystem.refuse_network(path.parent)
        connection = _connection(path)
        database = Database(connection, path=path, read_only=False, clock=clock)
        identity = replica.writer_opened(path)
        done: t.List[None] = []

        def closed() -> None:
            if not done:
                done.append(None)
                replica.writer_closed(identity)

        return cls(database, closed=closed)


def _connection(path: Path) -> sqlite3.Connection:
    try:
        if not path.exists():
            create(path)
        if os.stat(str(path)).st_size == 0:
            raise faults.corrupt(path, found="it is empty")
        connection = connect(path)
        try:
            bring_up_to_date(connection, path=path)
        except BaseException:
            connection.close()
            raise
    except (OSError, sqlite3.Error) as error:
        raise faults.translate(error, path) from error
    return connection
