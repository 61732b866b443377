# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Releases: which commit a project on this host was deployed at, and when."""

from __future__ import annotations

import typing as t

from .._dataclass import dataclass
from .database import Database
from .lease import Leases


@dataclass(frozen=True)
class Release:
    """One commit that went live for a project (its path on the host)."""

    id: int
    project: str
    sha: str
    version: str
    deploy_id: str
    at: float


class Releases:
    """Under the lease, see ``Ledger.change``."""

    def __init__(self, database: Database, lease: Leases) -> None:
        self._database = database
        self._lease = lease

    def record(
        self, sha: str, *, project: str = "", version: str = "", deploy_id: str = ""
    ) -> Release:
        """The project is at this commit from now on; recording the current one again is no news."""
        with self._lease.guarded():
            known = self.current(project)
            if known and (known.sha, known.version) == (sha, version):
                return known
            self._database.execute(
                "INSERT INTO releases (project, sha, version, deploy_id, at) "
                "VALUES (?, ?, ?, ?, ?)",
                *(project, sha, version, deploy_id, self._database.now()),
            )
            return self.history(project, limit=1)[0]

    def current(self, project: str = "") -> t.Optional[Release]:
        """What the project is at; None if nothing was ever recorded."""
        found = self.history(project, limit=1)
        return found[0] if found else None

    def history(self, project: str = "", *, limit: int = 20) -> t.List[Release]:
        """The newest first; the second one is where a rollback goes."""
        rows = self._database.query(
            "SELECT * FROM releases WHERE project = ? ORDER BY id DESC LIMIT ?", project, limit
        )
        return [Release(**dict(row)) for row in rows]
