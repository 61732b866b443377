# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The deploy journal: which phases of which deploy are proven, so that a re-run skips them."""

from __future__ import annotations

import json
import sqlite3
import typing as t

from .._dataclass import dataclass
from .._errors import FleetError
from .database import Database
from .lease import Leases

Data = t.Dict[str, t.Any]


@dataclass(frozen=True)
class Deploy:
    """One deploy on this instance, with the data of each phase that is done."""

    id: str
    started: float
    plan: Data
    phases: t.Dict[str, Data]


class Journal:
    """Under the lease, see ``Ledger.change``."""

    def __init__(self, database: Database, lease: Leases) -> None:
        self._database = database
        self._lease = lease

    def begin(
        self, deploy_id: str, plan: t.Mapping[str, t.Any], *, last: t.Optional[str] = None
    ) -> None:
        """Record a deploy; beginning it again with the same plan is no error.

        One that came to its ``last`` phase, and is to be done again on a host that was put back
        meanwhile, begins anew.
        """
        text = json.dumps(dict(plan), sort_keys=True)
        with self._lease.guarded():
            known = self._database.query("SELECT plan FROM deploys WHERE id = ?", deploy_id)
            if not known:
                self._database.execute(
                    "INSERT INTO deploys VALUES (?, ?, ?)",
                    *(deploy_id, self._database.now(), text),
                )
            elif known[0]["plan"] != text:
                raise FleetError(
                    f'The deploy "{deploy_id}" is in "{self._database.path}" with another plan. '
                    "Audit again and deploy under a new id."
                )
            elif last is not None and last in self.phases(deploy_id):
                self._database.execute("DELETE FROM deploy_phases WHERE deploy_id = ?", deploy_id)
                self._database.execute(
                    "UPDATE deploys SET started = ? WHERE id = ?",
                    *(self._database.now(), deploy_id),
                )

    def mark(
        self, deploy_id: str, phase: str, data: t.Optional[t.Mapping[str, t.Any]] = None
    ) -> None:
        """Record that a phase is done, and in whose name (``who``).

        A later mark of the same phase replaces it.
        """
        with self._lease.guarded():
            self._known(deploy_id)
            held = self._lease.held()
            whole = {**(data or {}), **({"who": held.owner} if held else {})}
            self._database.execute(
                "INSERT OR REPLACE INTO deploy_phases VALUES (?, ?, ?, ?)",
                *(deploy_id, phase, self._database.now(), json.dumps(whole)),
            )

    def phases(self, deploy_id: str) -> t.Dict[str, Data]:
        """The data of each phase that is done, in the order they were; empty if unknown."""
        rows = self._database.query(
            "SELECT phase, data FROM deploy_phases WHERE deploy_id = ? ORDER BY at, rowid",
            deploy_id,
        )
        return {row["phase"]: json.loads(row["data"]) for row in rows}

    def plan(self, deploy_id: str) -> t.Optional[Data]:
        """The plan the deploy was begun with; None if unknown."""
        for row in self._database.query("SELECT plan FROM deploys WHERE id = ?", deploy_id):
            return t.cast(Data, json.loads(row["plan"]))
        return None

    def history(self, limit: int = 20) -> t.List[Deploy]:
        """The newest deploys first."""
        rows = self._database.query(
            "SELECT * FROM deploys ORDER BY started DESC, rowid DESC LIMIT ?", limit
        )
        return [self._deploy(row) for row in rows]

    def _deploy(self, row: sqlite3.Row) -> Deploy:
        return Deploy(
            id=row["id"],
            started=row["started"],
            plan=json.loads(row["plan"]),
            phases=self.phases(row["id"]),
        )

    def _known(self, deploy_id: str) -> None:
        if self.plan(deploy_id) is None:
            raise FleetError(
                f'The deploy "{deploy_id}" is not in "{self._database.path}". Begin it with an '
                "audit on this instance."
            )
