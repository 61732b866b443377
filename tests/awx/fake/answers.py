# SPDX-License-Identifier: GPL-3.0-or-later
"""How AWX shows a row: its own fields, ``related``, ``summary_fields``; secrets never."""

from __future__ import annotations

import typing as t

from ansible_collections.fleet.jobs.tests.awx.fake.credentials import shown_inputs
from ansible_collections.fleet.jobs.tests.awx.fake.kind import NODE_LINKS, UNIFIED
from ansible_collections.fleet.jobs.tests.awx.fake.kinds import KINDS
from ansible_collections.fleet.jobs.tests.awx.fake.notifications import shown_configuration
from ansible_collections.fleet.jobs.tests.awx.fake.store import Row, Store

ROOT = "/api/v2"
SUMMARY: t.Dict[str, t.Tuple[str, ...]] = {
    "project": ("status", "scm_type", "allow_override"),
    "source_project": ("status", "scm_type", "allow_override"),
    "inventory": ("has_active_failures", "total_hosts", "total_groups", "kind"),
    "default_environment": ("image",),
    "execution_environment": ("image",),
    "credential": ("kind", "cloud", "kubernetes"),
    "webhook_credential": ("kind", "cloud"),
}


def url_of(row: Row) -> str:
    """The address of a row."""
    return f"{ROOT}/{row['_kind']}/{row['id']}/"


def shown(store: Store, row: Row) -> Row:
    """The row as AWX's serializer answers it."""
    kind = KINDS[row["_kind"]]
    answer: Row = {
        "id": row["id"],
        "type": kind.type,
        "url": url_of(row),
        "related": _related(store, row),
        "summary_fields": _summary(store, row),
    }
    answer.update({name: value for name, value in row.items() if not name.startswith("_")})
    if kind.path == "credentials":
        answer["inputs"] = shown_inputs(store, row)
    if kind.path == "notification_templates":
        answer["notification_configuration"] = shown_configuration(row)
    if kind.path == "workflow_job_template_nodes":
        for when in NODE_LINKS:
            answer[f"{when}_nodes"] = list(store.linked(row, f"{when}_nodes"))
    if kind.path == "inventories":
        answer.update(_counts(store, row))
    if kind.path == "schedules":
        zone = row["rrule"].partition("DTSTART;TZID=")[2].partition(":")[0]
        answer.update(timezone=zone or "UTC", until="")
    return answer


def _related(store: Store, row: Row) -> t.Dict[str, str]:
    kind, base = KINDS[row["_kind"]], url_of(row)
    names = [*kind.sublists, *kind.attached, *kind.views]
    related = {name: f"{base}{name}/" for name in names}
    for name, field in kind.fields.items():
        other = store.find(field.to, row.get(name)) if field.to else None
        if other is not None:
            related[name] = url_of(other)
    if kind.path == "job_templates" and row["organization"] is not None:
        related["organization"] = f"{ROOT}/organizations/{row['organization']}/"
    if kind.path == "projects":
        related["inventory_files"] = related.pop("inventories")
        if "_update" in row:
            related["last_update"] = f"{ROOT}/project_updates/{row['_update']}/"
    if kind.path == "credentials":
        related["input_sources"] = f"{base}input_sources/"
    return related


def _summary(store: Store, row: Row) -> Row:
    kind = KINDS[row["_kind"]]
    summary: Row = {}
    keys = {name: field.to for name, field in kind.fields.items() if field.to}
    if kind.path == "job_templates":
        keys["organization"] = "organizations"
    for name, path in keys.items():
        other = store.find(path, row.get(name))
        if other is None:
            continue
        summary[name] = {
            one: other[one]
            for one in ("id", "name", "description", *SUMMARY.get(name, ()))
            if other.get(one) is not None
        }
        if path == UNIFIED:
            summary[name]["unified_job_type"] = _job_type(other)
            if other["_kind"] == "workflow_approval_templates":
                summary[name]["timeout"] = other["timeout"]
    for name in {"labels", "credentials"} & {*kind.attached}:
        summary[name] = _listed(store, row, name)
    survey = row.get("_survey") or {}
    if survey:
        summary["survey"] = {"title": survey["name"], "description": survey["description"]}
    update = store.find("project_updates", row.get("_update"))
    if update is not None and update["status"] == "pending":
        short = {"id": update["id"], "name": row["name"], "status": "pending", "failed": False}
        summary["current_update"] = summary["current_job"] = short
    summary["user_capabilities"] = {"edit": True, "delete": True}
    return summary


def _listed(store: Store, row: Row, name: str) -> t.Any:
    others = [store.find(KINDS[row["_kind"]].attached[name], i) for i in store.linked(row, name)]
    rows = [other for other in others if other is not None]
    if name == "labels":
        short = [{"id": one["id"], "name": one["name"]} for one in rows]
        return {"count": len(rows), "results": short[:10]}
    names = ("id", "name", "description", "kind", "cloud")
    return [{one: other[one] for one in names} for other in rows]


def _counts(store: Store, row: Row) -> Row:
    def count(path: str) -> int:
        return sum(one["inventory"] == row["id"] for one in store.all(path))

    return {
        "total_hosts": count("hosts"),
        "total_groups": count("groups"),
        "total_inventory_sources": count("inventory_sources"),
        "has_inventory_sources": bool(count("inventory_sources")),
    }


def _job_type(template: Row) -> str:
    return {
        "projects": "project_update",
        "inventory_sources": "inventory_update",
        "job_templates": "job",
        "workflow_job_templates": "workflow_job",
        "workflow_approval_templates": "workflow_approval",
    }[template["_kind"]]
