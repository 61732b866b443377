# SPDX-License-Identifier: GPL-3.0-or-later
"""Which answer belongs to which request: a path, a method, a body; no sockets here."""

from __future__ import annotations

import base64
import binascii
import typing as t
import urllib.parse
from pathlib import Path

from ansible_collections.fleet.jobs.tests.awx.fake import associations, launches, lists, resources
from ansible_collections.fleet.jobs.tests.awx.fake.answers import ROOT, shown
from ansible_collections.fleet.jobs.tests.awx.fake.fields import Forbidden, Invalid, parse_variables
from ansible_collections.fleet.jobs.tests.awx.fake.kind import UNIFIED
from ansible_collections.fleet.jobs.tests.awx.fake.kinds import KINDS
from ansible_collections.fleet.jobs.tests.awx.fake.preload import preloaded
from ansible_collections.fleet.jobs.tests.awx.fake.projects import look_into
from ansible_collections.fleet.jobs.tests.awx.fake.store import Row, Store
from ansible_collections.fleet.jobs.tests.awx.fake.surveys import checked_survey, shown_survey

VERSION = "24.6.1"
NOT_FOUND = (404, {"detail": "The requested resource could not be found."})
NO_LOGIN = "{} To establish a login session, visit /api/login/."
Answer = t.Tuple[int, t.Any]


class Request(t.NamedTuple):
    """One request, with its body already read as JSON."""

    method: str
    path: str
    query: lists.Query
    body: t.Any
    authorization: str = ""


