# SPDX-License-Identifier: GPL-3.0-or-later
"""``fleet.jobs.awx_setup`` with the real modules of awx.awx, against the fake of AWX's API.

The tests of the first part share one AWX and go on where the one before stopped.
"""

from __future__ import annotations

import json
import subprocess
import typing as t

import pytest

from ansible_collections.fleet.jobs.tests.awx import awx_collection
from ansible_collections.fleet.jobs.tests.awx.fake.server import FakeAwx
from ansible_collections.fleet.jobs.tests.support.ansible import (
    COLLECTION,
    COLLECTIONS_PATH,
    PlaybookRun,
    run_playbook,
)

PROJECT = COLLECTION / "examples" / "awx-project"
URL = "git@git.example.org:batch/fleet.git"
KINDS = (
    *("organizations", "credentials", "credential_types", "execution_environments", "projects"),
    *("inventories", "inventory_sources", "notification_templates", "job_templates"),
    *("workflow_job_templates", "workflow_job_template_nodes", "schedules"),
)
INDEX = {"awx_index_credential": "Fleet index", "awx_index_username": "reader"}
IMAGE = "registry.example.org/fleet:1"
ALL = {
    **INDEX,
    "awx_index_password": "one",
    "awx_execution_environment": "Fleet",
    "awx_execution_environment_image": IMAGE,
}
Objects = t.Dict[str, t.List[t.Dict[str, t.Any]]]


class SetUp:
    """Runs of the playbook with the variables of the example."""

    def __init__(self, fake: FakeAwx, key: str) -> None:
        self.fake, self.key = fake, key

    def __call__(
        self, *, check: bool = False, env: t.Optional[t.Dict[str, str]] = None, **given: t.Any
    ) -> PlaybookRun:
        path = f"{COLLECTIONS_PATH}:{awx_collection.ensure()}"
        environ = {"FLEET_GIT_KEY": self.key, "FLEET_MACHINE_KEY": self.key}
        environ.update(self.fake.environment, ANSIBLE_COLLECTIONS_PATH=path)
        return run_playbook(
            "fleet.jobs.awx_setup",
            inventory="/dev/null",
            arguments=["-e", f"@{PROJECT / 'awx.yml'}"],
            extra_vars=given,
            check=check,
            env={**environ, **(env or {})},
        )

    def objects(self) -> Objects:
        """Everything that the server has, without what time or a launch changes."""
        return {kind: [_lasting(one) for one in self.fake.objects(kind)] for kind in KINDS}


