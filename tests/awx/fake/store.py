# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fake keeps: rows by kind, links between them, and what goes with what."""

from __future__ import annotations

import datetime
import itertools
import typing as t

from ansible_collections.fleet.jobs.tests.awx.fake.kind import UNIFIED
from ansible_collections.fleet.jobs.tests.awx.fake.kinds import KINDS, UNIFIED_KINDS

Row = t.Dict[str, t.Any]


class Store:
    """Rows and links in memory. Templates share one sequence of ids, as in AWX's database."""

    def __init__(self) -> None:
        self.rows: t.Dict[str, t.Dict[int, Row]] = {path: {} for path in KINDS}
        self.links: t.Dict[t.Tuple[str, int, str], t.List[int]] = {}
        self._counters: t.Dict[str, t.Iterator[int]] = {}
        self.launched: t.List[Row] = []

    def find(self, path: str, identity: t.Optional[int]) -> t.Optional[Row]:
        """One row; ``unified_job_templates`` looks through all templates."""
        if identity is None:
            return None
        for one in UNIFIED_KINDS if path == UNIFIED else (path,):
            if identity in self.rows[one]:
                return self.rows[one][identity]
        return None

    def all(self, path: str) -> t.List[Row]:
        """Rows of a kind by id."""
        paths = UNIFIED_KINDS if path == UNIFIED else (path,)
        found = [row for one in paths for row in self.rows[one].values()]
        return sorted(found, key=lambda row: row["id"])

    def add(self, path: str, values: Row) -> Row:
        """Keep a new row under the next id."""
        counter = UNIFIED if KINDS[path].unified else path
        numbers = self._counters.setdefault(counter, itertools.count(1))
        now = _now()
        row = {**KINDS[path].shown, **values, "id": next(numbers), "_kind": path}
        row = {"created": now, "modified": now, **row}
        self.rows[path][row["id"]] = row
        return row

    def change(self, row: Row, values: Row) -> None:
        """Overwrite fields; ``modified`` moves only where something did."""
        if any(row.get(name) != value for name, value in values.items()):
            row.update(values)
            row["modified"] = _now()

    def linked(self, row: Row, name: str) -> t.List[int]:
        """Ids attached to a row, in order."""
        return self.links.setdefault((row["_kind"], row["id"], name), [])

    def remove(self, row: Row) -> None:
        """Delete a row, what depends on it, and every mention of it."""
        path, identity = row["_kind"], row["id"]
        if self.rows[path].pop(identity, None) is None:
            return
        labels = self.links.get((path, identity, "labels"), [])[:]
        self._forget(row)
        self._follow(row)
        for label in labels:
            self.drop_label(label)
        if path == "workflow_job_template_nodes":
            self._drop_approval(row)

    def drop_label(self, identity: int) -> None:
        """A label that nothing carries any more is gone."""
        carried = any(
            identity in ids
            for (_dummy, _dummy, name), ids in self.links.items()
            if name == "labels"
        )
        label = self.find("labels", identity)
        if label is not None and not carried:
            self.remove(label)

    def drop_replaced_approval(self, old: Row, new: t.Optional[int]) -> None:
        """The approval of a node goes when the node gets another template."""
        if old.get("unified_job_template") != new:
            self._drop_approval(old)

    def _drop_approval(self, node: Row) -> None:
        approvals = self.rows["workflow_approval_templates"]
        if node.get("unified_job_template") in approvals:
            self.remove(approvals[node["unified_job_template"]])

    def _forget(self, row: Row) -> None:
        path, identity = row["_kind"], row["id"]
        for key in [key for key in self.links if key[:2] == (path, identity)]:
            del self.links[key]
        for (owner, _dummy, name), ids in self.links.items():
            if KINDS[owner].attached[name] == path and identity in ids:
                ids.remove(identity)

    def _follow(self, row: Row) -> None:
        """Rows with a key to this one go as well or lose the key."""
        aims = {row["_kind"]} | ({UNIFIED} if KINDS[row["_kind"]].unified else set())
        for kind in KINDS.values():
            for name, field in kind.fields.items():
                if field.to not in aims:
                    continue
                for other in [r for r in self.all(kind.path) if r.get(name) == row["id"]]:
                    if field.cascade or (kind.path, name) == ("inventories", "organization"):
                        self.remove(other)
                    else:
                        other[name] = None
        if row["_kind"] == "organizations":
            for template in self.rows["job_templates"].values():
                if template["organization"] == row["id"]:
                    template["organization"] = None


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
