# SPDX-License-Identifier: GPL-3.0-or-later
"""The resources of AWX that the fake knows: fields, uniqueness, lists below them.

Taken from AWX's models and serializers (24.6.1): the names, the defaults, what is required, what
goes when something else goes.
"""

from __future__ import annotations

import typing as t

from ansible_collections.fleet.jobs.tests.awx.fake.fields import Field
from ansible_collections.fleet.jobs.tests.awx.fake.kind import (
    APPROVALS,
    COMMON,
    FLAG,
    NOTIFICATIONS,
    NOTIFIED,
    POSITIVE,
    RUNS,
    UNIFIED,
    Kind,
    a_key,
    a_name,
    a_needed_key,
    a_number,
    a_text,
    flags,
)
from ansible_collections.fleet.jobs.tests.awx.fake.templates import template_kinds


def _organizations() -> Kind:
    of = ("execution_environments", "projects", "inventories", "job_templates", "credentials")
    return Kind(
        "organizations",
        "organization",
        "Organization",
        {
            **COMMON,
            "max_hosts": POSITIVE,
            "default_environment": a_key("execution_environments"),
        },
        unique=(("name",),),
        sublists={
            **{one: (one, "organization") for one in of},
            "workflow_job_templates": ("workflow_job_templates", "organization"),
            "notification_templates": ("notification_templates", "organization"),
        },
        attached={
            **NOTIFICATIONS,
            **APPROVALS,
            "instance_groups": "instance_groups",
            "galaxy_credentials": "credentials",
        },
        shown={"custom_virtualenv": None},
    )


def _environments() -> Kind:
    return Kind(
        "execution_environments",
        "execution_environment",
        "ExecutionEnvironment",
        {
            **COMMON,
            "organization": a_key("organizations", cascade=True),
            "image": Field("char", required=True, blank=False, longest=1024),
            "credential": a_key("credentials"),
            "pull": Field("choice", default="", choices=("always", "missing", "never")),
        },
        unique=(("name",),),
        sublists={"unified_job_templates": (UNIFIED, "execution_environment")},
        views=("copy",),
        shown={"managed": False},
    )


def _projects() -> Kind:
    return Kind(
        "projects",
        "project",
        "Project",
        {
            **COMMON,
            "organization": a_key("organizations"),
            "local_path": a_text(longest=1024),
            "scm_type": Field("choice", default="", choices=("git", "svn", "insights", "archive")),
            "scm_url": a_text(longest=1024),
            "scm_branch": a_text(longest=256),
            "scm_refspec": a_text(longest=1024),
            **flags("scm_clean", "scm_track_submodules", "scm_delete_on_update"),
            "credential": a_key("credentials"),
            "timeout": a_number(),
            "scm_update_on_launch": FLAG,
            "scm_update_cache_timeout": POSITIVE,
            "allow_override": FLAG,
            "default_environment": a_key("execution_environments"),
            "signature_validation_credential": a_key("credentials"),
        },
        soft=("name", "organization"),
        unified=True,
        sublists={
            "schedules": ("schedules", "unified_job_template"),
            "project_updates": ("project_updates", "project"),
            "scm_inventory_sources": ("inventory_sources", "source_project"),
        },
        attached=dict(NOTIFICATIONS),
        views=("update", "playbooks", "inventories", "copy"),
        shown={
            **RUNS,
            "scm_revision": "",
            "custom_virtualenv": None,
            "last_update_failed": False,
            "last_updated": None,
        },
    )


def _inventories() -> Kind:
    counted: t.Tuple[str, ...] = ("total_hosts", "hosts_with_active_failures", "total_groups")
    counted += ("total_inventory_sources", "inventory_sources_with_failures")
    return Kind(
        "inventories",
        "inventory",
        "Inventory",
        {
            **COMMON,
            "organization": a_key("organizations", blank=False),
            "kind": Field("choice", default="", choices=("smart", "constructed")),
            "host_filter": Field("char", null=True),
            "variables": Field("variables", default=""),
            "prevent_instance_group_fallback": FLAG,
        },
        unique=(("name", "organization"),),
        sublists={
            "hosts": ("hosts", "inventory"),
            "groups": ("groups", "inventory"),
            "inventory_sources": ("inventory_sources", "inventory"),
            "job_templates": ("job_templates", "inventory"),
        },
        attached={"instance_groups": "instance_groups", "labels": "labels"},
        views=("variable_data", "copy"),
        shown={
            **{name: 0 for name in counted},
            "has_active_failures": False,
            "has_inventory_sources": False,
            "pending_deletion": False,
        },
    )


