# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists to which others are attached: ``POST {id}``, and ``POST {id, disassociate}``."""

from __future__ import annotations

import typing as t

from ansible_collections.fleet.jobs.tests.awx.fake import resources
from ansible_collections.fleet.jobs.tests.awx.fake.credentials import passwords_needed
from ansible_collections.fleet.jobs.tests.awx.fake.fields import Invalid
from ansible_collections.fleet.jobs.tests.awx.fake.kind import NODE_LINKS, UNIFIED
from ansible_collections.fleet.jobs.tests.awx.fake.kinds import KINDS
from ansible_collections.fleet.jobs.tests.awx.fake.prompts import PROMPTS
from ansible_collections.fleet.jobs.tests.awx.fake.store import Row, Store

NODES = "workflow_job_template_nodes"
JOB_CREDENTIALS = ("ssh", "vault", "cloud", "net", "kubernetes")
# Lists that only take what exists; the others make a new object of what is posted without an id.
ONLY_EXISTING = ("instance_groups", "galaxy_credentials")


def post(store: Store, row: Row, name: str, data: t.Any) -> t.Optional[Row]:
    """Attach or detach; the new row where one was made on the way."""
    if not isinstance(data, dict):
        raise Invalid("invalid type for post data")
    identity = data.get("id")
    kind = KINDS[row["_kind"]].attached[name]
    if not identity:
        if "disassociate" in data:
            raise Invalid({"msg": '"id" is required to disassociate'})
        return _made(store, row, name, data)
    if not isinstance(identity, int):
        raise Invalid({"msg": '"id" field must be an integer.'})
    other = store.find(kind, identity)
    if other is None:
        label = KINDS[kind].type.replace("_", " ").capitalize()
        raise Invalid({"detail": f"{label} with id {identity} does not exist."})
    if "disassociate" in data:
        _detach(store, row, name, identity)
        return None
    linked = store.linked(row, name)
    if identity not in linked or name == "credentials":
        _check(store, row, name, other)
    if identity not in linked:
        linked.append(identity)
    return None


def _detach(store: Store, row: Row, name: str, identity: int) -> None:
    linked = store.linked(row, name)
    if identity in linked:
        linked.remove(identity)
    if name == "labels":
        store.drop_label(identity)


def _made(store: Store, row: Row, name: str, data: Row) -> t.Optional[Row]:
    kind = KINDS[row["_kind"]].attached[name]
    saved_prompts = row["_kind"] in (NODES, "schedules") and name == "credentials"
    if name in ONLY_EXISTING or saved_prompts:
        label = KINDS[kind].type.replace("_", " ").title()
        raise Invalid({"msg": f"{label} 'id' field is missing."})
    if kind == "labels":
        for label_row in store.all("labels"):
            if all(label_row[key] == data.get(key) for key in ("name", "organization")):
                return post(store, row, name, {"id": label_row["id"]})
    if kind == NODES:
        data = {**data, "workflow_job_template": row["workflow_job_template"]}
    made = resources.create(store, kind, data)
    try:
        _check(store, row, name, made)
    except Invalid:
        store.remove(made)
        raise
    store.linked(row, name).append(made["id"])
    return made


def _check(store: Store, row: Row, name: str, other: Row) -> None:
    if name == "credentials" and row["_kind"] == "job_templates":
        _check_job_credential(store, row, other)
    elif name == "credentials" and row["_kind"] in (NODES, "schedules"):
        _check_prompted_credential(store, row, other)
    elif name == "galaxy_credentials":
        type_ = _type(store, other)
        if type_["kind"] != "galaxy":
            sentence = f"Credential must be a Galaxy credential, not {type_['name']}."
            raise Invalid({"msg": sentence})
    elif row["_kind"] == NODES and name in [f"{when}_nodes" for when in NODE_LINKS]:
        _check_edge(store, row, name, other)


def _check_job_credential(store: Store, row: Row, other: Row) -> None:
    present = [store.find("credentials", one) for one in store.linked(row, "credentials")]
    type_ = _type(store, other)
    if _hash(store, other) in [_hash(store, t.cast(Row, one)) for one in present]:
        raise Invalid({"error": f"Cannot assign multiple {type_['name']} credentials."})
    if type_["kind"] not in JOB_CREDENTIALS:
        raise Invalid({"error": f"Cannot assign a Credential of kind `{type_['kind']}`."})


def _check_prompted_credential(store: Store, row: Row, other: Row) -> None:
    template = store.find(UNIFIED, row["unified_job_template"])
    if template is None:
        raise Invalid({"msg": "Cannot assign credential when related template is null."})
    switch = PROMPTS.get(template["_kind"], {}).get("credentials")
    if switch is None:
        raise Invalid({"msg": "Related template cannot accept credentials on launch."})
    if passwords_needed(other):
        raise Invalid(
            {
                "msg": "Credential that requires user input on launch cannot be used in saved "
                "launch configuration."
            }
        )
    if not template[switch]:
        raise Invalid(
            {"msg": "Related template is not configured to accept credentials on launch."}
        )
    present = [store.find("credentials", one) for one in store.linked(row, "credentials")]
    if _hash(store, other) in [_hash(store, t.cast(Row, one)) for one in present]:
        name = _type(store, other)["name"]
        raise Invalid({"msg": f"This launch configuration already provides a {name} credential."})
    if other["id"] in store.linked(template, "credentials"):
        raise Invalid({"msg": f"Related template already uses {other['name']} credential."})


def _check_edge(store: Store, row: Row, name: str, other: Row) -> None:
    if row["id"] == other["id"]:
        raise Invalid({"Error": "Cycle detected."})
    names = [f"{when}_nodes" for when in NODE_LINKS]
    if any(other["id"] in store.linked(row, one) for one in names if one != name):
        raise Invalid({"Error": "Relationship not allowed."})
    seen, waiting = set(), [other["id"]]
    while waiting:
        current = waiting.pop()
        if current == row["id"]:
            raise Invalid({"Error": "Cycle detected."})
        if current not in seen:
            seen.add(current)
            node = t.cast(Row, store.find(NODES, current))
            waiting += [after for one in names for after in store.linked(node, one)]


def _type(store: Store, credential: Row) -> Row:
    return t.cast(Row, store.find("credential_types", credential["credential_type"]))


def _hash(store: Store, credential: Row) -> t.Tuple[int, t.Any]:
    vault = credential["inputs"].get("vault_id")
    return (credential["credential_type"], vault if _is_vault(store, credential) else None)


def _is_vault(store: Store, credential: Row) -> bool:
    return bool(_type(store, credential)["kind"] == "vault")
