# SPDX-License-Identifier: GPL-3.0-or-later
"""Create, change, delete: fields first, then the rules of the kind, then uniqueness."""

from __future__ import annotations

import copy
import typing as t
import uuid

from ansible_collections.fleet.jobs.tests.awx.fake import rules
from ansible_collections.fleet.jobs.tests.awx.fake.fields import (
    REQUIRED,
    Forbidden,
    Invalid,
    checked,
)
from ansible_collections.fleet.jobs.tests.awx.fake.kind import Kind
from ansible_collections.fleet.jobs.tests.awx.fake.kinds import KINDS
from ansible_collections.fleet.jobs.tests.awx.fake.store import Row, Store

SCM_FIELDS = ("scm_url", "scm_branch", "scm_type", "scm_refspec")


def create(store: Store, path: str, data: Row) -> Row:
    """A new row, or :class:`Invalid` with what AWX would answer."""
    kind = KINDS[path]
    given = _fields(store, kind, data, old=None, partial=False)
    new = {name: copy.deepcopy(field.default) for name, field in kind.fields.items()}
    if path == "workflow_job_template_nodes":
        new["identifier"] = str(uuid.uuid4())
    new.update(given)
    owners = {name: data[name] for name in ("user", "team") if data.get(name)}
    # AWX's serializer fills the defaults in before it validates, so rules see them as given.
    rules.check(store, path, new, {**new, **owners}, None)
    _check_unique(store, kind, new, None)
    if path == "projects":
        new.update(_playbooks=[], _inventories=[])
    row = store.add(path, new)
    if path == "projects" and row["scm_type"]:
        start_update(store, row)
    return row


def change(store: Store, row: Row, data: Row, *, partial: bool) -> None:
    """Change fields of a row; what AWX ignores in a change is ignored."""
    kind = KINDS[row["_kind"]]
    given = _fields(store, kind, data, old=row, partial=partial)
    new = {**row, **copy.deepcopy(given)}
    rules.check(store, kind.path, new, given, row)
    _check_unique(store, kind, new, row)
    moved = any(new.get(name) != row.get(name) for name in SCM_FIELDS)
    store.change(row, new)
    if kind.path == "projects" and row["scm_type"] and moved:
        start_update(store, row)


def delete(store: Store, row: Row) -> None:
    """Delete a row with what goes with it."""
    path = row["_kind"]
    if row.get("managed"):
        what = KINDS[path].type.replace("_", " ")
        raise Forbidden(f"Deletion not allowed for managed {what}s")
    used = {one["credential_type"] for one in store.all("credentials")}
    if path == "credential_types" and row["id"] in used:
        raise Forbidden("Credential types that are in use cannot be deleted")
    store.remove(row)


def start_update(store: Store, project: Row) -> Row:
    """A project update that waits for the first look at it."""
    update = store.add("project_updates", {"project": project["id"]})
    update["status"] = "pending"
    project["_update"] = update["id"]
    return update


def _fields(
    store: Store, kind: Kind, data: Row, *, old: t.Optional[Row], partial: bool
) -> t.Dict[str, t.Any]:
    values: t.Dict[str, t.Any] = {}
    errors: t.Dict[str, t.Any] = {}
    for name, field in kind.fields.items():
        if field.read_only or (field.fixed and old is not None):
            continue
        if name not in data:
            if field.required and not partial:
                errors[name] = [REQUIRED]
            elif field.type == "key" and not field.blank and not partial:
                errors[name] = ["This field cannot be blank."]
            continue
        try:
            values[name] = checked(field, data[name], store.find)
        except Invalid as refused:
            errors[name] = refused.errors
        if field.type == "key" and not field.blank and values.get(name, "") is None:
            errors[name] = ["This field cannot be blank."]
    if errors:
        raise Invalid(errors)
    return values


def _check_unique(store: Store, kind: Kind, new: Row, old: t.Optional[Row]) -> None:
    for names in kind.unique:
        values = [new.get(name) for name in names]
        if None in values or not _taken(store, kind, names, values, old):
            continue
        labels = [name.replace("_", " ").capitalize() for name in names]
        head = kind.type.replace("_", " ").capitalize()
        text = " and ".join(filter(None, (", ".join(labels[:-1]), labels[-1])))
        key = names[0] if len(names) == 1 else "__all__"
        raise Invalid({key: [f"{head} with this {text} already exists."]})
    if kind.soft and _taken(store, kind, kind.soft, [new.get(n) for n in kind.soft], old):
        names_ = ", ".join(kind.soft)
        sentence = f"{kind.model} with this ({names_}) combination already exists."
        raise Invalid({"__all__": [sentence]})


def _taken(
    store: Store, kind: Kind, names: t.Sequence[str], values: t.List[t.Any], old: t.Optional[Row]
) -> bool:
    return any(
        other is not old and [other.get(name) for name in names] == values
        for other in store.all(kind.path)
    )
