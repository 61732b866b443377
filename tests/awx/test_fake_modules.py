# SPDX-License-Identifier: GPL-3.0-or-later
"""The real modules of awx.awx against the fake: create, again, change, take back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.awx import awx_collection
from ansible_collections.fleet.jobs.tests.awx.fake.example import HOURLY, URL, tree
from ansible_collections.fleet.jobs.tests.awx.fake.server import FakeAwx

Task = t.Tuple[str, t.Dict[str, t.Any]]
QUESTIONS = [
    {
        "question_name": "Ref",
        "variable": "ref",
        "type": "text",
        "required": True,
        "default": "main",
    },
    {
        "question_name": "Mode",
        "variable": "mode",
        "type": "multiplechoice",
        "required": False,
        "choices": ["plan", "apply"],
        "default": "plan",
    },
]
SURVEY = {"name": "Deploy", "description": "", "spec": QUESTIONS}
HOOK = {"url": "https://hook.example.org/", "headers": {}, "http_method": "POST"}
FLEET = {"organization": "Fleet"}
NODE = {**FLEET, "workflow_job_template": "Flow"}
JOB = {**FLEET, "project": "Project", "inventory": "Inventory", "playbook": "deploy.yml"}
APPROVAL = {**NODE, "identifier": "ask", "approval_node": {"name": "Go?", "timeout": 600}}
PRESENT: t.List[Task] = [
    ("organization", {"name": "Fleet", "description": "one"}),
    ("execution_environment", {"name": "EE", "image": "registry.example.org/fleet/ee:1"}),
    ("label", {**FLEET, "name": "fleet"}),
    (
        "credential_type",
        {
            "name": "Hook",
            "kind": "cloud",
            "inputs": {"fields": [{"id": "token", "label": "Token", "type": "string"}]},
            "injectors": {"extra_vars": {"hook_token": "constant"}},
        },
    ),
    ("credential", {**FLEET, "name": "key", "credential_type": "Machine", "update_secrets": False}),
    (
        "project",
        {
            **FLEET,
            "name": "Project",
            "scm_type": "git",
            "scm_url": URL,
            "default_environment": "EE",
        },
    ),
    ("inventory", {**FLEET, "name": "Inventory", "variables": {"one": 1}}),
    (
        "inventory_source",
        {
            **FLEET,
            "name": "Hosts",
            "inventory": "Inventory",
            "source": "scm",
            "source_project": "Project",
            "source_path": "hosts",
        },
    ),
    ("host", {"name": "one", "inventory": "Inventory"}),
    ("group", {"name": "fleet", "inventory": "Inventory", "hosts": ["one"]}),
    (
        "notification_template",
        {
            **FLEET,
            "name": "Verdict",
            "notification_type": "webhook",
            "notification_configuration": HOOK,
        },
    ),
    (
        "job_template",
        {
            **JOB,
            "name": "Deploy",
            "credentials": ["key"],
            "labels": ["fleet"],
            "survey_enabled": True,
            "survey_spec": SURVEY,
            "ask_variables_on_launch": True,
            "notification_templates_error": ["Verdict"],
        },
    ),
    ("workflow_job_template", {**FLEET, "name": "Flow"}),
    (
        "workflow_job_template_node",
        {**NODE, "identifier": "plan", "unified_job_template": "Deploy"},
    ),
    ("workflow_job_template_node", APPROVAL),
    # a task of its own: together with approval_node the module looks for the list elsewhere
    ("workflow_job_template_node", {**NODE, "identifier": "plan", "success_nodes": ["ask"]}),
    (
        "schedule",
        {**FLEET, "name": "hourly", "unified_job_template": "Deploy", "rrule": HOURLY}
        | {"extra_data": {"ref": "main"}},
    ),
]
CHANGED: t.List[Task] = [
    ("organization", {"name": "Fleet", "description": "two"}),
    ("job_template", {**JOB, "name": "Deploy", "labels": [], "survey_spec": {}}),
    ("job_template", {**JOB, "name": "Deploy", "playbook": "status.yaml", "credentials": []}),
    ("workflow_job_template_node", {**APPROVAL, "approval_node": {"name": "Go?", "timeout": 5}}),
]
REFUSED: Task = ("job_template", {**JOB, "name": "Other", "playbook": "nowhere.yml"})


class Run(t.NamedTuple):
    """One ansible-playbook: exit code, output, names of tasks that changed something."""

    code: int
    output: str
    changed: t.List[str]


def _absent(tasks: t.List[Task]) -> t.List[Task]:
    gone = {"hosts", "survey_spec", "success_nodes", "labels"}
    return [
        (module, {**{n: v for n, v in values.items() if n not in gone}, "state": "absent"})
        for module, values in reversed(tasks)
        if module != "label" and "success_nodes" not in values
    ]


@pytest.fixture(scope="module")
def collection() -> Path:
    return awx_collection.ensure()


def _play(folder: Path, fake: FakeAwx, collection: Path, tasks: t.List[Task]) -> Run:
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "tasks": [
            {"name": f"{module} {number}", f"awx.awx.{module}": values}
            for number, (module, values) in enumerate(tasks)
        ],
    }
    (folder / "play.yml").write_text(json.dumps([play]), encoding="utf-8")
    environment = {
        **os.environ,
        **fake.environment,
        "ANSIBLE_COLLECTIONS_PATH": str(collection),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_PIPELINING": "1",
    }
    command = ["ansible-playbook", "-i", "localhost,", "-c", "local", "play.yml"]
    command += ["-e", f"ansible_python_interpreter={sys.executable}"]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    parts = done.stdout.split("TASK [")[1:]
    changed = [part.split("]")[0] for part in parts if "\nchanged:" in part]
    return Run(done.returncode, done.stdout + done.stderr, changed)


def test_create_again_change_and_take_back(tmp_path: Path, collection: Path) -> None:
    with FakeAwx(trees={URL: tree(tmp_path / "tree")}) as fake:
        fresh = {kind: fake.objects(kind) for kind in ("organizations", "credential_types")}

        def play(tasks: t.List[Task]) -> Run:
            fake.requests.clear()
            run = _play(tmp_path, fake, collection, tasks)
            assert run.code == 0, run.output
            return run

        assert len(play(PRESENT).changed) == len(PRESENT)
        assert fake.attached("job_templates", "Deploy", "credentials") == ["key"]
        assert fake.attached("job_templates", "Deploy", "labels") == ["fleet"]
        assert fake.survey("job_templates", "Deploy") == SURVEY
        assert fake.attached("workflow_job_template_nodes", "plan", "success_nodes") == ["ask"]
        assert fake.objects("workflow_approval_templates")[0]["name"] == "Go?"

        before = {kind: fake.objects(kind) for kind in ("job_templates", "projects", "schedules")}
        assert play(PRESENT).changed == []
        # The module of inventories always sends a kind that it was not given.
        assert {place.split("/")[3] for _dummy, place, _dummy in fake.changes} <= {
            "inventories",
            "notification_templates",
        }
        assert {kind: fake.objects(kind) for kind in before} == before

        assert len(play(CHANGED).changed) == len(CHANGED)
        deploy = fake.objects("job_templates")[0]
        assert (deploy["playbook"], fake.survey("job_templates", "Deploy")) == ("status.yaml", {})
        assert fake.attached("job_templates", "Deploy", "credentials") == []
        assert fake.objects("workflow_approval_templates")[0]["timeout"] == 5
        assert fake.objects("labels") == []  # nothing carried it any more

        play(_absent(PRESENT))
        assert {kind: fake.objects(kind) for kind in fresh} == fresh
        for kind in ("unified_job_templates", "schedules", "notification_templates", "hosts"):
            assert fake.objects(kind) == []


def test_a_refusal_reaches_the_user(tmp_path: Path, collection: Path) -> None:
    with FakeAwx(trees={URL: tree(tmp_path / "tree")}) as fake:
        tasks = [PRESENT[0], PRESENT[5], PRESENT[6], REFUSED]
        tasks[1] = ("project", {**FLEET, "name": "Project", "scm_type": "git", "scm_url": URL})
        run = _play(tmp_path, fake, collection, tasks)
        assert run.code == 2
        assert "Playbook not found for project." in run.output
        assert len(run.changed) == 3
        wrong = ("project", {**FLEET, "name": "Nowhere", "scm_type": "git", "scm_url": URL + "x"})
        run = _play(tmp_path, fake, collection, [wrong])
        assert (run.code, "Project update failed" in run.output) == (2, True)
