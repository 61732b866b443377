# SPDX-License-Identifier: GPL-3.0-or-later
"""The fake of AWX refuses what AWX refuses, and answers as AWX does."""

from __future__ import annotations

import json
import typing as t
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.awx.fake.example import (
    HOURLY,
    QUESTION,
    SURVEY,
    URL,
    Example,
    tree,
)
from ansible_collections.fleet.jobs.tests.awx.fake.server import FakeAwx

Body = t.Dict[str, t.Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Example]:
    """One set-up; a refused request changes nothing in it."""
    place = tree(tmp_path_factory.mktemp("fake") / "tree")
    with FakeAwx(trees={URL: place}) as fake:
        yield Example(fake)


def _job(**body: t.Any) -> Body:
    return {"name": "x", "project": "{project}", "inventory": "{inventory}", **body}


def _node(**body: t.Any) -> Body:
    return {"workflow_job_template": "{flow}", "unified_job_template": "{job}", **body}


def _hook(**config: t.Any) -> Body:
    body = {"name": "x", "organization": "{org}", "notification_type": "webhook"}
    return {**body, "notification_configuration": config}


def _project(**body: t.Any) -> Body:
    return {"name": "x", "organization": "{org}", "scm_type": "git", "scm_url": URL, **body}


def _credential(**body: t.Any) -> Body:
    return {"name": "x", "organization": "{org}", "credential_type": "{machine}", **body}


def _schedule(**body: t.Any) -> Body:
    return {"name": "x", "unified_job_template": "{job}", "rrule": HOURLY, **body}


def _type(**body: t.Any) -> Body:
    return {"name": "x", "kind": "cloud", **body}


