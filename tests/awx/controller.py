# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX decides before a job starts: variables of template, survey and person in their order,
the command line, the slices, and the limit of a relaunch. Not an AWX: only what jobs feel of it.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace
from pathlib import Path

from ansible_collections.fleet.jobs.tests.awx import private_data
from ansible_collections.fleet.jobs.tests.awx.job import Job
from ansible_collections.fleet.jobs.tests.awx.private_data import Inventory

Variables = t.Mapping[str, t.Any]
PREFIXES = ("awx", "tower")


@dataclass(frozen=True)
class Template:
    """A job template."""

    name: str
    playbook: str
    extra_vars: Variables = field(default_factory=dict)
    survey: t.Sequence[Variables] = ()
    job_type: str = "run"
    slices: int = 1
    verbosity: int = 0
    diff: bool = False
    forks: int = 0
    timeout: int = 0


@dataclass(frozen=True)
class Launch:
    """One launch of a template; a relaunch repeats it with another limit."""

    template: Template
    answers: Variables = field(default_factory=dict)
    limit: str = ""
    user: str = "ada"
    passwords: t.Mapping[str, str] = field(default_factory=dict)
    slice_number: int = 0
    workflow: int = 0
    artifacts: Variables = field(default_factory=dict)

    @property
    def variables(self) -> t.Dict[str, t.Any]:
        """The template's, over them the survey's defaults, over them the answers, over them what
        the earlier nodes of a workflow left."""
        asked = {one["variable"] for one in self.template.survey}
        assert set(self.answers) <= asked, (
            f"AWX takes no answers without a question: {self.answers}"
        )
        defaults = {
            one["variable"]: one["default"]
            for one in self.template.survey
            # AWX checks a default as an answer; that of a multiselect is text, and thus is none.
            if one.get("default") is not None and one["type"] != "multiselect"
        }
        return {**self.template.extra_vars, **defaults, **self.answers, **self.artifacts}

    @property
    def arguments(self) -> t.List[str]:
        """The command line, in AWX's order."""
        given = self.template
        words = ["--check"] * (given.job_type == "check") + ["-u", "root"]
        words += ["--ask-pass"] * ("ssh_password" in self.passwords)
        words += ["--diff"] * given.diff
        words += ["--ask-become-pass"] * ("become_password" in self.passwords)
        words += [f"--forks={given.forks}"] * bool(given.forks)
        words += ["-l", self.limit] if self.limit else []
        words += [f"-{'v' * given.verbosity}"] * bool(given.verbosity)
        return words

    def meta(self, ident: int) -> t.Dict[str, t.Any]:
        """What AWX says about the job itself."""
        said: t.Dict[str, t.Any] = {
            **{"job_id": ident, "job_launch_type": "manual", "user_name": self.user},
            **{"user_id": 7, "user_email": f"{self.user}@example.org"},
            **{"user_first_name": "", "user_last_name": "", "inventory_id": 1},
            **{"inventory_name": "fleet", "project_revision": "0" * 40, "project_scm_branch": ""},
            **{"job_template_id": 9, "job_template_name": self.template.name},
            "execution_node": "node1",
        }
        if self.workflow:
            said.update(workflow_job_id=self.workflow, workflow_job_name=self.template.name)
        return {f"{prefix}_{name}": value for prefix in PREFIXES for name, value in said.items()}


class Controller:
    """Starts jobs; ``close`` ends those that still run."""

    def __init__(self, folder: Path, project: Path, inventory: Inventory) -> None:
        self.folder, self.project, self.inventory = folder, project, inventory
        self.jobs: t.List[Job] = []
        self._launches: t.Dict[int, Launch] = {}
        self._ident = 40
        folder.mkdir(parents=True, exist_ok=True)

    def start(self, launch: Launch) -> Job:
        """Start it; the job runs."""
        self._ident += 1
        count = launch.template.slices
        content = private_data.Content(
            ident=self._ident,
            project=self.project,
            inventory=self.inventory.script_data(max(launch.slice_number, 1), max(count, 1)),
            extra_vars={**launch.variables, **launch.meta(self._ident)},
            trusted=launch.template.extra_vars,
            arguments=launch.arguments,
            passwords=launch.passwords,
            timeout=launch.template.timeout,
        )
        place = private_data.write(self.folder, content)
        environ = private_data.environment(place, self._ident)
        job = Job(place, self._ident, launch.template.playbook, environ)
        self.jobs.append(job)
        self._launches[job.ident] = launch
        return job

    def launch(
        self, template: Template, answers: t.Optional[Variables] = None, **more: t.Any
    ) -> Job:
        """Start a job of a template and wait for its end."""
        return self.start(Launch(template, answers or {}, **more)).wait()

    def launch_sliced(self, template: Template, answers: Variables, *, count: int) -> t.List[Job]:
        """One workflow job with a job per slice, all at once."""
        self._ident += 1
        sliced = Launch(replace(template, slices=count), answers, workflow=self._ident)
        jobs = [self.start(replace(sliced, slice_number=n)) for n in range(1, count + 1)]
        return [job.wait() for job in jobs]

    def relaunch(self, job: Job, *, hosts: str = "failed") -> Job:
        """The same job again, on all hosts or on those that failed."""
        launch = self._launches[job.ident]
        if hosts == "failed":
            limit = ",".join(job.failed_hosts())
            assert limit, (
                f"Cannot relaunch because previous job had 0 failed hosts.\n{job.explain()}"
            )
            launch = replace(launch, limit=limit)
        return self.start(launch).wait()

    def close(self) -> None:
        """Leave no process behind."""
        for job in self.jobs:
            job.close()
