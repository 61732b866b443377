# SPDX-License-Identifier: GPL-3.0-or-later
"""The watch over a real queue: failures, restarted jobs, intended kills, a daemon that is gone."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._capacity.host_sample import measure
from ansible_collections.fleet.jobs.plugins.module_utils._capacity.queue_look import QueueLook
from ansible_collections.fleet.jobs.plugins.module_utils._capacity.watch import (
    Bounds,
    Plan,
    Slice,
    State,
    watch_slice,
)
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.instance import Instance
from ansible_collections.fleet.jobs.tests.support.ansible import run_module
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

if t.TYPE_CHECKING:
    from ansible_collections.fleet.jobs.plugins.module_utils._pueue.client import Client
    from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon

# What this machine does besides must not decide a test of the queue.
RELAXED = Bounds(load_share=1000.0, pressure_full=100.0)
PLAN = Plan(seconds=0.3, slice_seconds=50, interval=0.1, bounds=RELAXED)


@pytest.fixture
def instance(daemon: PrivateDaemon) -> Instance:
    return Instance(config=daemon.config, state_dir=daemon.directory / "state")


def watch(instance: Instance, state: t.Optional[State] = None, **options: t.Any) -> Slice:
    look = QueueLook(instance, **options)
    return watch_slice(PLAN, state=state, measure=measure, look=look)


def add(daemon: PrivateDaemon, label: str, command: str) -> None:
    daemon.cli("add", "--label", label, "--", command)


def wait_for(client: Client, label: str, *, status: str) -> None:
    def reached() -> bool:
        task = client.status().latest().get(label)
        return task is not None and task.status == status

    eventually(reached, timeout=20, what=f"{label} is {status}")


def begun(instance: Instance) -> State:
    """A watch that has begun and has time left."""
    return State.from_plain({**watch(instance).state.to_plain(), "elapsed": 0.0})


def test_running_and_old_failed_jobs_are_no_violation(
    daemon: PrivateDaemon, client: Client, instance: Instance
) -> None:
    add(daemon, "bars/old", "exit 3")
    wait_for(client, "bars/old", status="Done")
    add(daemon, "bars/new", "exec sleep 600")
    wait_for(client, "bars/new", status="Running")
    seen = watch(instance, alive=["bars/new"])
    assert (seen.verdict, seen.finished) == ("ok", True), seen.reason
    assert not instance.state_dir.exists(), "watching writes nothing"


def test_failure_during_the_watch_is_bad_only_where_it_is_watched(
    daemon: PrivateDaemon, client: Client, instance: Instance
) -> None:
    state = begun(instance)
    add(daemon, "bars/X", "exit 3")
    wait_for(client, "bars/X", status="Done")
    seen = watch(instance, state)
    assert (seen.verdict, seen.finished) == ("bad", True)
    assert seen.reason == '"bars/X" failed during the watch: Failed with exit code 3'
    assert watch(instance, state, labels=["ticks/*"]).verdict == "ok"


def test_restarted_job_that_died_again_is_bad(
    daemon: PrivateDaemon, client: Client, instance: Instance
) -> None:
    add(daemon, "bars/X", "exit 3")
    wait_for(client, "bars/X", status="Done")
    seen = watch(instance, labels=["none"], alive=["bars/X"])
    assert seen.violation is not None and seen.violation.kind == "dead"


@pytest.mark.parametrize(
    ("command", "options", "result"),
    [
        pytest.param("touch {up}; exec sleep 600", (), "Killed", id="KILL"),
        # The runner answers TERM with an exit code of its own.
        pytest.param(
            "trap 'exit 143' TERM; touch {up}; sleep 600 & wait",
            ("-s", "term"),
            "Failed",
            id="TERM",
        ),
    ],
)
def test_kill_that_somebody_meant_is_no_failure(
    daemon: PrivateDaemon,
    client: Client,
    instance: Instance,
    tmp_path: Path,
    command: str,
    options: t.Tuple[str, ...],
    result: str,
) -> None:
    instance.state_dir.mkdir()
    state = begun(instance)
    up = tmp_path / "up"
    add(daemon, "bars/X", command.format(up=up))
    eventually(up.exists, timeout=20, what="it runs")
    wait_for(client, "bars/X", status="Running")
    task = client.status().latest()["bars/X"]
    assert task.label is not None
    with instance.ledger() as ledger:
        ledger.kills.record(task.label, task.created_at, by="test", reason="meant")
    daemon.cli("kill", *options, str(task.id))
    wait_for(client, "bars/X", status="Done")
    assert client.status().latest()["bars/X"].result == result
    assert watch(instance, state).verdict == "ok"


def test_kill_by_a_stranger_is_a_failure(
    daemon: PrivateDaemon, client: Client, instance: Instance
) -> None:
    state = begun(instance)
    add(daemon, "bars/X", "exec sleep 600")
    wait_for(client, "bars/X", status="Running")
    daemon.cli("kill", str(client.status().latest()["bars/X"].id))
    wait_for(client, "bars/X", status="Done")
    assert watch(instance, state).verdict == "bad"


def test_daemon_that_is_gone_is_inconclusive(daemon: PrivateDaemon, instance: Instance) -> None:
    state = begun(instance)
    daemon.stop()
    seen = watch(instance, state)
    assert (seen.verdict, seen.finished) == ("inconclusive", True)
    assert "measurements failed" in seen.reason


def test_module_watches_slice_after_slice_until_it_is_over(daemon: PrivateDaemon) -> None:
    options = {
        "pueue_config": str(daemon.config_path),
        "state_dir": str(daemon.directory / "state"),
        "seconds": 0.9,
        "slice_seconds": 0.3,
        "interval": 0.1,
        "load_share": 1000,
    }
    whole = run_module("host_watch", options)
    assert (whole["verdict"], whole["finished"], whole["changed"]) == ("ok", True, False), whole
    assert whole["elapsed"] >= 0.85
    one = run_module("host_watch", options, check=True)
    assert not one["finished"] and one["state"]["samples"] < whole["state"]["samples"]
    assert not (daemon.directory / "state").exists()


def test_module_refuses_a_state_that_is_not_its_own(daemon: PrivateDaemon) -> None:
    options = {"pueue_config": str(daemon.config_path), "state": {"samples": 3}}
    answer = run_module("host_watch", options)
    assert answer["failed"] and "pass exactly the state" in answer["msg"]