class Pages:
    """All of the fake's pages over one store."""

    def __init__(self, user: str, password: str, token: str, trees: t.Mapping[str, Path]) -> None:
        self.store: Store = preloaded(user)
        self.trees = trees
        self._login = (user, password)
        self._tokens = {0: token}

    def answer(self, request: Request) -> Answer:
        """Status and body; refusals as AWX words them."""
        parts = [urllib.parse.unquote(part) for part in request.path.split("/") if part]
        if not request.path.endswith("/") or parts[:1] != ["api"]:
            return NOT_FOUND
        if parts == ["api"]:
            return 200, {"current_version": f"{ROOT}/", "available_versions": {"v2": f"{ROOT}/"}}
        if parts == ["api", "v2", "ping"]:
            return 200, {"ha": False, "version": VERSION, "active_node": "fake", "instances": []}
        if parts[1:2] != ["v2"]:
            return NOT_FOUND
        if not self._known(request.authorization):
            what = "Authentication credentials were not provided."
            if request.authorization.startswith("Basic"):
                what = "Invalid username/password."
            return 401, {"detail": NO_LOGIN.format(what)}
        try:
            return self._page(request, parts[2:])
        except Invalid as refused:
            return 400, refused.errors
        except Forbidden as refused:
            return 403, {"detail": str(refused)}
        except LookupError as refused:
            return 404, {"detail": str(refused)}

    def _known(self, authorization: str) -> bool:
        scheme, _dummy, value = authorization.partition(" ")
        if scheme == "Bearer":
            return value in self._tokens.values()
        if scheme == "Basic":
            try:
                name, _dummy, password = base64.b64decode(value).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return False
            return (name, password) == self._login
        return False

    def _page(self, request: Request, parts: t.List[str]) -> Answer:
        if not parts:
            return 200, {path: f"{ROOT}/{path}/" for path in (*KINDS, UNIFIED)}
        if parts[0] in ("me", "config", "tokens"):
            return self._about(request, parts)
        if parts[0] not in KINDS and parts[0] != UNIFIED:
            return NOT_FOUND
        if len(parts) == 1 and parts[0] != "workflow_approval_templates":
            return self._list(request, parts[0])
        if len(parts) == 1 or parts[0] == UNIFIED:
            return NOT_FOUND  # AWX has no such page either
        row = self._row(parts[0], parts[1])
        if row is None:
            return NOT_FOUND
        if len(parts) == 2:
            return self._detail(request, row)
        return self._below(request, row, parts[2]) if len(parts) == 3 else NOT_FOUND

    def _about(self, request: Request, parts: t.List[str]) -> Answer:
        if parts[0] != "tokens" and request.method != "GET":
            return _not_allowed(request)
        if parts[0] == "me":
            rows = self.store.all("users")
            return 200, lists.page_of(self.store, "users", rows, request.path, request.query)
        if parts[0] == "config":
            return 200, {"version": VERSION, "license_info": {"license_type": "open"}}
        if request.method == "POST" and len(parts) == 1:
            number = max(self._tokens) + 1
            self._tokens[number] = f"token-{number}"
            place = f"{ROOT}/tokens/{number}/"
            return 201, {"id": number, "url": place, "token": self._tokens[number]}
        if request.method == "DELETE" and len(parts) == 2 and parts[1].isdigit():
            return (204, None) if self._tokens.pop(int(parts[1]), None) else NOT_FOUND
        return _not_allowed(request)

    def _row(self, path: str, name: str) -> t.Optional[Row]:
        """By id, or by AWX's named address: ``name++organization``."""
        if name.isdigit():
            row = self.store.find(path, int(name))
            self._finish_update(row)
            return row
        wanted = name.split("++")
        for row in self.store.all(path):
            owner = self.store.find("organizations", row.get("organization"))
            names = [row.get("name"), owner["name"] if owner else ""]
            if names[: len(wanted)] == wanted:
                return row
        return None

    def _list(self, request: Request, path: str) -> Answer:
        if request.method == "POST" and path != UNIFIED and KINDS[path].creatable:
            row = resources.create(self.store, path, _body(request))
            return 201, shown(self.store, row)
        if request.method != "GET":
            return _not_allowed(request)
        rows = self.store.all(path)
        return 200, lists.page_of(self.store, path, rows, request.path, request.query)

    def _detail(self, request: Request, row: Row) -> Answer:
        if request.method in ("PATCH", "PUT"):
            data = _body(request)
            if row["_kind"] == "inventories" and data.get("kind") not in (None, row["kind"]):
                sentence = 'You cannot turn a regular inventory into a "smart" or "constructed" '
                return 405, {"error": f"{sentence}inventory."}
            resources.change(self.store, row, data, partial=request.method == "PATCH")
        elif request.method == "DELETE" and KINDS[row["_kind"]].removable:
            resources.delete(self.store, row)
            return (202, None) if row["_kind"] == "inventories" else (204, None)
        elif request.method != "GET":
            return _not_allowed(request)
        return 200, shown(self.store, row)

    def _below(self, request: Request, row: Row, name: str) -> Answer:
        kind = KINDS[row["_kind"]]
        if name in kind.attached:
            if request.method == "POST":
                made = associations.post(self.store, row, name, request.body)
                return (201, shown(self.store, made)) if made else (204, None)
            ids = self.store.linked(row, name)
            rows = [one for one in (self.store.find(kind.attached[name], i) for i in ids) if one]
            path = kind.attached[name]
        elif name in kind.sublists:
            path, key = kind.sublists[name]
            if request.method == "POST" and path != UNIFIED:
                made = resources.create(self.store, path, {**_body(request), key: row["id"]})
                return 201, shown(self.store, made)
            rows = [one for one in self.store.all(path) if one.get(key) == row["id"]]
        else:
            return self._view(request, row, name)
        if request.method != "GET":
            return _not_allowed(request)
        return 200, lists.page_of(self.store, path, rows, request.path, request.query)

    def _view(self, request: Request, row: Row, name: str) -> Answer:
        method = request.method
        if name not in KINDS[row["_kind"]].views:
            return NOT_FOUND
        if name == "survey_spec":
            return self._survey(request, row)
        if name == "create_approval_template" and method == "POST":
            return self._approval(row, _body(request))
        if name == "launch":
            return launches.launch(self.store, row, request.method, request.body)
        if name == "update" and method == "POST" and row["_kind"] == "projects":
            update = resources.start_update(self.store, row)
            return 202, {"project_update": update["id"], **shown(self.store, update)}
        if name in ("playbooks", "inventories") and method == "GET":
            return 200, row[f"_{name}"]
        if name == "variable_data" and method == "GET":
            return 200, parse_variables(row["variables"])
        return _not_allowed(request)

    def _survey(self, request: Request, row: Row) -> Answer:
        if request.method == "POST":
            row["_survey"] = checked_survey(request.body, row.get("_survey") or {})
            return 200, None
        if request.method == "DELETE":
            row["_survey"] = {}
            return 200, None
        return 200, shown_survey(row.get("_survey") or {})

    def _approval(self, node: Row, data: Row) -> Answer:
        approval = resources.create(self.store, "workflow_approval_templates", data)
        self.store.drop_replaced_approval(node, approval["id"])
        self.store.change(node, {"unified_job_template": approval["id"]})
        return 201, shown(self.store, approval)

    def _finish_update(self, row: t.Optional[Row]) -> None:
        """A pending project update runs when somebody looks at it."""
        if row is None or row["_kind"] != "project_updates" or row["status"] != "pending":
            return
        project = t.cast(Row, self.store.find("projects", row["project"]))
        tree = look_into(project["scm_url"], project["scm_branch"], self.trees)
        row.update(status="successful" if tree else "failed", failed=tree is None)
        row.update(finished=row["created"], event_processing_finished=True, elapsed=0.1)
        row.update(started=row["created"], scm_revision=tree.revision if tree else "")
        project.update(status=row["status"], last_update_failed=tree is None)
        project.update(last_updated=row["created"])
        if tree:
            project.update(scm_revision=tree.revision, _playbooks=tree.playbooks)
            project.update(_inventories=tree.inventories)


def _body(request: Request) -> Row:
    if not isinstance(request.body, dict):
        name = type(request.body).__name__
        raise Invalid({"__all__": [f"Invalid data. Expected a dictionary, but got {name}."]})
    return request.body


def _not_allowed(request: Request) -> Answer:
    return 405, {"detail": f'Method "{request.method}" not allowed.'}
