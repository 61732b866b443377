# SPDX-License-Identifier: GPL-3.0-or-later
"""The templates *Status*, *Watch* and *Emergency stop*: run, check, relaunch, cancel."""

from __future__ import annotations

import os
import signal
import time
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.awx.controller import Launch
from ansible_collections.fleet.jobs.tests.awx.job import Job
from ansible_collections.fleet.jobs.tests.awx.world import HOSTS, LOST, MakeWorld, Say, World
from ansible_collections.fleet.jobs.tests.support.fleet import EmbeddedHost, fingerprint
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

STOP = {**HOSTS, "emergency_stop_confirm": "stop fleet"}
RESUME = {**HOSTS, "resume": "true"}
# Whoever runs the tests may have much else to do on this machine.
WATCH = {**HOSTS, "watch_seconds": 1, "watch_load_share": 1000.0}


def checked(world: World, name: str, answers: t.Mapping[str, t.Any]) -> Job:
    """Launched with the job type *Check* and with diff; nothing on the hosts may change."""
    before = [fingerprint(host) for host in world.hosts]
    job = world.awx.launch(replace(world.template(name), job_type="check", diff=True), answers)
    assert [fingerprint(host) for host in world.hosts] == before, job.explain()
    return job


@pytest.mark.cell("Status", "run")
def test_status(make_world: MakeWorld, cell: Say) -> None:
    """Nothing has to be answered; a queue that is down is a line of the report and no failure."""
    world = make_world(2)
    world.failed_job()
    world.hosts[1].daemon.stop()

    job = world.awx.launch(world.template("Status"))

    assert (job.status, job.failed_hosts()) == ("successful", []), job.explain()
    assert "host1" in job.output and "is not running" in job.output
    cell(job.status)


@pytest.mark.cell("Status", "check")
def test_status_in_check_mode(make_world: MakeWorld, cell: Say) -> None:
    world = make_world(1)
    world.failed_job()
    job = checked(world, "Status", HOSTS)
    assert job.status == "successful" and "host1" in job.output, job.explain()
    cell(job.status)


@pytest.mark.cell("Status", "relaunch")
def test_status_of_what_cannot_be_reached(make_world: MakeWorld, cell: Say) -> None:
    """A status has no failed hosts, so the relaunch is one on all, with the limit it had."""
    world = make_world(2)
    job = world.awx.launch(world.template("Status"), limit="host2")
    assert not job.of(host="host1") and "host2" in job.output, job.explain()

    again = world.awx.relaunch(job, hosts="all")

    assert again.status == "successful" and not again.of(host="host1"), again.explain()
    assert "host2" in again.output
    cell(again.status)


@pytest.mark.cell("Status", "cancel")
def test_cancelled_status(make_world: MakeWorld, cell: Say) -> None:
    """While a queue does not answer."""
    world = make_world(1)
    (host,) = world.hosts
    with stopped(host):
        job = world.awx.start(Launch(world.template("Status")))
        eventually(lambda: bool(job.controllers()), timeout=30, what="ansible-playbook runs")
        time.sleep(1)
        job.cancel()
    assert job.status == "canceled", job.explain()
    assert host.groups() == {"default": "Running"}
    eventually(lambda: not job.left(), timeout=60, what="the end of all that it started")
    cell(job.status)