PLAIN = {"url": "https://hook.example.org/", "headers": {}}
# (path, body, what the answer has to hold)
REFUSED: t.List[t.Tuple[str, Body, t.Dict[str, t.Any]]] = [
    ("organizations", {}, {"name": ["This field is required."]}),
    ("organizations", {"name": ""}, {"name": ["This field may not be blank."]}),
    ("organizations", {"name": ["x"]}, {"name": ["Not a valid string."]}),
    ("organizations", {"name": "x" * 513}, {"name": ["no more than 512 characters"]}),
    ("organizations", {"name": "Fleet"}, {"name": ["with this Name already exists."]}),
    ("organizations", {"name": "x", "max_hosts": -1}, {"max_hosts": ["greater than or equal"]}),
    ("organizations", {"name": "x", "max_hosts": "y"}, {"max_hosts": ["valid integer"]}),
    ("inventories", {"name": "x"}, {"organization": ["cannot be blank."]}),
    ("inventories", {"name": "x", "organization": 99}, {"organization": ['Invalid pk "99"']}),
    (
        "inventories",
        {"name": "x", "organization": "Fleet"},
        {"organization": ["Incorrect type. Expected pk value, received str."]},
    ),
    (
        "inventories",
        {"name": "inventory", "organization": "{org}"},
        {"__all__": ["Inventory with this Name and Organization already exists."]},
    ),
    (
        "inventories",
        {"name": "x", "organization": "{org}", "kind": "odd"},
        {"kind": ['"odd" is not a valid choice.']},
    ),
    (
        "inventories",
        {"name": "x", "organization": "{org}", "variables": "- a list"},
        {"variables": ["Cannot parse as JSON"]},
    ),
    (
        "inventories",
        {"name": "x", "organization": "{org}", "kind": "smart"},
        {"host_filter": ["must specify host_filter"]},
    ),
    ("execution_environments", {"name": "x"}, {"image": ["This field is required."]}),
    ("execution_environments", {"name": "x", "image": "UPPER:x y"}, {"image": ["not a valid"]}),
    (
        "execution_environments",
        {"name": "x", "image": "a/b:1", "pull": "sometimes"},
        {"pull": ['"sometimes" is not a valid choice.']},
    ),
    (
        "execution_environments",
        {"name": "x", "image": "a/b:1", "credential": "{key}"},
        {"credential": ["Only Container Registry credentials"]},
    ),
    ("projects", _project(scm_url=""), {"scm_url": ["SCM URL is required."]}),
    ("projects", _project(scm_url="gopher://x/y"), {"scm_url": ["Unsupported git URL"]}),
    ("projects", _project(credential="{key}"), {"credential": ["must be 'scm'."]}),
    ("projects", _project(scm_type="hg"), {"scm_type": ['"hg" is not a valid choice.']}),
    ("projects", _project(name="project"), {"__all__": ["combination already exists."]}),
    ("projects", _project(scm_type="", scm_clean=True), {"scm_clean": ["set to false"]}),
    (
        "inventory_sources",
        {"name": "x", "inventory": "{inventory}", "source": "scm"},
        {"source_project": ["Project required for scm type sources."]},
    ),
    (
        "inventory_sources",
        {"name": "x", "inventory": "{inventory}", "source": "ec2", "source_path": "y"},
        {"detail": ["Cannot set source_path if not SCM type."]},
    ),
    ("inventory_sources", {"name": "x", "source": "scm"}, {"inventory": ["required."]}),
    ("hosts", {"name": "x:y", "inventory": "{inventory}"}, {"name": ["port specification"]}),
    ("groups", {"name": "all", "inventory": "{inventory}"}, {"name": ["Invalid group name."]}),
    ("credential_types", _type(kind="ssh"), {"kind": ["Must be 'cloud' or 'net', not ssh"]}),
    (
        "credential_types",
        _type(inputs={"fields": [{"id": "a b", "label": "x"}]}),
        {"inputs": ["invalid variable name"]},
    ),
    (
        "credential_types",
        _type(inputs={"fields": [{"id": "a"}]}),
        {"inputs": ["'label' is a required property"]},
    ),
    (
        "credential_types",
        _type(injectors={"env": {"ANSIBLE_X": "y"}}),
        {"injectors": ["may affect Ansible configuration"]},
    ),
    (
        "credential_types",
        _type(injectors={"env": {"X": "{{ nothing }}"}}),
        {"injectors": ["uses an undefined field"]},
    ),
    ("credentials", _credential(organization=None), {"detail": ["Missing 'user', 'team'"]}),
    ("credentials", _credential(team=1), {"detail": ["Only one of 'user', 'team'"]}),
    ("credentials", _credential(inputs={"user": "x"}), {"inputs": ["('user' was unexpected)"]}),
    ("credentials", _credential(inputs={"username": 1}), {"inputs": {"username": ["string"]}}),
    ("credentials", _credential(inputs={"password": "$encrypted$"}), {"inputs": ["reserved"]}),
    ("credentials", _credential(inputs={"ssh_key_data": "x"}), {"inputs": {"ssh_key_data": []}}),
    ("credentials", _credential(name="key"), {"__all__": ["and Credential type already exists."]}),
    ("job_templates", _job(playbook=""), {"playbook": ["Must select playbook for project."]}),
    ("job_templates", _job(playbook="no.yml"), {"playbook": ["Playbook not found for project."]}),
    ("job_templates", _job(playbook="values.yml"), {"playbook": ["Playbook not found"]}),
    ("job_templates", _job(project=None), {"project": ["must have a project assigned."]}),
    ("job_templates", _job(inventory=None, playbook="deploy.yml"), {"inventory": ["prompt on"]}),
    ("job_templates", _job(playbook="deploy.yml", scm_branch="x"), {"scm_branch": ["overriding"]}),
    ("job_templates", _job(playbook="deploy.yml", verbosity=6), {"verbosity": ["valid choice."]}),
    ("job_templates", _job(playbook="deploy.yml", job_type="scan"), {"job_type": ["choice."]}),
    ("job_templates", _job(playbook="deploy.yml", forks=-1), {"forks": ["greater than"]}),
    ("job_templates", _job(playbook="deploy.yml", name="Deploy"), {"__all__": ["combination"]}),
    ("job_templates", _job(playbook="deploy.yml", diff_mode="odd"), {"diff_mode": ["boolean."]}),
    ("job_templates", _job(playbook="deploy.yml", extra_vars="[1]"), {"extra_vars": ["Cannot"]}),
    ("workflow_job_template_nodes", {"identifier": "x"}, {"workflow_job_template": ["required."]}),
    ("workflow_job_template_nodes", _node(identifier="one"), {"__all__": ["Identifier and"]}),
    ("workflow_job_template_nodes", _node(limit="x"), {"limit": "not configured to prompt"}),
    ("workflow_job_template_nodes", _node(extra_data={"x": 1}), {"extra_data": ["not allowed on"]}),
    (
        "workflow_job_template_nodes",
        _node(unified_job_template="{asking}"),
        {
            "resources_needed_to_start": ["Job Template inventory is missing or undefined."],
            "passwords_needed_to_start": "cannot provide passwords needed to start.",
        },
    ),
    ("job_templates", _job(playbook="deploy.yml", forks=201), {"forks": ["(200) exceeded."]}),
    ("workflow_job_template_nodes", _node(job_type="x"), {"job_type": ["valid choice."]}),
    ("schedules", _schedule(name="nightly", unified_job_template="{status}"), {"__all__": ["and"]}),
    ("schedules", _schedule(unified_job_template="{manual}"), {"unified_job_template": ["Manual"]}),
    ("schedules", _schedule(extra_data={"x": 1}), {"extra_data": ["not allowed on launch."]}),
    ("schedules", _schedule(rrule="RRULE:FREQ=DAILY;INTERVAL=1"), {"rrule": ["DTSTART required"]}),
    ("schedules", _schedule(rrule=HOURLY.partition(";")[0]), {"rrule": ["INTERVAL required"]}),
    ("schedules", _schedule(rrule=HOURLY.replace("HOUR", "SECOND")), {"rrule": ["SECONDLY is"]}),
    ("schedules", _schedule(rrule=HOURLY.replace("FREQ", "FRQ")), {"rrule": ["parsing failed"]}),
    ("schedules", _schedule(rrule=HOURLY + ";COUNT=1000"), {"rrule": ["COUNT > 999"]}),
    ("schedules", _schedule(rrule=HOURLY + " EXDATE:20260101"), {"rrule": ["EXDATE not allowed"]}),
    ("schedules", _schedule(rrule=HOURLY.replace("Z", "", 1)), {"rrule": ["naive datetime"]}),
    ("notification_templates", _hook(url="x"), {"__all__": ["Missing required fields"]}),
    ("notification_templates", _hook(**{**PLAIN, "headers": []}), {"__all__": ["incorrect type"]}),
    ("notification_templates", _hook(**PLAIN, http_method="GET"), {"__all__": ["'POST' or 'PUT'"]}),
    (
        "notification_templates",
        {**_hook(**PLAIN), "messages": {"stopped": {}}},
        {"messages": ["Event 'stopped' invalid"]},
    ),
    (
        "notification_templates",
        {**_hook(**PLAIN), "messages": {"error": {"message": "{{ wrong }}"}}},
        {"messages": ["Field 'wrong' unavailable"]},
    ),
    ("labels", {"name": "label", "organization": "{org}"}, {"__all__": ["already exists."]}),
    ("job_templates/{job}/credentials", {"id": "{git}"}, {"error": "of kind `scm`."}),
    ("job_templates/{job}/credentials", {"id": "x"}, {"msg": "must be an integer."}),
    ("job_templates/{job}/credentials", {"id": 99}, {"detail": "does not exist."}),
    ("job_templates/{job}/labels", {"disassociate": True}, {"msg": '"id" is required'}),
    ("job_templates/{job}/instance_groups", {"name": "x"}, {"msg": "'id' field is missing."}),
    ("organizations/{org}/galaxy_credentials", {"id": "{key}"}, {"msg": "Galaxy credential, not"}),
    ("schedules/{nightly}/credentials", {"id": "{key}"}, {"msg": "accept credentials on launch."}),
    ("schedules/{nightly}/credentials", {"id": "{ask}"}, {"msg": "requires user input on launch"}),
    ("workflow_job_template_nodes/{one}/success_nodes", {"id": "{one}"}, {"Error": "Cycle"}),
]