def _inventory_sources() -> Kind:
    sources: t.Tuple[str, ...] = (
        "file",
        "constructed",
        "scm",
        "ec2",
        "gce",
        "azure_rm",
        "vmware",
        "satellite6",
    )
    sources += ("openstack", "rhv", "controller", "insights", "terraform")
    return Kind(
        "inventory_sources",
        "inventory_source",
        "InventorySource",
        {
            **COMMON,
            "inventory": a_needed_key("inventories", cascade=True, fixed=True),
            "source": Field("choice", required=True, blank=False, choices=sources),
            "source_path": a_text(longest=1024),
            "source_vars": Field("variables", default=""),
            "source_project": a_key("projects", cascade=True),
            "scm_branch": a_text(longest=1024),
            "credential": a_key("credentials"),
            **{n: a_text() for n in ("enabled_var", "enabled_value", "host_filter", "limit")},
            **flags("overwrite", "overwrite_vars", "update_on_launch"),
            "timeout": a_number(),
            "verbosity": Field("choice", default=1, choices=(0, 1, 2)),
            "update_cache_timeout": POSITIVE,
            "execution_environment": a_key("execution_environments"),
        },
        soft=("name", "inventory"),
        unified=True,
        sublists={"schedules": ("schedules", "unified_job_template")},
        attached={**NOTIFICATIONS, "credentials": "credentials"},
        views=("update",),
        shown={
            **RUNS,
            "custom_virtualenv": None,
            "last_update_failed": False,
            "last_updated": None,
        },
    )


def _hosts_and_groups() -> t.List[Kind]:
    shared = {"inventory": a_needed_key("inventories", cascade=True, fixed=True)}
    shared["variables"] = Field("variables", default="")
    unique = (("name", "inventory"),)
    return [
        Kind(
            "hosts",
            "host",
            "Host",
            {**COMMON, **shared, "enabled": Field("bool", default=True), "instance_id": a_text()},
            unique=unique,
            attached={"groups": "groups"},
            views=("variable_data",),
            shown={"has_active_failures": False, "has_inventory_sources": False, "last_job": None},
        ),
        Kind(
            "groups",
            "group",
            "Group",
            {**COMMON, **shared},
            unique=unique,
            attached={"hosts": "hosts", "children": "groups"},
            views=("variable_data",),
        ),
    ]


def _credentials() -> t.List[Kind]:
    kinds: t.Tuple[str, ...] = (
        "ssh",
        "vault",
        "net",
        "scm",
        "cloud",
        "registry",
        "token",
        "insights",
        "external",
    )
    kinds += ("kubernetes", "galaxy", "cryptography")
    return [
        Kind(
            "credential_types",
            "credential_type",
            "CredentialType",
            {
                **COMMON,
                "kind": Field("choice", required=True, blank=False, choices=kinds),
                "inputs": Field("object", default={}),
                "injectors": Field("object", default={}),
            },
            unique=(("name", "kind"),),
            sublists={"credentials": ("credentials", "credential_type")},
            shown={"managed": False, "namespace": None},
        ),
        Kind(
            "credentials",
            "credential",
            "Credential",
            {
                **COMMON,
                "organization": a_key("organizations", cascade=True),
                "credential_type": a_needed_key("credential_types", cascade=True),
                "inputs": Field("object", default={}),
            },
            unique=(("organization", "name", "credential_type"),),
            views=("copy",),
            shown={"managed": False, "kind": "", "cloud": False, "kubernetes": False},
        ),
    ]


def _others() -> t.List[Kind]:
    types = ("awssns", "email", "grafana", "irc", "mattermost", "pagerduty", "rocketchat", "slack")
    return [
        Kind(
            "notification_templates",
            "notification_template",
            "NotificationTemplate",
            {
                **COMMON,
                "organization": a_key("organizations", blank=False, cascade=True),
                "notification_type": Field(
                    "choice", required=True, blank=False, choices=(*types, "twilio", "webhook")
                ),
                "notification_configuration": Field("json", default={}),
                "messages": Field("json", null=True, default=dict.fromkeys((*NOTIFIED,))),
            },
            unique=(("organization", "name"),),
            views=("test", "copy"),
        ),
        Kind(
            "labels",
            "label",
            "Label",
            {"name": a_name(), "organization": a_needed_key("organizations", cascade=True)},
            unique=(("name", "organization"),),
            removable=False,
        ),
        Kind(
            "instance_groups",
            "instance_group",
            "InstanceGroup",
            {"name": a_name()},
            creatable=False,
        ),
        Kind(
            "project_updates",
            "project_update",
            "ProjectUpdate",
            {"project": a_key("projects", cascade=True)},
            creatable=False,
        ),
        Kind("teams", "team", "Team", {**COMMON, "organization": a_needed_key("organizations")}),
        Kind(
            "users",
            "user",
            "User",
            {"username": Field("char", required=True, blank=False)},
            creatable=False,
        ),
    ]


KINDS: t.Dict[str, Kind] = {
    kind.path: kind
    for kind in [
        _organizations(),
        _environments(),
        _projects(),
        _inventories(),
        _inventory_sources(),
        *_hosts_and_groups(),
        *_credentials(),
        *template_kinds(),
        *_others(),
    ]
}
UNIFIED_KINDS = tuple(path for path, kind in KINDS.items() if kind.unified)