class stopped:
    """A daemon that is there and says nothing."""

    def __init__(self, host: EmbeddedHost) -> None:
        self.pid = host.daemon.pid

    def __enter__(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def __exit__(self, *_exception: object) -> None:
        os.kill(self.pid, signal.SIGCONT)


@pytest.mark.cell("Watch", "run")
def test_watch(make_world: MakeWorld, cell: Say) -> None:
    world = make_world(1)
    job = world.awx.launch(world.template("Watch"), WATCH)
    assert job.status == "successful" and "ok: " in job.output, job.explain()
    cell(job.status)


@pytest.mark.cell("Watch", "check")
def test_watch_in_check_mode(make_world: MakeWorld, cell: Say) -> None:
    world = make_world(1)
    job = checked(world, "Watch", WATCH)
    assert not job.stats["dark"], job.explain()
    cell(job.status)


@pytest.mark.cell("Watch", "relaunch")
def test_watch_again_where_it_failed(make_world: MakeWorld, cell: Say) -> None:
    world = make_world(2)
    world.change(host2=LOST)
    job = world.awx.launch(world.template("Watch"), WATCH)
    assert job.failed_hosts() == ["host2"], job.explain()
    world.change()

    again = world.awx.relaunch(job)

    assert again.status == "successful" and not again.of(host="host1"), again.explain()
    cell(again.status)


@pytest.mark.cell("Watch", "cancel")
def test_cancelled_watch(make_world: MakeWorld, cell: Say) -> None:
    world = make_world(1)
    job = world.awx.start(Launch(world.template("Watch"), {**HOSTS, "watch_seconds": 300}))
    eventually(
        lambda: b"waiting" in job.answers.read_bytes() or job.controllers(),
        timeout=30,
        what="a watch",
    )
    job.cancel()
    assert job.status == "canceled", job.explain()
    assert world.hosts[0].groups() == {"default": "Running"}
    cell(job.status)


def holding(world: World, folder: Path) -> Path:
    """A job that runs on each host until the file is there."""
    release = folder / "release"
    for host in world.hosts:
        host.queue([host.job("work/hold", "hold", str(release))])
        host.running("work/hold")
    # Later than pueue, its runner writes down that it has begun.
    eventually(lambda: all(map(attempts, world.hosts)), timeout=20, what="attempts on record")
    return release


def attempts(host: EmbeddedHost) -> int:
    with host.ledger() as ledger:
        return len(ledger.attempts.open_attempts())


@pytest.mark.cell("Emergency stop", "run")
def test_emergency_stop_and_back(make_world: MakeWorld, cell: Say, tmp_path: Path) -> None:
    world = make_world(1)
    (host,) = world.hosts
    holding(world, tmp_path)
    template = world.template("Emergency stop")

    refused = world.awx.launch(template, {**STOP, "emergency_stop_confirm": "yes"})
    assert refused.status == "failed" and "stop fleet" in refused.output
    assert host.tasks()["work/hold"].status == "Running"
    job = world.awx.launch(template, STOP)

    assert job.status == "successful", job.explain()
    assert host.tasks()["work/hold"].failed
    assert host.groups() == {"default": "Paused"}
    with host.ledger() as ledger:
        held = ledger.lease.current()
    assert held is not None and "ada" in held.owner
    # The pause of the answers that AWX keeps from the first launch: one field is emptied.
    back = world.awx.launch(template, {**RESUME, "emergency_stop_confirm": ""}, user="grace")
    assert back.status == "successful" and host.groups() == {"default": "Running"}, back.explain()
    cell(f"{job.status}, and resumed")


@pytest.mark.cell("Emergency stop", "check")
def test_emergency_stop_in_check_mode(make_world: MakeWorld, cell: Say, tmp_path: Path) -> None:
    world = make_world(1)
    release = holding(world, tmp_path)
    job = checked(world, "Emergency stop", STOP)
    assert job.status == "successful" and "work/hold" in job.output, job.explain()
    assert world.hosts[0].tasks()["work/hold"].status == "Running"
    release.touch()
    cell(job.status)


@pytest.mark.cell("Emergency stop", "relaunch")
def test_emergency_stop_where_it_failed(make_world: MakeWorld, cell: Say, tmp_path: Path) -> None:
    world = make_world(2)
    holding(world, tmp_path)
    with stopped(world.hosts[1]):
        job = world.awx.launch(world.template("Emergency stop"), STOP)
    assert job.failed_hosts() == ["host2"], job.explain()
    assert world.hosts[0].groups() == {"default": "Paused"}

    again = world.awx.relaunch(job)

    assert again.status == "successful" and not again.of(host="host1"), again.explain()
    assert all(host.tasks()["work/hold"].failed for host in world.hosts)
    cell(again.status)


@pytest.mark.cell("Emergency stop", "cancel")
def test_cancelled_emergency_stop(make_world: MakeWorld, cell: Say, tmp_path: Path) -> None:
    """Cut off once the groups stand still: they stay so, on purpose, and the way back is there."""
    world = make_world(1)
    (host,) = world.hosts
    holding(world, tmp_path)
    job = world.awx.start(Launch(world.template("Emergency stop"), STOP))
    eventually(lambda: host.groups()["default"] == "Paused", timeout=60, what="the stop")
    job.cancel()
    assert job.status in ("canceled", "successful"), job.explain()

    back = world.awx.launch(world.template("Emergency stop"), RESUME)

    assert back.status == "successful" and host.groups() == {"default": "Running"}, back.explain()
    cell(f"{job.status}, and resumed")
