# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates of jobs and workflows, their nodes, and their schedules."""

from __future__ import annotations

import typing as t

from ansible_collections.fleet.jobs.tests.awx.fake.fields import Field
from ansible_collections.fleet.jobs.tests.awx.fake.kind import (
    APPROVALS,
    COMMON,
    FLAG,
    JOB_PROMPTS,
    NODE_LINKS,
    NOTIFICATIONS,
    POSITIVE,
    RUNS,
    UNIFIED,
    VERBOSITY,
    WORKFLOW_PROMPTS,
    Kind,
    a_key,
    a_needed_key,
    a_number,
    a_text,
    flags,
    prompts,
)

PROMPTED = {
    "labels": "labels",
    "credentials": "credentials",
    "instance_groups": "instance_groups",
}


def template_kinds() -> t.List[Kind]:
    """Job templates, workflow templates, nodes, approvals, schedules."""
    return [_job_templates(), *_workflows(), _approvals(), _schedules()]


def _job_templates() -> Kind:
    asked = tuple(JOB_PROMPTS.values())
    return Kind(
        "job_templates",
        "job_template",
        "JobTemplate",
        {
            **COMMON,
            "job_type": Field("choice", default="run", blank=False, choices=("run", "check")),
            "inventory": a_key("inventories"),
            "project": a_key("projects"),
            "playbook": a_text(longest=1024),
            "scm_branch": a_text(longest=1024),
            "forks": POSITIVE,
            "limit": a_text(),
            "verbosity": Field("choice", default=0, choices=VERBOSITY),
            "extra_vars": Field("variables", default=""),
            "job_tags": a_text(),
            "skip_tags": a_text(longest=1024),
            "start_at_task": a_text(longest=1024),
            "timeout": a_number(),
            "execution_environment": a_key("execution_environments"),
            "host_config_key": a_text(longest=1024),
            **flags(*asked, "force_handlers", "use_fact_cache", "survey_enabled"),
            **flags("become_enabled", "diff_mode", "allow_simultaneous"),
            "job_slice_count": a_number(1, least=0),
            "webhook_service": Field("choice", default="", choices=("github", "gitlab")),
            "webhook_credential": a_key("credentials"),
            "prevent_instance_group_fallback": FLAG,
        },
        soft=("name", "organization"),
        unified=True,
        sublists={"schedules": ("schedules", "unified_job_template")},
        attached={
            **NOTIFICATIONS,
            "credentials": "credentials",
            "labels": "labels",
            "instance_groups": "instance_groups",
        },
        views=("survey_spec", "launch", "copy"),
        shown={**RUNS, "organization": None, "custom_virtualenv": None},
    )


def _workflows() -> t.List[Kind]:
    asked = tuple(WORKFLOW_PROMPTS.values())
    nodes = {f"{when}_nodes": "workflow_job_template_nodes" for when in NODE_LINKS}
    return [
        Kind(
            "workflow_job_templates",
            "workflow_job_template",
            "WorkflowJobTemplate",
            {
                **COMMON,
                "extra_vars": Field("variables", default=""),
                "organization": a_key("organizations"),
                **flags(*asked, "survey_enabled", "allow_simultaneous"),
                "inventory": a_key("inventories"),
                **{
                    name: Field("char", null=True)
                    for name in ("limit", "scm_branch", "skip_tags", "job_tags")
                },
                "webhook_service": Field("choice", default="", choices=("github", "gitlab")),
                "webhook_credential": a_key("credentials"),
            },
            soft=("name", "organization"),
            unified=True,
            sublists={
                "schedules": ("schedules", "unified_job_template"),
                "workflow_nodes": ("workflow_job_template_nodes", "workflow_job_template"),
            },
            attached={**NOTIFICATIONS, **APPROVALS, "labels": "labels"},
            views=("survey_spec", "launch", "copy"),
            shown=dict(RUNS),
        ),
        Kind(
            "workflow_job_template_nodes",
            "workflow_job_template_node",
            "WorkflowJobTemplateNode",
            prompts(
                workflow_job_template=a_needed_key(
                    "workflow_job_templates", cascade=True, fixed=True
                ),
                unified_job_template=a_key(UNIFIED),
                all_parents_must_converge=FLAG,
                identifier=Field("char", blank=False, longest=512),
            ),
            unique=(("identifier", "workflow_job_template"),),
            attached={**nodes, **PROMPTED},
            views=("create_approval_template",),
        ),
    ]


def _approvals() -> Kind:
    return Kind(
        "workflow_approval_templates",
        "workflow_approval_template",
        "WorkflowApprovalTemplate",
        {**COMMON, "timeout": a_number()},
        unified=True,
        creatable=False,
        shown={**RUNS, "execution_environment": None},
    )


def _schedules() -> Kind:
    return Kind(
        "schedules",
        "schedule",
        "Schedule",
        prompts(
            **COMMON,
            unified_job_template=a_needed_key(UNIFIED, cascade=True),
            enabled=Field("bool", default=True),
            rrule=Field("char", required=True, blank=False),
        ),
        unique=(("unified_job_template", "name"),),
        attached=dict(PROMPTED),
        shown={"dtstart": None, "dtend": None, "next_run": None},
    )
