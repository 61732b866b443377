# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of a survey, which are text and may be empty, as variables of every playbook."""

from __future__ import annotations

import json
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.support.ansible import (
    PlaybookRun,
    local_inventory,
    run_playbook,
)
from ansible_collections.fleet.jobs.tests.support.fleet import EmbeddedHost, Fleet, fingerprint


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Fleet]:
    made = Fleet(1, tmp_path_factory.mktemp("answers") / "fleet")
    yield made
    made.close()


@pytest.fixture
def host(fleet: Fleet) -> EmbeddedHost:
    return fleet.hosts[0]


def _run(fleet: Fleet, playbook: str, **answers: t.Any) -> PlaybookRun:
    return run_playbook(f"fleet.jobs.{playbook}", inventory=fleet.inventory(), extra_vars=answers)


def _text(fleet: Fleet, path: Path) -> t.Dict[str, str]:
    """Every variable of a deploy as a survey answers, most of them left empty."""
    return {
        "fleet_hosts": "host1\n",
        "fleet_answer_timeout": "",
        "deploy_repository": f"{fleet.origin.path} ",
        "deploy_ref": "main\n",
        "deploy_id": "",
        "deploy_package": "",
        "deploy_version": "",
        "deploy_python": sys.executable,
        "deploy_groups": "",
        "deploy_when_running": "",
        "deploy_drain_timeout": "20",
        "deploy_restart_labels": "work/1\nwork/none*\n",
        "deploy_restart_classes": "",
        "deploy_restart_budget": "",
        "deploy_restart_unsafe": "true",
        "deploy_modules": "",
        "deploy_assertions": "- file: work.py\n  pattern: FIXED = True\n",
        "deploy_rollback": "",
        "deploy_monitor_seconds": "1",
        "deploy_monitor_load_share": "1000",
        "deploy_max_failed": "",
        "deploy_max_unreachable": "",
        "deploy_deferred_is": "",
        "deploy_plan_id": "",
        "deploy_serial": "1\n100%",
        "deploy_lease_owner": "",
        "deploy_lease_ttl": "",
        "deploy_lease_take_over": "",
        "deploy_report_file": str(path),
    }


def test_a_deploy_takes_text_and_nothing_as_what_they_mean(
    fleet: Fleet, host: EmbeddedHost, tmp_path: Path
) -> None:
    jobs = [host.job(f"work/{n}", str(n), restart_safe=False) for n in (1, 3)]
    host.queue(jobs)
    host.finished("work/1", "work/3")
    sha = fleet.origin.fix()
    path = tmp_path / "report.json"

    run = _run(fleet, "deploy", **_text(fleet, path))

    assert run.rc == 0, run.explain()
    report = json.loads(path.read_text(encoding="utf-8"))["hosts"][host.name]
    assert (report["verdict"], report["restarted"]) == ("applied", ["work/1"]), report
    assert host.head() == sha and host.finished("work/1")["work/1"].ok
    (watched,) = run.of(task="Watch the host")
    assert watched.result["invocation"]["module_args"]["labels"] == ["work/1", "work/none*"]


WRONG = {
    "deploy_ref": "",
    "deploy_when_running": "later",
    "deploy_drain_timeout": "5m",
    "deploy_restart_budget": "-1",
    "deploy_restart_unsafe": "perhaps",
    "deploy_assertions": "work.py",
    "deploy_monitor_load_share": "a lot",
    "deploy_max_failed": "few",
    "deploy_serial": "1\nhalf",
    "fleet_cap": "yes",
}
SAID = [
    'deploy_when_running: "later" is not one of wait, finish_old, kill, abort.',
    'deploy_drain_timeout: "5m" is no whole number.',
    'deploy_restart_budget: "-1" is below 0.',
    'deploy_restart_unsafe: "perhaps" is neither true nor false.',
    "deploy_assertions: a list of dictionaries is wanted, and this text is none.",
    'deploy_monitor_load_share: "a lot" is no number.',
    'deploy_max_failed: "few" is neither a number of hosts nor a percentage.',
    "deploy_ref is needed: Branch, tag or full commit to deploy.",
    'deploy_serial: "half" is neither a number of hosts nor a percentage.',
    'fleet_cap: "yes" is not one of require, prefer, none.',
]


