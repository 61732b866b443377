# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of a survey as they arrive through AWX: each kind of wrong one and what it says; the
right ones, as text, empty, or one a line. What a sentence is for each type is in ``tests/unit``."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.awx.job import Job
from ansible_collections.fleet.jobs.tests.awx.world import DEPLOY, HOSTS, World
from ansible_collections.fleet.jobs.tests.support.fleet import fingerprint

Answered = t.Callable[[str, str, str], None]
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
# Template, variable, answer, and what is said.
WRONG = [
    ("Deploy", "deploy_ref", "no-such-branch", '"no-such-branch"'),
    ("Deploy", "deploy_drain_timeout", "5m", '"5m" is no whole number'),
    ("Deploy", "deploy_restart_budget", "-1", '"-1" is below 0'),
    ("Deploy", "deploy_max_failed", "two", '"two" is neither a number of hosts nor a percentage'),
    ("Deploy", "deploy_when_running", "later", "is not one of wait, finish_old, kill, abort"),
    ("Deploy", "deploy_restart_classes", ["app", "broken"], '"broken"'),
    ("Deploy", "deploy_lease_take_over", "maybe", '"maybe" is neither true nor false'),
    ("Deploy", "deploy_version", "1.10", "may have been written otherwise"),
    ("Deploy", "fleet_hosts", "flete", "No host of the inventory matches fleet_hosts: flete"),
    ("Deploy", "deploy_ref", "{{ 6 * 7 }}", "{{ 6 * 7 }}"),
    ("Watch", "watch_load_share", "much", '"much" is no number'),
    ("Provision", "queue_host_adopt", "seize", "is not one of"),
    ("Emergency stop", "emergency_stop_confirm", "yes", "stop fleet"),
]
_OF = {"Deploy": DEPLOY, "Watch": HOSTS, "Provision": HOSTS, "Emergency stop": HOSTS}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[World]:
    """One host for all of them, since none of them may touch it."""
    made = World(tmp_path_factory.mktemp("answers"), 1)
    try:
        made.failed_job()
        made.fleet.origin.fix()
        yield made
    finally:
        made.close()


def sentence(job: Job) -> str:
    """What a failed task said, or else ansible-playbook itself."""
    said = [str(one.get("msg")) for one in job.results() if one.get("msg")]
    return said[-1] if said else ESCAPES.sub("", job.output)


@pytest.mark.parametrize(
    ("template", "variable", "given", "said"),
    WRONG,
    ids=[f"{one[1]}-{i}" for i, one in enumerate(WRONG)],
)
def test_a_wrong_answer(
    world: World, answered: Answered, template: str, variable: str, given: t.Any, said: str
) -> None:
    before = fingerprint(world.hosts[0])
    job = world.awx.launch(world.template(template), {**_OF[template], variable: given})
    found = sentence(job)
    assert job.status == "failed" and said in found, job.explain()
    assert "Traceback" not in job.output
    assert fingerprint(world.hosts[0]) == before
    answered(variable, repr(given), " ".join(found.split()))


def test_right_answers_as_text(tmp_path: Path, answered: Answered) -> None:
    """Text for everything, empty for what nobody wants to say, a label a line."""
    world = World(tmp_path, 1)
    try:
        (host,) = world.hosts
        labels = ["bars/1", "bars/3", "other/5"]
        host.queue([host.job(label, label[-1]) for label in labels])
        host.finished(*labels)
        sha = world.fleet.origin.fix()
        answers = {
            **{"fleet_hosts": "fleet", "deploy_ref": " main\n", "deploy_monitor_seconds": "0"},
            **{"deploy_restart_labels": "bars/*\nnothing/*\n", "deploy_restart_budget": "20"},
            **{"deploy_lease_take_over": "false", "deploy_max_failed": "50%"},
            **{"deploy_version": "", "deploy_plan_id": "", "deploy_drain_timeout": ""},
        }
        job = world.awx.launch(world.template("Deploy"), answers)
        assert job.status == "successful" and host.head() == sha, job.explain()
        tasks = host.finished("bars/1", "bars/3")
        assert all(task.ok for task in tasks.values()) and host.tasks()["other/5"].failed
    finally:
        world.close()
    answered("deploy_restart_labels", repr("bars/*\nnothing/*\n"), "(taken: two labels)")