def _lasting(one: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    left = ("modified", "created", "summary_fields", "related")
    return {
        key: value
        for key, value in one.items()
        if key not in left and not key.startswith(("last_", "next_"))
    }


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A private key, as an AWX would refuse anything else."""
    path = tmp_path_factory.mktemp("key") / "key"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def setup(key: str) -> t.Iterator[SetUp]:
    """An AWX in which somebody has made the organization and a credential by hand."""
    with FakeAwx(trees={URL: PROJECT}) as fake:
        organization = _made(fake, "organizations", name="Batch", description="By hand")
        (machine,) = [one for one in fake.objects("credential_types") if one["name"] == "Machine"]
        _made(
            *(fake, "credentials"),
            **{"name": "Fleet machine", "organization": organization},
            **{"credential_type": machine["id"], "inputs": {"username": "somebody"}},
        )
        yield SetUp(fake, key)


@pytest.fixture(scope="module")
def before(setup: SetUp) -> Objects:
    return setup.objects()


def _made(fake: FakeAwx, kind: str, **fields: t.Any) -> int:
    status, body = fake.ask("POST", f"/api/v2/{kind}/", fields)
    assert status == 201, body
    return t.cast(int, body["id"])


def _changed(run: PlaybookRun) -> int:
    return run.stats["localhost"]["changed"]


def _named(fake: FakeAwx, kind: str, name: str) -> t.Dict[str, t.Any]:
    return next(
        one for one in fake.objects(kind) if name in (one.get("name"), one.get("identifier"))
    )


def test_check_mode_says_what_would_be_made(setup: SetUp, before: Objects) -> None:
    asked = len(setup.fake.changes)

    run = setup(check=True, **ALL)

    assert run.rc == 0 and _changed(run) == 1, run.explain()
    assert "Fleet Deploy with approval (workflow_job_templates)" in run.stdout
    assert "Batch (organizations)" not in run.stdout
    assert setup.fake.changes[asked:] == [] and setup.objects() == before


def test_run_makes_everything(setup: SetUp, before: Objects) -> None:
    run = setup(**ALL)

    assert run.rc == 0, run.explain()
    fake = setup.fake
    names = {one["name"] for one in fake.objects("job_templates")}
    titles = ("Deploy", "Deploy (check)", "Status", "Watch", "Provision", "Emergency stop")
    assert names == {f"Fleet {title}" for title in titles}
    deploy = _named(fake, "job_templates", "Fleet Deploy")
    assert (deploy["playbook"], deploy["job_type"]) == ("deploy.yml", "run")
    assert not deploy["allow_simultaneous"] and deploy["job_slice_count"] == 1
    assert _named(fake, "job_templates", "Fleet Deploy (check)")["job_type"] == "check"
    attached = fake.attached("job_templates", "Fleet Deploy", "credentials")
    assert sorted(attached) == ["Fleet index", "Fleet machine"]
    # What somebody made is used as it is.
    assert setup.objects()["organizations"] == before["organizations"]
    assert _named(fake, "credentials", "Fleet machine")["inputs"] == {"username": "somebody"}
    # No key, no password, in anything that was said.
    assert setup.key.splitlines()[1] not in run.stdout + run.stderr
    _is_asked(fake)
    _is_a_chain(fake)
    _is_told(fake)


def _is_asked(fake: FakeAwx) -> None:
    questions = {
        one["variable"]: one for one in fake.survey("job_templates", "Fleet Deploy")["spec"]
    }
    assert questions["deploy_ref"]["default"] == "main" and questions["deploy_ref"]["required"]
    assert questions["deploy_when_running"]["choices"] == ["wait", "finish_old", "kill", "abort"]
    assert "deploy_restart_budget" not in questions and "deploy_plan_id" in questions
    plan = fake.survey("workflow_job_templates", "Fleet Deploy with approval")["spec"]
    assert {one["variable"] for one in plan} == set(questions) - {"deploy_plan_id"}


def _is_a_chain(fake: FakeAwx) -> None:
    """Plan, approval, apply, watch: each only after the success of the one before."""
    nodes = "workflow_job_template_nodes"
    chain = {
        name: fake.attached(nodes, name, "success_nodes")
        for name in ("plan", "approve", "apply", "watch")
    }
    assert chain == {"plan": ["approve"], "approve": ["apply"], "apply": ["watch"], "watch": []}
    for name, template in (("plan", "Deploy (check)"), ("apply", "Deploy"), ("watch", "Watch")):
        job_template = _named(fake, "job_templates", f"Fleet {template}")
        assert _named(fake, nodes, name)["unified_job_template"] == job_template["id"]
    approval = _named(fake, nodes, "approve")["summary_fields"]["unified_job_template"]
    assert approval["unified_job_type"] == "workflow_approval"


def _is_told(fake: FakeAwx) -> None:
    for when in ("success", "error"):
        told = fake.attached("job_templates", "Fleet Deploy", f"notification_templates_{when}")
        assert told == ["Fleet verdicts"]
    schedule = _named(fake, "schedules", "Fleet Status")
    assert schedule["enabled"] and "FREQ=HOURLY" in schedule["rrule"]
    status = _named(fake, "job_templates", "Fleet Status")
    assert schedule["unified_job_template"] == status["id"]


def test_run_again_changes_nothing(setup: SetUp) -> None:
    asked = len(setup.fake.changes)

    run = setup(**ALL)

    assert run.rc == 0 and _changed(run) == 0, run.explain()
    assert setup.fake.changes[asked:] == []


def test_drift_is_seen_in_check_mode_and_repaired(setup: SetUp) -> None:
    fake, made = setup.fake, setup.objects()
    survey = fake.survey("job_templates", "Fleet Deploy")
    _drift(fake)
    asked = len(fake.changes)

    seen = setup(check=True, **ALL)
    # A module says that it would change something, and no more, once it would.
    assert seen.rc == 0 and _changed(seen) == 4, seen.explain()
    assert fake.changes[asked:] == []

    mended = setup(**ALL)
    assert mended.rc == 0 and _changed(mended) == 4, mended.explain()
    assert setup.objects() == made
    assert fake.survey("job_templates", "Fleet Deploy") == survey
    _is_a_chain(fake)


def _drift(fake: FakeAwx) -> None:
    """Deploys at once, a survey that requires nothing, a plan that nobody has to approve."""
    deploy = _named(fake, "job_templates", "Fleet Deploy")
    _ok(fake.ask("PATCH", deploy["url"], {"allow_simultaneous": True, "forks": 1}))
    survey = fake.survey("job_templates", "Fleet Deploy")
    spec = [{**one, "required": False} for one in survey["spec"]]
    _ok(fake.ask("POST", deploy["related"]["survey_spec"], {**survey, "spec": spec}))
    nodes = "workflow_job_template_nodes"
    plan, approve, apply = (_named(fake, nodes, name) for name in ("plan", "approve", "apply"))
    success = f"{plan['url']}success_nodes/"
    _ok(fake.ask("POST", success, {"id": approve["id"], "disassociate": True}))
    _ok(fake.ask("POST", success, {"id": apply["id"]}))
    _ok(fake.ask("PATCH", _named(fake, "schedules", "Fleet Status")["url"], {"enabled": False}))
    _ok(fake.ask("PATCH", _named(fake, "projects", "Fleet project")["url"], {"scm_branch": "old"}))


def _ok(answer: t.Tuple[int, t.Any]) -> None:
    assert answer[0] in (200, 201, 204), answer


def test_absent_takes_back_what_it_made_and_nothing_else(setup: SetUp, before: Objects) -> None:
    fake = setup.fake
    project = _named(fake, "projects", "Fleet project")["id"]
    inventory = _named(fake, "inventories", "Fleet hosts")["id"]
    nightly = _made(
        *(fake, "job_templates"),
        **{"name": "Nightly", "project": project, "inventory": inventory},
        **{"playbook": "status.yml", "job_type": "run"},
    )

    used = setup(awx_setup_state="absent", **ALL)

    assert used.rc == 0, used.explain()
    assert '"Fleet project" stays, since it is used by' in used.stdout.replace("\\", "")
    left = setup.objects()
    assert [one["name"] for one in left["job_templates"]] == ["Nightly"]
    assert [one["name"] for one in left["projects"]] == ["Fleet project"]
    assert [one["name"] for one in left["inventories"]] == ["Fleet hosts"]
    assert left["workflow_job_templates"] == left["schedules"] == []

    _ok(fake.ask("DELETE", f"/api/v2/job_templates/{nightly}/"))
    freed = setup(awx_setup_state="absent", **ALL)

    assert freed.rc == 0, freed.explain()
    assert setup.objects() == before


@pytest.fixture(scope="module")
def fresh(key: str) -> t.Iterator[SetUp]:
    with FakeAwx(trees={URL: PROJECT}) as fake:
        yield SetUp(fake, key)


def test_wrong_variables_are_said_at_once(fresh: SetUp) -> None:
    run = fresh(
        awx_organisation="Batch",
        awx_status_schedule="every morning",
        awx_questions={"deploy_rev": {"default": "main"}, "deploy_ref": {"defualt": "main"}},
        awx_notification_configuration={},
    )

    assert run.rc == 2 and len(fresh.fake.requests) == 0, run.explain()
    for said in (
        "awx_organisation: the role fleet.jobs.awx has no such variable.",
        'awx_status_schedule: "every morning" is no schedule as AWX writes it',
        'awx_questions names "deploy_rev", for which no survey asks.',
        "awx_questions: deploy_ref takes a dictionary with any of question_name",
        "awx_notification_type is webhook, and awx_notification_configuration has none",
    ):
        assert said in _said(run), run.explain()


def test_what_is_missing_and_what_is_somebodys_is_said_before_anything_is_made(
    fresh: SetUp,
) -> None:
    organization = _made(fresh.fake, "organizations", name="Batch")
    _made(
        fresh.fake,
        "workflow_job_templates",
        name="Fleet Deploy with approval",
        organization=organization,
    )
    asked = len(fresh.fake.changes)

    run = fresh(awx_project_url="", env={"FLEET_MACHINE_KEY": ""})

    assert run.rc == 2 and fresh.fake.changes[asked:] == [], run.explain()
    for said in (
        'There is no "Fleet machine" (credentials) in organization "Batch": give awx_machine_user '
        "and awx_machine_key, and it is made, or name one that is there with",
        'There is no "Fleet project" (projects) in organization "Batch": give awx_project_url',
        '"Fleet Deploy with approval" (workflow_job_templates) is there already, and was not made',
    ):
        assert said in _said(run), run.explain()


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS_PATH)}, "The collection awx.awx is needed"),
        ({"CONTROLLER_OAUTH_TOKEN": "wrong"}, "did not let us in"),
    ],
    ids=["no collection", "no access"],
)
def test_what_keeps_us_out_is_one_sentence(fresh: SetUp, env: t.Dict[str, str], said: str) -> None:
    run = fresh(env=env)

    assert run.rc == 2 and said in _said(run), run.explain()
    assert "Traceback" not in run.stdout + run.stderr


def _said(run: PlaybookRun) -> str:
    """What a person reads, without JSON's quotes."""
    return json.dumps([one.result for one in run.results]).replace('\\"', '"')
