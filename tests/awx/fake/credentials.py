# SPDX-License-Identifier: GPL-3.0-or-later
"""Credential types, and inputs of credentials: what AWX refuses, and what it never shows again."""

from __future__ import annotations

import base64
import re
import typing as t

from ansible_collections.fleet.jobs.tests.awx.fake.fields import Forbidden, Invalid
from ansible_collections.fleet.jobs.tests.awx.fake.kind import UNIFIED
from ansible_collections.fleet.jobs.tests.awx.fake.store import Row, Store
from ansible_collections.fleet.jobs.tests.awx.fake.surveys import SECRET

FIELD_KEYS = {"type", "format", "choices", "id", "label", "help_text", "multiline", "secret"}
FIELD_KEYS |= {"ask_at_runtime", "default"}
VARIABLE = re.compile(r"[a-zA-Z_]+[a-zA-Z0-9_]*")


def _field(id_: str, **more: t.Any) -> Row:
    return {"id": id_, "label": id_.replace("_", " ").title(), "type": "string", **more}


_HIDDEN: t.Dict[str, t.Any] = {"secret": True}
_ASKED: t.Dict[str, t.Any] = {"secret": True, "ask_at_runtime": True}
_KEY = _field("ssh_key_data", format="ssh_private_key", secret=True, multiline=True)
_LOGIN = [_field("username"), _field("password", **_HIDDEN)]
_UNLOCK = _field("ssh_key_unlock", **_HIDDEN)
_BECOME = [_field("become_method"), _field("become_username")]
# (name, kind, namespace, fields) of those that AWX brings along and a fleet may need
MANAGED: t.List[t.Tuple[str, str, str, t.List[Row]]] = [
    (
        "Machine",
        "ssh",
        "ssh",
        [
            _field("username"),
            _field("password", **_ASKED),
            _KEY,
            _field("ssh_public_key_data", multiline=True),
            _field("ssh_key_unlock", **_ASKED),
            *_BECOME,
            _field("become_password", **_ASKED),
        ],
    ),
    ("Source Control", "scm", "scm", [*_LOGIN, _KEY, _UNLOCK]),
    ("Vault", "vault", "vault", [_field("vault_password", **_ASKED), _field("vault_id")]),
    ("Network", "net", "net", [*_LOGIN, _KEY, _UNLOCK]),
    (
        "Container Registry",
        "registry",
        "registry",
        [_field("host"), *_LOGIN, _field("verify_ssl", type="boolean", default=True)],
    ),
    (
        "Ansible Galaxy/Automation Hub API Token",
        "galaxy",
        "galaxy_api_token",
        [_field("url"), _field("auth_url"), _field("token", **_HIDDEN)],
    ),
    ("GitHub Personal Access Token", "token", "github_token", [_field("token", **_HIDDEN)]),
    ("GitLab Personal Access Token", "token", "gitlab_token", [_field("token", **_HIDDEN)]),
]


def check_type(store: Store, new: Row, given: Row, old: t.Optional[Row]) -> None:
    """A credential type of one's own."""
    if old is not None and old["managed"]:
        raise Forbidden("Modifications not allowed for managed credential types")
    in_use = old is not None and any(
        one["credential_type"] == old["id"] for one in store.all("credentials")
    )
    if in_use and old is not None and given.get("inputs", old["inputs"]) != old["inputs"]:
        raise Forbidden(
            "Modifications to inputs are not allowed for credential types that are in use"
        )
    if given.get("kind", "cloud") not in ("cloud", "net"):
        raise Invalid({"kind": [f"Must be 'cloud' or 'net', not {given['kind']}"]})
    _check_inputs_of_type(new["inputs"])
    _check_injectors(new)


def _check_inputs_of_type(inputs: Row) -> None:
    for name in inputs:
        if name == "dependencies":
            _refuse("inputs", "'dependencies' is not supported for custom credentials.")
        if name not in ("fields", "required"):
            _refuse(
                "inputs",
                f"Additional properties are not allowed ('{name}' was unexpected)",
            )
    seen: t.Set[str] = set()
    for field in inputs.get("fields", []):
        _check_field_of_type(field)
        if field["id"] in seen:
            _refuse("inputs", f"field IDs must be unique ({field['id']})")
        seen.add(field["id"])


def _check_field_of_type(field: Row) -> None:
    for name in ("id", "label"):
        if name not in field:
            _refuse("inputs", f"'{name}' is a required property")
    for name in set(field) - FIELD_KEYS:
        _refuse("inputs", f"Additional properties are not allowed ('{name}' was unexpected)")
    if not VARIABLE.fullmatch(field["id"]):
        _refuse("inputs", f"{field['id']} is an invalid variable name")
    if field["id"] == "tower":
        _refuse("inputs", '"tower" is a reserved field name')
    _check_type_of_field(field)
    if field.get("ask_at_runtime"):
        _refuse("inputs", "'ask_at_runtime' is not supported for custom credentials.")


def _check_type_of_field(field: Row) -> None:
    kind = field.setdefault("type", "string")
    if kind not in ("string", "boolean"):
        _refuse("inputs", f"'{kind}' is not one of ['string', 'boolean']")
    default = field.get("default", "" if kind == "string" else False)
    if default.__class__ is not (str if kind == "string" else bool):
        _refuse("inputs", f"{default} is not a {kind}")
    for name in ("choices", "multiline", "format", "secret"):
        if name in field and kind != "string":
            _refuse("inputs", f"{name} not allowed for {kind} type ({field['id']})")


