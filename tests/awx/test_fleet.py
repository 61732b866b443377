# SPDX-License-Identifier: GPL-3.0-or-later
"""Many hosts: statistics, artifact and relaunch where two fail; slices; two jobs at once."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible_collections.fleet.jobs.tests.awx.controller import Launch
from ansible_collections.fleet.jobs.tests.awx.job import Job
from ansible_collections.fleet.jobs.tests.awx.world import DEPLOY, MakeWorld
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

ARTIFACT = "fleet_jobs_deploy"
MOST_BYTES = 65536
# The code stays where it cannot be proven, so that the relaunch finds a phase that is done.
KEPT = {"deploy_rollback": False}
WRONG = {"deploy_assertions": [{"file": "work.py", "pattern": "no such line"}]}


def asked(job: Job) -> t.Set[str]:
    """On whom any task ran."""
    return {str(event["event_data"]["host"]) for event in job.events if _has_host(event)}


def _has_host(event: t.Mapping[str, t.Any]) -> bool:
    return bool(event["event_data"].get("host"))


def applied(job: Job, host: str) -> t.Dict[str, t.Any]:
    """What ``deploy_apply`` answered there."""
    (found,) = [one for one in job.results(host=host, task="Apply |") if "phases" in one]
    return found


def test_twenty_hosts_of_which_two_fail(make_world: MakeWorld) -> None:
    world = make_world(20)
    unproven, down = world.hosts[6], world.hosts[12]
    world.failed_job()
    before, sha = down.head(), world.fleet.origin.fix()
    down.daemon.stop()
    world.change(**{unproven.name: WRONG})
    answers = {**DEPLOY, "deploy_max_failed": "10%"}

    job = world.awx.launch(world.template("Deploy", **KEPT), answers)

    # Statistics: exactly the two, whatever a rescue did on them.
    good = {host.name for host in world.hosts} - {"host7", "host13"}
    assert job.failed_hosts() == ["host13", "host7"], job.explain()
    assert job.stats["dark"] == {} and set(job.stats["failures"]) == {"host13", "host7"}
    assert good <= set(job.stats["ok"]) and good <= set(job.stats["changed"])
    # Two of twenty are within the bound, and the job says so.
    assert job.rc == 0 and "within deploy_max_failed" in job.output, job.explain()
    found = job.artifact[ARTIFACT]
    assert found["hosts"] == {"applied": sorted(good), "failed": ["host13", "host7"]}
    assert found["verdicts"] == {"applied": 18, "failed": 2} and found["sha"] == sha
    assert len(json.dumps(job.artifact)) < MOST_BYTES
    assert max(len(json.dumps(event)) for event in job.events) < MOST_BYTES
    assert (unproven.head(), down.head()) == (sha, before)
    assert applied(job, "host7")["phases"] == {"pull": "moved", "upgrade": "no package"}

    down.daemon.start()
    world.change()
    again = world.awx.relaunch(job)

    assert (again.status, again.failed_hosts()) == ("successful", []), again.explain()
    assert asked(again) <= {"host7", "host13", "localhost"}
    assert again.artifact[ARTIFACT]["hosts"] == {"applied": ["host13", "host7"]}
    assert applied(again, "host7")["phases"]["pull"] == "there already"
    assert applied(again, "host13")["phases"]["pull"] == "moved"
    assert all(host.head() == sha for host in world.hosts)
    for host in (unproven, down):
        assert host.finished("work/1")["work/1"].ok and host.groups() == {"default": "Running"}


def test_a_slice_says_that_it_is_one(make_world: MakeWorld) -> None:
    """Four hosts in two jobs: what is wrong in one slice stops that slice, not the other."""
    world = make_world(4)
    world.failed_job()
    sha = world.fleet.origin.fix()
    world.hosts[2].daemon.stop()

    first, second = world.awx.launch_sliced(world.template("Deploy"), DEPLOY, count=2)

    assert (first.status, second.status) == ("failed", "successful"), first.explain()
    assert asked(first) - {"localhost"} == {"host1", "host3"}
    assert asked(second) - {"localhost"} == {"host2", "host4"}
    assert [host.head() == sha for host in world.hosts] == [False, True, False, True]
    for job in (first, second):
        assert "one slice of" in job.output and "2 hosts" in job.output, job.explain()
    assert "1 of 2 hosts" in first.output


def test_two_jobs_at_once(make_world: MakeWorld, tmp_path: Path) -> None:
    """AWX keeps two launches of one template apart; two controllers, or two templates, do not.
    The lease does: who comes second is told who is there."""
    world = make_world(1)
    (host,) = world.hosts
    release = tmp_path / "release"
    host.queue([host.job("work/hold", "hold", str(release)), host.job("work/1", "1")])
    host.running("work/hold")
    sha = world.fleet.origin.fix()
    template = world.template("Deploy")
    first = world.awx.start(Launch(template, DEPLOY))
    eventually(lambda: host.groups()["default"] == "Paused", timeout=60, what="a freeze")

    second = world.awx.launch(template, DEPLOY, user="grace")

    assert (second.status, second.failed_hosts()) == ("failed", ["host1"]), second.explain()
    assert second.artifact[ARTIFACT]["hosts"] == {"locked": ["host1"]}
    assert f"ada (awx job {first.ident})" in second.output
    release.touch()
    first.wait()
    assert first.status == "successful" and host.head() == sha, first.explain()
    again = world.awx.relaunch(second)
    assert again.status == "successful", again.explain()
    assert set(again.artifact[ARTIFACT]["hosts"]) <= {"noop", "applied"}
    assert host.finished("work/hold", "work/1")["work/1"].ok
    with host.daemon.connect() as client:
        assert all(len(tasks) == 1 for tasks in client.status().by_label().values())