def _question(**more: t.Any) -> Body:
    return {**SURVEY, "spec": [{**QUESTION, **more}]}


SURVEYS: t.List[t.Tuple[t.Any, str]] = [
    ({}, "Field 'spec' is missing from survey spec."),
    ({**SURVEY, "name": None}, "Expected string for field 'name', received NoneType type."),
    ({**SURVEY, "spec": {}}, "Expected list of items for field 'spec', received dict type."),
    ({**SURVEY, "spec": []}, "'spec' doesn't contain any items."),
    ({**SURVEY, "spec": ["x"]}, "Survey question 0 is not a json object."),
    ({**SURVEY, "spec": [{"type": "text"}]}, "'question_name' missing from survey question 0"),
    (_question(required="yes"), "'required' in survey question 0 expected to be boolean."),
    (_question(variable=1), "'variable' in survey question 0 expected to be string."),
    ({**SURVEY, "spec": [QUESTION] * 2}, "'variable' 'ref' duplicated in survey question 1."),
    (_question(type="bool"), "'bool' in survey question 0 is not one of"),
    (_question(default=1), "Default value 1 in survey question 0 expected to be string."),
    (_question(type="integer", default="1"), "Default value 1 in survey question 0 expected to be"),
    (_question(type="float", min=0.5), "The min limit in survey question 0 expected to be integer"),
    (_question(type="multiplechoice"), "of type multiplechoice must specify choices."),
    (_question(type="multiplechoice", choices="a\nb", default="a\nb"), "only have one default"),
    (_question(type="multiselect", choices=["a"], default="c"), "answered from the choices listed"),
    (_question(default="$encrypted$"), "reserved keyword for password question defaults"),
    (_question(type="password", default="$encrypted$"), "may not be used for new default"),
]