def _check_injectors(new: Row) -> None:
    for kind, values in new["injectors"].items():
        if kind not in ("file", "env", "extra_vars"):
            _refuse("injectors", f"Additional properties are not allowed ('{kind}' was unexpected)")
        for name, value in values.items():
            if kind == "env" and name.startswith("ANSIBLE_"):
                _refuse(
                    "injectors",
                    f"Environment variable {name} may affect Ansible configuration so its use is "
                    "not allowed in credentials.",
                )
            known = {field["id"] for field in new["inputs"].get("fields", [])} | {"tower"}
            for used in re.findall(r"{{\s*([a-zA-Z_]\w*)", str(value)):
                if used not in known:
                    _refuse("injectors", f"{name} uses an undefined field ('{used}' is undefined)")


def check_credential(store: Store, new: Row, given: Row, old: t.Optional[Row]) -> None:
    """Owner and inputs of a credential; ``$encrypted$`` stands for what is kept already."""
    if old is not None and old["managed"]:
        raise Forbidden("Modifications not allowed for managed credentials")
    owners = sorted(name for name in ("user", "team", "organization") if given.get(name))
    if old is None and not owners:
        raise Invalid({"detail": ["Missing 'user', 'team', or 'organization'."]})
    if old is None and len(owners) > 1:
        names = ", ".join(owners)
        sentence = "Only one of 'user', 'team', or 'organization' should be provided, received"
        raise Invalid({"detail": [f"{sentence} {names} fields."]})
    type_ = store.find("credential_types", new["credential_type"]) or {}
    _check_change(store, new, given, old)
    if type_["kind"] == "galaxy" and (new["organization"] is None):
        raise Invalid({"organization": ["Galaxy credentials must be owned by an Organization."]})
    new["inputs"] = _inputs(type_, new["inputs"], old)
    new["kind"] = type_["namespace"]
    new["cloud"] = type_["kind"] == "cloud"


def _check_change(store: Store, new: Row, given: Row, old: t.Optional[Row]) -> None:
    if old is None:
        return
    keys = ("credential", "signature_validation_credential", "webhook_credential")
    used = any(
        old["id"] in ids
        for (_dummy, _dummy, name), ids in store.links.items()
        if name == "credentials"
    ) or any(old["id"] in [one.get(key) for key in keys] for one in store.all(UNIFIED))
    if used and new["credential_type"] != old["credential_type"]:
        _refuse(
            "credential_type",
            "You cannot change the credential type of the credential, as it may break the "
            "functionality of the resources using it.",
        )
    before, after = (one.get("inputs", {}).get("vault_id") for one in (old, given))
    if after is not None and before != after and old["kind"] == "vault":
        _refuse("inputs", "Vault IDs cannot be changed once they have been created.")


def shown_inputs(store: Store, row: Row) -> Row:
    """Inputs without their secrets."""
    secrets = _secrets(store.find("credential_types", row["credential_type"]) or {})
    return {n: SECRET if n in secrets and v else v for n, v in row["inputs"].items()}


def passwords_needed(row: Row) -> bool:
    """Whether somebody has to type something when a job with this credential starts."""
    return any(value == "ASK" for value in row["inputs"].values())


def _secrets(type_: Row) -> t.Set[str]:
    return {field["id"] for field in type_["inputs"].get("fields", []) if field.get("secret")}


def _inputs(type_: Row, inputs: Row, old: t.Optional[Row]) -> Row:
    known = {field["id"]: field for field in type_["inputs"].get("fields", [])}
    unknown = [name for name in inputs if name not in known]
    if unknown:
        names = ", ".join(f"'{name}'" for name in unknown)
        verb = "was" if len(unknown) == 1 else "were"
        _refuse("inputs", f"Additional properties are not allowed ({names} {verb} unexpected)")
    kept = {}
    errors: t.Dict[str, t.List[str]] = {}
    for name, value in inputs.items():
        if value == SECRET and known[name].get("secret"):
            if old is None or name not in old["inputs"]:
                sentence = f"$encrypted$ is a reserved keyword, and cannot be used for {name}."
                _refuse("inputs", sentence)
            value = old["inputs"][name]
        wanted = bool if known[name].get("type") == "boolean" else str
        if not isinstance(value, wanted):
            errors[name] = [f"{value!r} is not of type '{known[name].get('type', 'string')}'"]
        elif known[name].get("format") == "ssh_private_key" and value not in ("", "ASK"):
            errors.update(_key_errors(name, value))
        kept[name] = value
    if not errors and type_["managed"]:
        errors = _unlock_errors(kept)
    if errors:
        raise Invalid({"inputs": errors})
    return kept


def _key_errors(name: str, text: str) -> t.Dict[str, t.List[str]]:
    if re.search(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*-----END [A-Z ]*PRIVATE KEY-----", text, 16):
        return {}
    return {name: [f"Invalid certificate or key: {text[:100]}..."]}


def _unlock_errors(inputs: Row) -> t.Dict[str, t.List[str]]:
    key, unlock = inputs.get("ssh_key_data"), inputs.get("ssh_key_unlock")
    if not key:
        return {}
    locked = "ENCRYPTED" in key or b"bcrypt" in _decoded(key)
    if locked and not unlock:
        return {"ssh_key_unlock": ["must be set when SSH key is encrypted."]}
    if unlock and not locked:
        return {"ssh_key_unlock": ["should not be set when SSH key is not encrypted."]}
    return {}


def _decoded(key: str) -> bytes:
    body = "".join(line for line in key.splitlines() if not line.startswith("-----"))
    try:
        return base64.b64decode(body)[:100]
    except ValueError:
        return b""


def _refuse(name: str, sentence: str) -> t.NoReturn:
    raise Invalid({name: [sentence]})
