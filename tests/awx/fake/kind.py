# SPDX-License-Identifier: GPL-3.0-or-later
"""What a resource of AWX is made of, and the pieces that several of them share."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.fleet.jobs.tests.awx.fake.fields import Field

NOTIFIED = ("started", "success", "error")
NODE_LINKS = ("success", "failure", "always")
VERBOSITY = (0, 1, 2, 3, 4, 5)
UNIFIED = "unified_job_templates"
# What "Prompt on launch" of a job template is called, for each field that can be prompted.
JOB_PROMPTS = {
    "diff_mode": "ask_diff_mode_on_launch",
    "job_type": "ask_job_type_on_launch",
    "inventory": "ask_inventory_on_launch",
    "scm_branch": "ask_scm_branch_on_launch",
    "forks": "ask_forks_on_launch",
    "limit": "ask_limit_on_launch",
    "verbosity": "ask_verbosity_on_launch",
    "extra_vars": "ask_variables_on_launch",
    "job_tags": "ask_tags_on_launch",
    "skip_tags": "ask_skip_tags_on_launch",
    "timeout": "ask_timeout_on_launch",
    "job_slice_count": "ask_job_slice_count_on_launch",
    "execution_environment": "ask_execution_environment_on_launch",
    "credentials": "ask_credential_on_launch",
    "labels": "ask_labels_on_launch",
    "instance_groups": "ask_instance_groups_on_launch",
}
WORKFLOW_PROMPTS = {
    "inventory": "ask_inventory_on_launch",
    "scm_branch": "ask_scm_branch_on_launch",
    "limit": "ask_limit_on_launch",
    "extra_vars": "ask_variables_on_launch",
    "job_tags": "ask_tags_on_launch",
    "skip_tags": "ask_skip_tags_on_launch",
    "labels": "ask_labels_on_launch",
}


@dataclass(frozen=True)
class Kind:
    """One resource: ``path`` as in its URL, ``type`` as in its answers."""

    path: str
    type: str
    model: str
    fields: t.Dict[str, Field]
    unique: t.Tuple[t.Tuple[str, ...], ...] = ()
    soft: t.Tuple[str, ...] = ()  # checked by AWX itself rather than by its database
    unified: bool = False
    sublists: t.Dict[str, t.Tuple[str, str]] = field(default_factory=dict)  # name: (kind, key)
    attached: t.Dict[str, str] = field(default_factory=dict)  # name: kind
    views: t.Tuple[str, ...] = ()  # other pages below an object that ``related`` names
    shown: t.Dict[str, t.Any] = field(default_factory=dict)  # read-only fields, as at the start
    removable: bool = True
    creatable: bool = True


def a_name(**more: t.Any) -> Field:
    return Field("char", required=True, blank=False, longest=512, **more)


def a_text(**more: t.Any) -> Field:
    return Field("char", default="", **more)


def a_key(to: str, **more: t.Any) -> Field:
    return Field("key", to=to, null=True, **more)


def a_needed_key(to: str, **more: t.Any) -> Field:
    return Field("key", to=to, required=True, **more)


def a_number(default: t.Any = 0, **more: t.Any) -> Field:
    return Field("int", default=default, **more)


FLAG = Field("bool", default=False)
POSITIVE = a_number(least=0)
COMMON = {"name": a_name(), "description": a_text()}
NOTIFICATIONS = {f"notification_templates_{when}": "notification_templates" for when in NOTIFIED}
APPROVALS = {"notification_templates_approvals": "notification_templates"}
RUNS: t.Dict[str, t.Any] = {"last_job_run": None, "last_job_failed": False, "next_job_run": None}
RUNS = {**RUNS, "status": "never updated"}


def flags(*names: str) -> t.Dict[str, Field]:
    return {name: FLAG for name in names}


def prompts(**more: Field) -> t.Dict[str, Field]:
    """What a schedule or a node may answer in advance."""
    fields = {
        "extra_data": Field("data", default={}),
        "inventory": a_key("inventories"),
        "job_type": Field("choice", null=True, choices=("run", "check")),
        "diff_mode": Field("bool", null=True),
        "verbosity": Field("choice", null=True, blank=False, choices=VERBOSITY),
        "execution_environment": a_key("execution_environments"),
        "forks": a_number(None, null=True, least=0),
        "job_slice_count": a_number(None, null=True, least=0),
        "timeout": a_number(None, null=True),
    }
    for name in ("scm_branch", "job_tags", "skip_tags", "limit"):
        fields[name] = Field("char", null=True)
    return {**fields, **more}