def _filled(value: t.Any, ids: t.Mapping[str, int]) -> t.Any:
    """``{name}`` alone becomes the id of that name."""
    if isinstance(value, dict):
        return {key: _filled(one, ids) for key, one in value.items()}
    if isinstance(value, str) and value[:1] == "{" and value[1:-1] in ids:
        return ids[value[1:-1]]
    return value


def _holds(answer: t.Any, wanted: t.Any) -> bool:
    """Whether the keys are the same and every wanted text is a part of the one there."""
    if isinstance(wanted, dict):
        same = isinstance(answer, dict) and answer.keys() == wanted.keys()
        return same and all(_holds(answer[key], one) for key, one in wanted.items())
    if isinstance(wanted, list):
        found = answer if isinstance(answer, list) else [answer]
        return all(any(text in one for one in found) for text in wanted)
    return isinstance(answer, str) and wanted in answer


@pytest.mark.parametrize("path, body, wanted", REFUSED)
def test_refuses(made: Example, path: str, body: Body, wanted: t.Dict[str, t.Any]) -> None:
    kinds = ("organizations", "projects", "job_templates", "schedules", "credentials")
    before = {kind: made.fake.objects(kind) for kind in kinds}
    status, answer = made.fake.ask("POST", made.place(f"{path}/"), _filled(body, made.ids))
    assert (status, _holds(answer, wanted)) == (400, True), (status, answer)
    assert {kind: made.fake.objects(kind) for kind in kinds} == before


@pytest.mark.parametrize("spec, sentence", SURVEYS)
def test_refuses_a_survey(made: Example, spec: t.Any, sentence: str) -> None:
    status, answer = made.fake.ask("POST", made.place("job_templates/{job}/survey_spec/"), spec)
    assert (status, list(answer)) == (400, ["error"])
    assert sentence in answer["error"]
    assert made.fake.survey("job_templates", "Deploy") == {}


def test_answers_of_a_survey(tmp_path: Path) -> None:
    """A schedule needs the required ones; a launch, a schedule and a node need good ones."""
    with FakeAwx(trees={URL: tree(tmp_path / "tree")}) as fake:
        made = Example(fake)
        choice = {**QUESTION, "variable": "how", "type": "multiplechoice", "choices": "a\n\nb"}
        number = {**QUESTION, "variable": "n", "type": "integer", "min": 1, "max": 3}
        secret = {**QUESTION, "variable": "s", "type": "password", "default": "hidden"}
        optional = [{**one, "required": False} for one in (choice, number, secret)]
        job = made.place("job_templates/{job}/")
        assert fake.ask("POST", f"{job}survey_spec/", {**SURVEY, "spec": [QUESTION, *optional]})[
            0
        ] == (200)
        assert fake.ask("PATCH", job, {"survey_enabled": True})[0] == 200
        spec = fake.survey("job_templates", "Deploy")["spec"]
        assert (spec[1]["choices"], spec[3]["default"]) == ("a\nb", "$encrypted$")
        for answers, words in (
            ({}, "'ref' value missing"),
            ({"ref": 1}, "Value 1 for 'ref' expected to be a string."),
            ({"ref": "x", "how": "c"}, "Value c for 'how' expected to be one of ['a', 'b']."),
            ({"ref": "x", "n": "1"}, "Value 1 for 'n' expected to be an integer."),
            ({"ref": "x", "n": 9}, "'n' value 9 is too large (must be no more than 3)."),
        ):
            wanted = (400, {"variables_needed_to_start": [words]})
            assert fake.ask("POST", f"{job}launch/", {"extra_vars": answers}) == wanted
            schedule = _filled(_schedule(extra_data=answers), made.ids)
            assert fake.ask("POST", "/api/v2/schedules/", schedule) == wanted
        node = _filled(_node(extra_data={"n": 2}), made.ids)
        assert fake.ask("POST", "/api/v2/workflow_job_template_nodes/", node)[0] == 201
        good = {"extra_vars": {"ref": "x", "how": "b"}, "limit": "ignored"}
        status, answer = fake.ask("POST", f"{job}launch/", good)
        assert (status, answer["ignored_fields"]) == (201, {"limit": "ignored"})


