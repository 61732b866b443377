# SPDX-License-Identifier: GPL-3.0-or-later
"""The templates *Deploy* and *Deploy (check)*: run, check, relaunch on failed hosts, cancel."""

from __future__ import annotations

import json
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.awx.controller import Launch, Template
from ansible_collections.fleet.jobs.tests.awx.job import Job
from ansible_collections.fleet.jobs.tests.awx.world import DEPLOY, MakeWorld, Say, World
from ansible_collections.fleet.jobs.tests.support.fleet import EmbeddedHost, fingerprint
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

SECRET = "correct horse battery staple"
ARTIFACT = "fleet_jobs_deploy"
LEASE_SECONDS = 12
Cut = t.Callable[[Job], Job]


def outcome(job: Job) -> str:
    """A line for the table."""
    counts = job.artifact.get(ARTIFACT, {}).get("verdicts", {})
    verdicts = ", ".join(f"{verdict} {n}" for verdict, n in sorted(counts.items()) if n)
    return f"{job.status}: {verdicts}" if verdicts else job.status


@pytest.mark.cell("Deploy", "run")
def test_run(make_world: MakeWorld, cell: Say) -> None:
    world = make_world(2)
    world.failed_job()
    sha = world.fleet.origin.fix()

    launch = Launch(world.template("Deploy"), DEPLOY, passwords={"become_password": SECRET})
    job = world.awx.start(launch).wait()

    assert (job.status, job.rc) == ("successful", 0), job.explain()
    for host in world.hosts:
        assert host.head() == sha and host.finished("work/1")["work/1"].ok
    found = job.artifact[ARTIFACT]
    assert (found["version"], found["sha"], found["ref"]) == (1, sha, "main")
    assert found["hosts"] == {"applied": ["host1", "host2"]} and found["plan_id"]
    # The question was put to a terminal and answered from env/passwords; nothing repeats it.
    assert "BECOME password" in job.output
    assert SECRET not in json.dumps(job.events) and SECRET not in json.dumps(job.artifact)
    with world.hosts[0].ledger() as ledger:
        (lease,) = ledger.lease.history()
    assert "ada" in lease["owner"] and "job 41" in f"{lease['owner']} {lease['purpose']}"
    cell(outcome(job))


@pytest.mark.cell("Deploy (check)", "check")
def test_check(make_world: MakeWorld, cell: Say) -> None:
    world = make_world(1)
    world.failed_job()
    world.fleet.origin.fix()
    before = [fingerprint(host) for host in world.hosts]

    job = world.awx.launch(world.template("Deploy (check)"), DEPLOY)

    assert (job.status, job.rc) == ("successful", 0), job.explain()
    assert [fingerprint(host) for host in world.hosts] == before
    assert "Check mode: would deploy" in job.output
    assert not any(job.stats["changed"].get(host.name) == 0 for host in world.hosts)
    cell(outcome(job))


@pytest.mark.cell("Deploy (check)", "run")
def test_a_checked_plan_is_applied_by_its_id(make_world: MakeWorld, cell: Say) -> None:
    """What the workflow does: plan, approval, apply with the id that the plan's artifact has."""
    world = make_world(1)
    world.failed_job()
    sha = world.fleet.origin.fix()
    plan = world.awx.launch(world.template("Deploy (check)"), DEPLOY)
    found = plan.artifact[ARTIFACT]
    wrong = {**DEPLOY, "deploy_plan_id": "f" * 16}

    refused = world.awx.launch(world.template("Deploy"), wrong, artifacts=plan.artifact)
    assert refused.status == "failed" and found["plan_id"] in refused.output, refused.explain()
    assert world.hosts[0].head() != sha
    # Nobody typed an id: the artifact of the plan is enough.
    job = world.awx.launch(world.template("Deploy"), DEPLOY, artifacts=plan.artifact)

    assert job.status == "successful", job.explain()
    assert job.artifact[ARTIFACT]["plan_id"] == found["plan_id"]
    assert world.hosts[0].head() == sha
    cell(outcome(plan))


@pytest.mark.cell("Deploy (check)", "relaunch")
def test_relaunch_of_a_check(make_world: MakeWorld, cell: Say) -> None:
    """A queue that is down fails the plan of its host; asked again, the plan is whole."""
    world = make_world(2)
    world.failed_job()
    world.fleet.origin.fix()
    world.hosts[1].daemon.stop()
    template = world.template("Deploy (check)")
    job = world.awx.launch(template, {**DEPLOY, "deploy_max_failed": "1"})
    assert job.failed_hosts() == ["host2"], job.explain()
    world.hosts[1].daemon.start()

    again = world.awx.relaunch(job)

    assert again.status == "successful", again.explain()
    assert not again.of(host="host1") and "would deploy" in again.output, again.explain()
    cell(outcome(again))


