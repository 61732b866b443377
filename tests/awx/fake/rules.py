# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX's serializers refuse beyond the single field; one function for each kind.

``new`` is the whole row as it would be, ``given`` what was posted, ``old`` the row as it is, or
``None`` for a new one. A function may complete ``new``.
"""

from __future__ import annotations

import re
import typing as t
import urllib.parse

from ansible_collections.fleet.jobs.tests.awx.fake import credentials, notifications, recurrence
from ansible_collections.fleet.jobs.tests.awx.fake.fields import Forbidden, Invalid
from ansible_collections.fleet.jobs.tests.awx.fake.kinds import KINDS
from ansible_collections.fleet.jobs.tests.awx.fake.prompts import check_prompts
from ansible_collections.fleet.jobs.tests.awx.fake.store import Row, Store

SCM_SCHEMES = {
    "git": ("ssh", "git", "git+ssh", "http", "https", "ftp", "ftps", "file"),
    "svn": ("http", "https", "svn", "svn+ssh", "file"),
    "insights": ("http", "https"),
    "archive": ("http", "https"),
}
# name [":" tag] ["@" digest], as the container registries have it
_PART = r"[a-z0-9]+(?:(?:[._]|__|[-]*)[a-z0-9]+)*"
_HOST = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
IMAGE = re.compile(
    rf"(?:{_HOST}(?:\.{_HOST})*(?::[0-9]+)?/)?{_PART}(?:/{_PART})*"
    r"(?::[\w][\w.-]{0,127})?"
    r"(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?"
)
MOST_FORKS = 200
NOT_CHOSEN = "You must either set a default value or ask to prompt on launch."
NO_BRANCH = "Project does not allow overriding branch."


def check(store: Store, path: str, new: Row, given: Row, old: t.Optional[Row]) -> None:
    """Refuse what AWX would; kinds without a rule pass."""
    if path in RULES:
        RULES[path](store, new, given, old)


def _environment(store: Store, new: Row, given: Row, old: t.Optional[Row]) -> None:
    moved = [n for n in given if old is not None and given[n] != old.get(n) and n != "pull"]
    if old is not None and old["managed"] and moved:
        raise Forbidden("Only the 'pull' field can be edited for managed execution environments.")
    credential = store.find("credentials", new["credential"])
    if credential is not None and credential["kind"] != "registry":
        _refuse(
            "credential",
            "Only Container Registry credentials can be associated with an Execution Environment",
        )
    if old is not None and given.get("organization") not in (None, old["organization"]):
        _refuse("organization", "Cannot change the organization of an execution environment")
    if "image" in given and not IMAGE.fullmatch(new["image"]):
        _refuse("image", f"{new['image']} is not a valid container image name.")


def _project(store: Store, new: Row, given: Row, old: t.Optional[Row]) -> None:
    kind = new["scm_type"]
    errors = {}
    if kind and old is not None and given.get("local_path", new["local_path"]) != old["local_path"]:
        errors["local_path"] = [f"Cannot change local_path for {kind}-based projects"]
    if not kind and given.get("local_path"):
        errors["local_path"] = ["This path is already being used by another manual project."]
    if given.get("scm_branch") and kind == "archive":
        errors["scm_branch"] = ["SCM branch cannot be used with archive projects."]
    for name, label in (("scm_refspec", "refspec"), ("scm_track_submodules", "track_submodules")):
        if given.get(name) and kind != "git":
            errors[name] = [f"SCM {label} can only be used with git projects."]
    if errors:
        raise Invalid(errors)
    if kind:
        _check_scm(store, new)
    else:
        for name in ("update_on_launch", "delete_on_update", "track_submodules", "clean"):
            if new[f"scm_{name}"]:
                sentence = "Update options must be set to false for manual projects."
                _refuse(f"scm_{name}", sentence)
    _check_override(store, new, given, old)


def _check_scm(store: Store, new: Row) -> None:
    kind, url = new["scm_type"], new["scm_url"]
    if not url.strip() and kind != "insights":
        _refuse("scm_url", "SCM URL is required.")
    problem = _scm_problem(kind, url)
    if problem:
        _refuse("scm_url", problem)
    credential = store.find("credentials", new["credential"])
    wanted = "insights" if kind == "insights" else "scm"
    if credential is not None and credential["kind"] != wanted:
        _refuse("credential", f"Credential kind must be '{wanted}'.")


def _scm_problem(kind: str, url: str) -> t.Optional[str]:
    if "://" not in url:
        if kind != "git":
            return f"Invalid {kind} URL"
        if ":" not in url:
            return None
        host = url.split("@", 1)[-1]
        if not host.startswith("[") and host.count(":") > 1:
            return f"Invalid {kind} URL"
        url = "git+ssh://" + url.replace(":", "/", 1)
    elif url.startswith("git+ssh:"):
        return f"Unsupported {kind} URL"
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in SCM_SCHEMES[kind]:
        return f"Unsupported {kind} URL"
    if parts.scheme == "file":
        local = parts.netloc in ("", "localhost")
        return None if local else f'Unsupported host "{parts.netloc}" for file:// URL'
    return None if parts.netloc else f"Host is required for {parts.scheme} URL"


def _check_override(store: Store, new: Row, given: Row, old: t.Optional[Row]) -> None:
    if old is None or not old["allow_override"] or new["allow_override"]:
        return
    used = [
        str(one["id"])
        for one in store.all("job_templates")
        if one["project"] == old["id"] and (one["scm_branch"] or one["ask_scm_branch_on_launch"])
    ]
    if used:
        _refuse(
            "allow_override",
            "One or more job templates depend on branch override behavior for this project "
            f"(ids: {' '.join(used)}).",
        )


def _inventory(store: Store, new: Row, given: Row, old: t.Optional[Row]) -> None:
    if new["kind"] == "smart" and not new["host_filter"]:
        _refuse("host_filter", "Smart inventories must specify host_filter")


def _inventory_source(store: Store, new: Row, given: Row, old: t.Optional[Row]) -> None:
    project = store.find("projects", new["source_project"])
    if project is not None and project["scm_type"] == "":
        _refuse("source_project", "Cannot use manual project for SCM-based inventory.")
    inventory = store.find("inventories", new["inventory"]) or {}
    if old is None and inventory.get("kind"):
        sentence = "Cannot create Inventory Source for Smart or Constructed Inventories"
        raise Invalid({"inventory": {"detail": [sentence]}})
    if new["source"] == "scm":
        if ("source" in given or "source_project" in given) and project is None:
            _refuse("source_project", "Project required for scm type sources.")
    elif new["source"] == "constructed":
        _refuse("error", "constructed not a valid source for inventory")
    else:
        extra = [n for n in ("source_project", "source_path", "scm_branch") if given.get(n)]
        if extra:
            _refuse("detail", f"Cannot set {' '.join(extra)} if not SCM type.")
    if new["scm_branch"] and not (project or {}).get("allow_override"):
        _refuse("scm_branch", NO_BRANCH)


def _host(store: Store, new: Row, given: Row, old: t.Optional[Row]) -> None:
    _check_member(store, new, "groups", "A Group with that name already exists.")
    name, colon, port = new["name"].partition(":")
    if colon and ":" not in port:
        if not port.isdigit() or not 0 < int(port) < 65536:
            _refuse("name", f"Invalid port specification: {port}")
        new["name"] = name


def _group(store: Store, new: Row, given: Row, old: t.Optional[Row]) -> None:
    if new["name"] in ("all", "_meta"):
        _refuse("name", "Invalid group name.")
    _check_member(store, new, "hosts", "A Host with that name already exists.")


def _check_member(store: Store, new: Row, others: str, sentence: str) -> None:
    inventory = store.find("inventories", new["inventory"]) or {}
    if inventory.get("kind"):
        what = "Host" if others == "groups" else "Group"
        detail = f"Cannot create {what} for Smart or Constructed Inventories"
        raise Invalid({"inventory": {"detail": [detail]}})
    for other in store.all(others):
        if (other["name"], other["inventory"]) == (new["name"], new["inventory"]):
            _refuse("__all__", sentence)


def _job_template(store: Store, new: Row, given: Row, old: t.Optional[Row]) -> None:
    project = store.find("projects", new["project"])
    if new["host_config_key"] and new["inventory"] is None:
        sentence = "Cannot enable provisioning callback without an inventory set."
        _refuse("host_config_key", sentence)
    if project is None:
        _refuse("project", "Job Templates must have a project assigned.")
    if new["inventory"] is None and not new["ask_inventory_on_launch"]:
        _refuse("inventory", NOT_CHOSEN)
    _check_webhook(store, new)
    known = project["_playbooks"]
    if new["playbook"] and not project["allow_override"] and new["playbook"] not in known:
        _refuse("playbook", "Playbook not found for project.")
    if not new["playbook"]:
        _refuse("playbook", "Must select playbook for project.")
    if new["forks"] > MOST_FORKS:
        _refuse("forks", f"Maximum number of forks ({MOST_FORKS}) exceeded.")
    for name in ("scm_branch", "ask_scm_branch_on_launch"):
        if new[name] and not project["allow_override"]:
            _refuse(name, NO_BRANCH)
    new["organization"] = project["organization"]


def _workflow(store: Store, new: Row, given: Row, old: t.Optional[Row]) -> None:
    _check_webhook(store, new)


def _check_webhook(store: Store, new: Row) -> None:
    credential = store.find("credentials", new["webhook_credential"])
    if credential is None:
        return
    type_ = store.find("credential_types", credential["credential_type"]) or {}
    if type_["kind"] != "token":
        _refuse("webhook_credential", "Must be a Personal Access Token.")
    if type_["namespace"] != f"{new['webhook_service']}_token":
        _refuse("webhook_credential", "Must match the selected webhook service.")


def _node(store: Store, new: Row, given: Row, old: t.Optional[Row]) -> None:
    if new["unified_job_template"] is None:
        # AWX keeps nothing else of a node that starts nothing yet.
        for name, field in KINDS["workflow_job_template_nodes"].fields.items():
            if name not in ("workflow_job_template", "identifier", "all_parents_must_converge"):
                new[name] = field.default if old is None else old[name]
    # Required variables may come from the workflow, or at launch.
    check_prompts(store, given, old, all_needed=False)
    if old is not None and "unified_job_template" in given:
        store.drop_replaced_approval(old, new["unified_job_template"])


def _schedule(store: Store, new: Row, given: Row, old: t.Optional[Row]) -> None:
    if old is not None and given == {"enabled": False}:
        return
    if "rrule" in given:
        problems = recurrence.problems(new["rrule"])
        if problems:
            raise Invalid({"rrule": problems})
    template = store.find("unified_job_templates", new["unified_job_template"]) or {}
    if template["_kind"] == "projects" and not template["scm_type"]:
        _refuse("unified_job_template", "Manual Project cannot have a schedule set.")
    check_prompts(store, given, old, all_needed=True)


def _refuse(name: str, sentence: str) -> t.NoReturn:
    raise Invalid({name: [sentence]})


RULES: t.Dict[str, t.Callable[[Store, Row, Row, t.Optional[Row]], None]] = {
    "execution_environments": _environment,
    "projects": _project,
    "inventories": _inventory,
    "inventory_sources": _inventory_source,
    "hosts": _host,
    "groups": _group,
    "credential_types": credentials.check_type,
    "credentials": credentials.check_credential,
    "job_templates": _job_template,
    "workflow_job_templates": _workflow,
    "workflow_job_template_nodes": _node,
    "schedules": _schedule,
    "notification_templates": notifications.check_notification,
}