def test_refuses_a_change(made: Example) -> None:
    fake = made.fake
    asking = made.place("credentials/{ask}/")
    status, answer = fake.ask("PATCH", asking, {"credential_type": made.ids["scm"]})
    assert (status, list(answer)) == (400, ["credential_type"])
    assert fake.ask(
        "PATCH", made.place("credentials/{vaulted}/"), {"inputs": {"vault_id": "b"}}
    ) == (
        400,
        {"inputs": ["Vault IDs cannot be changed once they have been created."]},
    )
    assert fake.ask("PATCH", made.place("inventories/{inventory}/"), {"kind": "smart"})[0] == 405
    status, answer = fake.ask("PATCH", made.place("job_templates/{job}/"), {"playbook": "x.yml"})
    assert (status, answer) == (400, {"playbook": ["Playbook not found for project."]})
    assert fake.ask("PUT", made.place("job_templates/{job}/"), {})[1] == {
        "name": ["This field is required."]
    }
    assert fake.ask("DELETE", "/api/v2/execution_environments/2/")[0] == 403
    assert fake.ask("POST", "/api/v2/instance_groups/", {"name": "x"})[0] == 405
    assert fake.ask("DELETE", made.place("labels/{label}/"))[0] == 405


def test_a_node_without_a_template_keeps_no_answers(made: Example) -> None:
    body = {**_node(identifier="empty", limit="x"), "unified_job_template": None}
    body = _filled(body, made.ids)
    status, node = made.fake.ask("POST", "/api/v2/workflow_job_template_nodes/", body)
    assert (status, node["limit"], node["identifier"]) == (201, None, "empty")
    status, approval = made.fake.ask("POST", node["related"]["create_approval_template"], {})
    assert (status, approval) == (400, {"name": ["This field is required."]})
    name = {"name": "Go?"}
    status, approval = made.fake.ask("POST", node["related"]["create_approval_template"], name)
    assert status == 201
    # Only the approval's own page is there: no list, and no lists of nodes below it.
    assert made.fake.ask("GET", "/api/v2/workflow_approval_templates/")[0] == 404
    assert made.fake.ask("GET", f"{approval['url']}success_nodes/")[0] == 404
    assert made.fake.ask("GET", approval["url"])[0] == 200
    assert made.fake.ask("DELETE", node["url"]) == (204, None)
    assert made.fake.ask("GET", approval["url"])[0] == 404


def test_secrets_come_back_encrypted(made: Example) -> None:
    fake = made.fake
    inputs = {"username": "me", "password": "secret"}
    body = {**_credential(inputs=inputs, name="secret one")}
    _dummy, answer = fake.ask("POST", "/api/v2/credentials/", _filled(body, made.ids))
    assert answer["inputs"] == {"username": "me", "password": "$encrypted$"}
    _dummy, answer = fake.ask("PATCH", answer["url"], {"inputs": {"password": "$encrypted$"}})
    assert answer["inputs"] == {"password": "$encrypted$"}
    assert "secret" not in [one["inputs"].get("password") for one in fake.objects("credentials")]
    hook = fake.objects("notification_templates")[0]["notification_configuration"]
    assert (hook["password"], hook["http_method"]) == ("$encrypted$", "POST")


