# SPDX-License-Identifier: GPL-3.0-or-later
"""A small set-up in the fake, made by requests alone, to try refusals on."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible_collections.fleet.jobs.tests.awx.fake.server import FakeAwx

URL = "https://git.example.org/fleet.git"
HOURLY = "DTSTART:20260101T000000Z RRULE:FREQ=HOURLY;INTERVAL=1"
QUESTION = {"question_name": "Ref", "variable": "ref", "type": "text", "required": True}
SURVEY = {"name": "", "description": "", "spec": [QUESTION]}


def tree(folder: Path) -> Path:
    """A project as AWX would find it: two playbooks, and files that are none."""
    folder.mkdir(parents=True)
    (folder / "deploy.yml").write_text("---\n- import_playbook: fleet.jobs.deploy\n", "utf-8")
    (folder / "status.yaml").write_text("---\n- hosts: all\n", "utf-8")
    (folder / "values.yml").write_text("---\nhosts_of_ours: []\n", "utf-8")
    (folder / "hosts").write_text("one\n", "utf-8")
    for name in ("tasks", "roles", ".hidden", "group_vars"):
        (folder / name).mkdir()
        (folder / name / "main.yml").write_text("- hosts: all\n", "utf-8")
    return folder


class Example:
    """Ids of what a set-up has, by a short name."""

    def __init__(self, fake: FakeAwx) -> None:
        self.fake = fake
        self.ids: t.Dict[str, int] = {}
        self._make("org", "organizations", name="Fleet")
        machine, scm, vault = (self._type(one) for one in ("Machine", "Source Control", "Vault"))
        self.ids.update(machine=machine, scm=scm, vault=vault)
        self._owned("key", "credentials", name="key", credential_type=machine, inputs={})
        self._owned("key2", "credentials", name="key2", credential_type=machine, inputs={})
        self._owned("git", "credentials", name="git", credential_type=scm, inputs={})
        asking = {"password": "ASK"}
        self._owned("ask", "credentials", name="ask", credential_type=machine, inputs=asking)
        locked = {"credential_type": vault, "inputs": {"vault_id": "a"}}
        self._owned("vaulted", "credentials", name="vaulted", **locked)
        self._owned("project", "projects", name="project", scm_type="git", scm_url=URL)
        fake.ask("GET", "/api/v2/project_updates/1/")
        self._owned("manual", "projects", name="manual")
        self._owned("inventory", "inventories", name="inventory")
        self._owned("label", "labels", name="label")
        of = {"project": self.ids["project"], "inventory": self.ids["inventory"]}
        self._make("job", "job_templates", name="Deploy", playbook="deploy.yml", **of)
        self._make("status", "job_templates", name="Status", playbook="status.yaml", **of)
        prompted = {"project": of["project"], "ask_inventory_on_launch": True}
        self._make("asking", "job_templates", name="Asking", playbook="deploy.yml", **prompted)
        fake.ask("POST", self.place("job_templates/{asking}/credentials/"), {"id": self.ids["ask"]})
        self._owned("flow", "workflow_job_templates", name="Flow")
        for name in ("one", "two"):
            node = {"workflow_job_template": self.ids["flow"], "identifier": name}
            node["unified_job_template"] = self.ids["job"]
            self._make(name, "workflow_job_template_nodes", **node)
        hook = {"url": "https://hook.example.org/", "headers": {}, "password": "secret"}
        kind = {"notification_type": "webhook", "notification_configuration": hook}
        self._owned("hook", "notification_templates", name="hook", **kind)
        self._make(
            "nightly",
            "schedules",
            name="nightly",
            rrule=HOURLY,
            unified_job_template=self.ids["status"],
        )

    def place(self, template: str) -> str:
        """``/api/v2/`` and the rest, with ``{name}`` for an id."""
        return f"/api/v2/{template.format(**self.ids)}"

    def _type(self, name: str) -> int:
        types = self.fake.objects("credential_types")
        return next(int(one["id"]) for one in types if one["name"] == name)

    def _owned(self, short: str, path: str, **body: t.Any) -> None:
        self._make(short, path, organization=self.ids["org"], **body)

    def _make(self, short: str, path: str, **body: t.Any) -> None:
        status, answer = self.fake.ask("POST", f"/api/v2/{path}/", body)
        assert status == 201, (path, answer)
        self.ids[short] = answer["id"]
