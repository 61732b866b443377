# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The ledger: one SQLite file per instance, and the one way in."""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
import time
import typing as t
from pathlib import Path

from .._errors import FleetError
from . import faults, filesystem, replica
from .attempts import Attempts
from .database import Clock, Database, bring_up_to_date, connect, create, fill
from .lease import Leases

if t.TYPE_CHECKING:
    from .budgets import Budgets
    from .journal import Journal
    from .kills import Kills
    from .releases import Releases
    from .submissions import Submissions

FILE_NAME = "ledger.sqlite3"


class Ledger:
    """What is known about an instance beside its queue. Use it as a context manager.

    Changes to the instance (submissions, budgets, journal, releases) belong into
    ``with ledger.change(token):``; a single one outside opens ``change()`` by itself and is
    therefore refused under anybody's lease. Facts (attempts, kills) are recorded in any case;
    ``with ledger.record():`` makes several of them one transaction.

    The parts beside lease and attempts are imported when they are used: a runner, which stands
    before every job, needs none of them.
    """

    def __init__(self, database: Database, *, closed: t.Callable[[], None]) -> None:
        self._database = database
        self._closed = closed
        self.lease = Leases(database)
        self.attempts = Attempts(database)

    @functools.cached_property
    def kills(self) -> Kills:
        """Kills that were meant."""
        from .kills import Kills

        return Kills(self._database)

    @functools.cached_property
    def submissions(self) -> Submissions:
        """Jobs that were recorded before they were queued."""
        from .submissions import Submissions

        return Submissions(self._database, self.lease)

    @functools.cached_property
    def budgets(self) -> Budgets:
        """What was spent of each budget."""
        from .budgets import Budgets

        return Budgets(self._database, self.lease)

    @functools.cached_property
    def journal(self) -> Journal:
        """Deploys and their phases."""
        from .journal import Journal

        return Journal(self._database, self.lease)

    @functools.cached_property
    def releases(self) -> Releases:
        """Commits that were deployed here."""
        from .releases import Releases

        return Releases(self._database, self.lease)

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