@pytest.mark.cell("Deploy", "check")
def test_job_type_check(make_world: MakeWorld, cell: Say) -> None:
    """The template itself, launched with another job type and with diff, at every verbosity."""
    world = make_world(1)
    world.failed_job()
    world.fleet.origin.fix()
    before = fingerprint(world.hosts[0])
    template = _checked(world.template("Deploy"))

    job = world.awx.launch(template, DEPLOY)

    assert job.status == "successful", job.explain()
    assert fingerprint(world.hosts[0]) == before
    # Words of colour codes apart: the diff names the commits.
    assert world.fleet.origin.first[:10] in job.output and "would deploy" in job.output
    cell(outcome(job))


def _checked(template: Template) -> Template:
    from dataclasses import replace

    return replace(template, job_type="check", diff=True, verbosity=5)


@pytest.mark.cell("Deploy", "relaunch")
def test_relaunch_takes_exactly_the_failed_hosts(make_world: MakeWorld, cell: Say) -> None:
    world = make_world(3)
    world.failed_job()
    sha = world.fleet.origin.fix()
    down = world.hosts[1]
    down.daemon.stop()
    job = world.awx.launch(world.template("Deploy"), {**DEPLOY, "deploy_max_failed": "1"})
    assert job.failed_hosts() == ["host2"], job.explain()
    assert [host.head() == sha for host in world.hosts] == [True, False, True]
    down.daemon.start()

    again = world.awx.relaunch(job)

    assert (again.status, again.failed_hosts()) == ("successful", []), again.explain()
    assert down.head() == sha and down.finished("work/1")["work/1"].ok
    asked = {
        str(event["event_data"]["host"]) for event in again.of() if "host" in event["event_data"]
    }
    assert asked <= {"host2", "localhost"}, again.explain()
    cell(outcome(again))


def _waiting(world: World, tmp_path: Path, ttl: int = 900) -> t.Tuple[EmbeddedHost, Path, Job]:
    """A deploy that waits for a running job, its groups frozen."""
    (host,) = world.hosts
    release = tmp_path / "release"
    host.queue([host.job("work/hold", "hold", str(release)), host.job("work/next", "2")])
    host.running("work/hold")
    world.fleet.origin.fix()
    template = world.template("Deploy", deploy_lease_ttl=ttl)
    job = world.awx.start(Launch(template, DEPLOY))
    eventually(lambda: host.groups()["default"] == "Paused", timeout=60, what="a freeze")
    return host, release, job


@pytest.mark.cell("Deploy", "cancel")
@pytest.mark.parametrize("cut", [Job.cancel, Job.terminate], ids=["cancel", "term_then_kill"])
def test_cancel_leaves_nothing_frozen_beyond_the_lease(
    make_world: MakeWorld, cell: Say, tmp_path: Path, cut: Cut
) -> None:
    world = make_world(1)
    host, release, job = _waiting(world, tmp_path, ttl=LEASE_SECONDS)

    cut(job)

    ended = time.monotonic()
    assert job.status in ("canceled", "failed", "error"), job.explain()
    assert not job.controllers()
    # Nobody calls the collection again, and nothing ends.
    eventually(lambda: host.groups()["default"] == "Running", timeout=60, what="the thaw")
    if cut is Job.cancel:
        cell(f"{job.status}: thawed after {time.monotonic() - ended:.0f} s")
    release.touch()
    assert host.finished("work/hold", "work/next")["work/hold"].ok


@pytest.mark.cell("Deploy (check)", "cancel")
def test_cancelled_check_leaves_nothing(make_world: MakeWorld, cell: Say) -> None:
    world = make_world(1)
    world.failed_job()
    world.fleet.origin.fix()
    before = fingerprint(world.hosts[0])
    job = world.awx.start(Launch(world.template("Deploy (check)"), DEPLOY))
    eventually(lambda: bool(job.controllers()), timeout=30, what="ansible-playbook runs")

    job.cancel()

    eventually(lambda: not job.left(), timeout=60, what="the end of all that it started")
    assert job.status == "canceled", job.explain()
    assert fingerprint(world.hosts[0]) == before
    cell(f"{job.status}: not a byte changed")


def test_who_comes_back_after_a_cancel(make_world: MakeWorld, tmp_path: Path) -> None:
    """A cancelled job has no statistics, so AWX can only relaunch on all hosts; that goes on where
    it was. Somebody else has to wait for the lease."""
    world = make_world(1)
    host, release, job = _waiting(world, tmp_path)
    job.cancel()
    assert not job.of("playbook_on_stats")
    template = world.template("Deploy")
    other = world.awx.launch(template, DEPLOY, user="grace")
    assert other.status == "failed" and "ada" in other.output, other.explain()
    release.touch()

    again = world.awx.relaunch(job, hosts="all")

    assert again.status == "successful", again.explain()
    assert host.finished("work/hold", "work/next")["work/next"].ok