def test_pages_filters_and_names(made: Example) -> None:
    fake = made.fake
    hosts = [f"host{number}" for number in range(30)]
    for name in hosts:
        body = {"name": name, "inventory": made.ids["inventory"]}
        assert fake.ask("POST", "/api/v2/hosts/", body)[0] == 201
    seen, place = [], "/api/v2/hosts/?page_size=7&order_by=name"
    while place:
        _dummy, page = fake.ask("GET", place)
        assert page["count"] == 30
        seen += [one["name"] for one in page["results"]]
        place = page["next"]
    assert seen == sorted(hosts)

    def names(query: str) -> t.List[str]:
        status, page = fake.ask("GET", f"/api/v2/{query}")
        assert status == 200, page
        return [one["name"] for one in page["results"]]

    job = made.ids["job"]
    assert names(f"job_templates/?or__id={job}&or__name={job}") == ["Deploy"]
    assert names("unified_job_templates/?type=workflow_job_template") == ["Flow"]
    assert names("job_templates/?organization__name=Fleet&name__icontains=STAT") == ["Status"]
    assert names("execution_environments/?organization=None&name__startswith=AWX")
    assert names("hosts/?page_size=2&page=15") == ["host28", "host29"]
    assert fake.ask("GET", "/api/v2/hosts/?page=99")[0] == 404
    assert fake.ask("GET", "/api/v2/hosts/?nothing=1") == (
        400,
        {"detail": "Host has no field named 'nothing'"},
    )
    assert fake.ask("GET", "/api/v2/job_templates/Deploy++Fleet/")[1]["id"] == job
    assert fake.ask("GET", "/api/v2/job_templates/Deploy++Default/")[0] == 404
    _dummy, answer = fake.ask("GET", made.place("projects/{project}/"))
    assert answer["summary_fields"]["organization"]["name"] == "Fleet"
    assert fake.ask("GET", answer["related"]["playbooks"])[1] == ["deploy.yml", "status.yaml"]
    assert fake.ask("GET", answer["related"]["inventory_files"])[1] == ["hosts"]


def test_what_goes_when_something_goes(tmp_path: Path) -> None:
    with FakeAwx(trees={URL: tree(tmp_path / "tree")}) as fake:
        made = Example(fake)
        node = made.place("workflow_job_template_nodes/{one}/")
        approval = {"name": "Go?", "timeout": 60}
        assert fake.ask("POST", f"{node}create_approval_template/", approval)[0] == 201
        links = made.place("workflow_job_template_nodes/{one}/success_nodes/")
        assert fake.ask("POST", links, {"id": made.ids["two"]}) == (204, None)
        back = made.place("workflow_job_template_nodes/{two}/always_nodes/")
        assert fake.ask("POST", back, {"id": made.ids["one"]}) == (
            400,
            {"Error": "Cycle detected."},
        )
        labels = made.place("job_templates/{job}/labels/")
        assert fake.ask("POST", labels, {"id": made.ids["label"]}) == (204, None)
        assert fake.attached("job_templates", "Deploy", "labels") == ["label"]
        assert fake.ask("DELETE", made.place("workflow_job_templates/{flow}/")) == (204, None)
        assert fake.objects("workflow_job_template_nodes") == []
        assert fake.objects("workflow_approval_templates") == []
        assert fake.ask("DELETE", made.place("job_templates/{status}/")) == (204, None)
        assert fake.objects("schedules") == []
        body = {"id": made.ids["label"], "disassociate": True}
        assert fake.ask("POST", labels, body) == (204, None)
        assert fake.objects("labels") == []
        assert fake.ask("DELETE", made.place("inventories/{inventory}/")) == (202, None)
        assert fake.objects("job_templates")[0]["inventory"] is None
        types = made.place("credential_types/{machine}/")
        assert fake.ask("DELETE", types)[0] == 403
        assert fake.ask("DELETE", made.place("organizations/{org}/")) == (204, None)
        assert [one["name"] for one in fake.objects("credentials")] == ["Ansible Galaxy"]


def test_over_the_wire(made: Example) -> None:
    fake = made.fake

    def ask(path: str, *, data: t.Optional[bytes] = None, **headers: str) -> t.Tuple[int, t.Any]:
        request = urllib.request.Request(fake.url + path, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                assert answer.headers["X-API-Product-Name"] == "AWX"
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    login = {"Authorization": f"Bearer {fake.token}"}
    json_ = {"Content-Type": "application/json"}
    assert ask("/api/v2/ping/")[0] == 200
    assert ask("/api/v2/me/")[0] == 401
    assert ask("/api/v2/me/", Authorization="Bearer wrong")[0] == 401
    assert ask("/api/v2/me/", **login)[1]["results"][0]["username"] == fake.user
    assert ask("/api/v2/nothing/", **login)[0] == 404
    assert ask("/api/v2/labels/", data=b"{", **login, **json_)[0] == 400
    assert ask("/api/v2/labels/", data=b"{}", **login, **{"Content-Type": "text/plain"})[0] == 415
    assert ask("/api/v2/me/", data=b"{}", **login, **json_)[0] == 405
