# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the filter instead.
"""The objects of an AWX that the role awx knows, in the order in which it makes them."""

from __future__ import annotations

import typing as t

from ansible_collections.fleet.jobs.plugins.module_utils._dataclass import asdict, dataclass

Given = t.Mapping[str, t.Any]
# The field of an object that names what it lies in.
WITHIN = {
    "organization": "organization",
    "inventory": "inventory",
    "status": "unified_job_template",
}


@dataclass(frozen=True)
class Template:
    """A job template; the lease decides where two that do not run at once meet anyway."""

    key: str
    title: str
    text: str
    playbook: str
    job_type: str = "run"
    simultaneous: bool = True
    index: bool = False
    notify: t.Tuple[str, ...] = ("error",)

    def as_dict(self) -> t.Dict[str, t.Any]:
        """For Ansible."""
        return {**asdict(self), "notify": list(self.notify)}


TEMPLATES = (
    Template(
        *("deploy", "Deploy", "Ship a fix while jobs run.", "deploy.yml"),
        simultaneous=False,
        index=True,
        notify=("success", "error"),
    ),
    Template(
        *("deploy_check", "Deploy (check)", "Say what a deploy would do, and change nothing."),
        *("deploy.yml", "check"),
        index=True,
        notify=(),
    ),
    Template("status", "Status", "The fleet at a glance.", "status.yml"),
    Template("watch", "Watch", "Watch hosts and their queues after a change.", "watch.yml"),
    Template(
        *("provision", "Provision", "From a bare host to a working queue.", "provision.yml"),
        simultaneous=False,
    ),
    Template(
        *("emergency_stop", "Emergency stop", "Stop everything on the hosts of a pattern."),
        "emergency_stop.yml",
        notify=("started", "success", "error"),
    ),
)
# The workflow, last node first, so that each finds the next one.
NODES: t.Tuple[t.Mapping[str, t.Any], ...] = (
    {"identifier": "watch", "template": "watch", "next": []},
    {"identifier": "apply", "template": "deploy", "next": ["watch"]},
    {"identifier": "approve", "template": "", "next": ["apply"]},
    {"identifier": "plan", "template": "deploy_check", "next": ["approve"]},
)


@dataclass(frozen=True)
class Thing:
    """An object: ``shared`` is what others may have made or may use, which ``used_by`` tells."""

    key: str
    at: str
    name: str
    within: str = ""
    wanted: bool = True
    shared: bool = False
    lacks: str = ""
    named_by: str = ""
    used_by: t.Tuple[str, ...] = ()


def things(given: Given) -> t.List[Thing]:
    """All of them that have a name."""
    found = [
        _organization(given),
        *_credentials(given),
        _environment(given),
        *_sources(given),
        *_own(given),
    ]
    return [one for one in found if one.name]


def _organization(given: Given) -> Thing:
    inside = ("projects", "inventories", "job_templates", "workflow_job_templates", "teams")
    inside += ("credentials", "execution_environments", "notification_templates")
    return Thing(
        *("organization", "organizations", given["awx_organization"]),
        shared=True,
        used_by=tuple(f"{one}.organization" for one in inside),
    )


def _credentials(given: Given) -> t.List[Thing]:
    index = given["awx_index_credential"]
    return [
        Thing(
            *("index_type", "credential_types", f"{given['awx_prefix']} package index"),
            wanted=bool(index),
            shared=True,
            used_by=("credentials.credential_type",),
        ),
        _credential("index", given, "awx_index_username", "awx_index_password"),
        _credential("git", given, "awx_git_key"),
        _credential("machine", given, "awx_machine_user", "awx_machine_key"),
    ]


def _credential(key: str, given: Given, *needed: str) -> Thing:
    user = ("projects.credential",) if key == "git" else ("job_templates.credentials",)
    return Thing(
        *(key, "credentials", given[f"awx_{key}_credential"], "organization"),
        shared=True,
        lacks=_lacks(given, *needed),
        named_by=f"awx_{key}_credential",
        used_by=user,
    )


def credentials(given: Given) -> t.List[t.Dict[str, str]]:
    """The type of each, as AWX calls it."""
    own = f"{given['awx_prefix']} package index"
    types = {"machine": "Machine", "git": "Source Control", "index": own}
    return [{"key": key, "type": kind} for key, kind in types.items()]


def _environment(given: Given) -> Thing:
    return Thing(
        *("environment", "execution_environments", given["awx_execution_environment"]),
        shared=True,
        lacks=_lacks(given, "awx_execution_environment_image"),
        named_by="awx_execution_environment",
        used_by=(
            "job_templates.execution_environment",
            "organizations.default_environment",
            "projects.default_environment",
        ),
    )


def _sources(given: Given) -> t.List[Thing]:
    return [
        Thing(
            *("project", "projects", given["awx_project"], "organization"),
            shared=True,
            lacks=_lacks(given, "awx_project_url"),
            named_by="awx_project",
            used_by=("job_templates.project", "inventory_sources.source_project"),
        ),
        Thing(
            *("inventory", "inventories", given["awx_inventory"], "organization"),
            shared=True,
            used_by=("job_templates.inventory", "workflow_job_templates.inventory"),
        ),
        Thing(
            *("source", "inventory_sources", f"{given['awx_prefix']} hosts from the project"),
            "inventory",
        ),
    ]


def _own(given: Given) -> t.List[Thing]:
    prefix = given["awx_prefix"]
    return [
        Thing(
            *("notification", "notification_templates", f"{prefix} verdicts", "organization"),
            wanted=bool(given["awx_notification_type"]),
        ),
        *(
            Thing(one.key, "job_templates", f"{prefix} {one.title}", "organization")
            for one in TEMPLATES
        ),
        Thing(
            *("workflow", "workflow_job_templates", f"{prefix} Deploy with approval"),
            "organization",
        ),
        Thing(
            *("schedule", "schedules", f"{prefix} Status", "status"),
            wanted=bool(given["awx_status_schedule"]),
        ),
    ]


def _lacks(given: Given, *needed: str) -> str:
    """The variables without which it cannot be made, or nothing."""
    return "" if all(given[one] for one in needed) else " and ".join(needed)