def test_wrong_answers_are_said_before_the_first_host_is_touched(
    fleet: Fleet, host: EmbeddedHost, tmp_path: Path
) -> None:
    before = fingerprint(host)
    run = _run(fleet, "deploy", **{**_text(fleet, tmp_path / "report.json"), **WRONG})
    assert run.rc != 0, run.explain()
    (refused,) = [one for one in run.results if one.status == "failed"]
    assert sorted(SAID) == sorted(s for s in SAID if s in refused.result["msg"]), refused.result
    assert refused.result["msg"].count(": ") == len(SAID)
    assert not run.of(task="Audit |") and fingerprint(host) == before


def test_what_only_one_host_has_wrong_is_said_of_it(
    fleet: Fleet, host: EmbeddedHost, tmp_path: Path
) -> None:
    """The inventory may say something else for each host; the others are not changed either."""
    wrong = {**host.variables, "deploy_restart_budget": "plenty"}
    path = tmp_path / "report.json"
    run = run_playbook(
        "fleet.jobs.deploy",
        inventory=fleet.inventory(other=wrong),
        extra_vars={
            "fleet_hosts": "all",
            "deploy_repository": str(fleet.origin.path),
            "deploy_ref": "main",
            "deploy_report_file": str(path),
        },
    )
    assert run.rc == 2, run.explain()
    (audited,) = run.of(task="Audit |", host="other")
    assert audited.result["msg"] == 'deploy_restart_budget: "plenty" is no whole number.'
    assert host.groups() == {"default": "Running"}


def test_a_status_takes_them_too(fleet: Fleet, host: EmbeddedHost, tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    empty = {"fleet_hosts": "", "status_source": "", "status_query": "", "fleet_cap": ""}
    run = _run(fleet, "status", **empty, status_report_file=str(path))
    assert run.rc == 0 and host.name in path.read_text(encoding="utf-8"), run.explain()

    run = _run(fleet, "status", status_source="memory", fleet_answer_timeout="long")
    said = ' "memory" is not one of status, state_file.'
    assert run.rc != 0 and f"status_source:{said}" in run.results[0].result["msg"], run.explain()
    assert 'fleet_answer_timeout: "long" is no number.' in run.results[0].result["msg"]
    assert not run.of(task="Look at the queue")


def test_an_emergency_stop_takes_them_too(fleet: Fleet, host: EmbeddedHost) -> None:
    run = _run(fleet, "emergency_stop", fleet_hosts="host1", resume="please")
    assert run.rc != 0
    assert run.results[0].result["msg"] == 'resume: "please" is neither true nor false.'
    run = _run(fleet, "emergency_stop", fleet_hosts="host1", emergency_stop_confirm="", resume="")
    assert run.rc != 0 and 'with the text "stop host1"' in run.results[0].result["msg"]
    assert host.groups() == {"default": "Running"}

    confirmed = {"fleet_hosts": "host1\n", "emergency_stop_confirm": "stop host1 "}
    run = _run(fleet, "emergency_stop", **confirmed, resume="false")
    assert run.rc == 0 and host.groups() == {"default": "Paused"}, run.explain()
    run = _run(
        fleet, "emergency_stop", fleet_hosts="host1", emergency_stop_confirm="", resume="yes"
    )
    assert run.rc == 0 and host.groups() == {"default": "Running"}, run.explain()


def test_a_provision_says_what_is_wrong_before_it_connects(tmp_path: Path) -> None:
    inventory = local_inventory(
        tmp_path / "hosts.json", {"nowhere": {"ansible_connection": "ssh", "ansible_port": 1}}
    )
    answers = {
        "fleet_hosts": "all",
        "fleet_cap": "maybe",
        "queue_host_groups": "bars",
        "queue_host_linger": "often",
        "queue_host_drain_timeout": "",
        "queue_host_state": "",
    }
    run = run_playbook("fleet.jobs.provision", inventory=inventory, extra_vars=answers)
    assert run.rc == 2, run.explain()
    (refused,) = run.results
    for said in (
        'queue_host_linger: "often" is neither true nor false.',
        "queue_host_groups: a list of dictionaries is wanted",
        'fleet_cap: "maybe" is not one of require, prefer, none.',
    ):
        assert said in refused.result["msg"], refused.result
