# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop everything, and find the way back, on a real queue."""

from __future__ import annotations

import os
import signal
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import Refused
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import emergency, outlived
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.instance import Instance
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.attempts import Attempt
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.store import Ledger
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.client import AddRequest, Client
from ansible_collections.fleet.jobs.tests.support import direct
from ansible_collections.fleet.jobs.tests.support.ansible import run_module
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue
from ansible_collections.fleet.jobs.tests.support.waiting import eventually


def _add(client: Client, label: str, *, group: str = "default") -> int:
    return client.add(AddRequest(command="exec sleep 300", path="/tmp", label=label, group=group))


def _groups(client: Client) -> t.Dict[str, str]:
    return {name: group.status for name, group in client.groups().items()}


def test_stop_and_resume_check_run_check_run(
    daemon: PrivateDaemon, client: Client, tmp_path: Path
) -> None:
    client.group_add("held", 1)
    client.pause_group("held")
    running, queued = _add(client, "jobs/running"), _add(client, "jobs/queued")
    eventually(lambda: client.status().tasks[running].status == "Running", timeout=20, what="run")
    where = {"pueue_config": str(daemon.config_path), "state_dir": str(tmp_path / "state")}

    def stop(*, check: bool) -> t.Dict[str, t.Any]:
        arguments = {**where, "state": "stopped", "owner": "ada@control"}
        return run_module("emergency_stop", arguments, check=check, diff=True)

    foretold = stop(check=True)
    assert foretold["changed"] and foretold["killed"] == ["jobs/running"]
    assert client.status().tasks[running].status == "Running"
    assert not (tmp_path / "state").exists()

    done = stop(check=False)
    assert done["changed"] and done["actions"] == foretold["actions"]
    assert done["diff"] == foretold["diff"]
    tasks = client.status().tasks
    assert tasks[running].result == "Killed" and tasks[queued].status == "Queued"
    assert _groups(client) == {"default": "Paused", "held": "Paused"}
    with Ledger.open(tmp_path / "state", read_only=True) as ledger:
        kill = ledger.kills.find("jobs/running", tasks[running].created_at)
    assert kill is not None and kill.by == "ada@control"

    assert not stop(check=True)["changed"]
    assert not stop(check=False)["changed"]

    def resume(*, check: bool) -> t.Dict[str, t.Any]:
        return run_module("emergency_stop", {**where, "state": "resumed"}, check=check)

    assert resume(check=True)["groups"] == ["default"]
    assert _groups(client)["default"] == "Paused"
    assert resume(check=False)["changed"]
    assert _groups(client) == {"default": "Running", "held": "Paused"}
    assert not resume(check=True)["changed"]
    assert not resume(check=False)["changed"]


def test_nothing_of_ours_changes_the_queue_while_it_is_stopped(
    daemon: PrivateDaemon, tmp_path: Path
) -> None:
    where = {"pueue_config": str(daemon.config_path), "state_dir": str(tmp_path / "state")}
    run_module("emergency_stop", {**where, "state": "stopped", "owner": "ada@control"})
    refused = run_module("pueue_group", {**where, "name": "new", "parallel": 2})
    assert refused["failed"] and "ada@control" in refused["msg"]
    assert "emergency stop" in refused["msg"]


def test_a_job_that_starts_before_the_pause_is_stopped_as_well(
    daemon: PrivateDaemon, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause = Client.pause_group

    def late(self: Client, name: str, **options: bool) -> None:
        number = _add(client, "jobs/late")
        eventually(
            lambda: client.status().tasks[number].status == "Running", timeout=20, what="run"
        )
        pause(self, name, **options)

    monkeypatch.setattr(Client, "pause_group", late)
    instance = Instance(config=daemon.config, state_dir=tmp_path / "state")
    plan = emergency.stop(instance, owner="ada@control")
    assert [task.label for task in plan.kill] == ["jobs/late"]
    assert all(task.done for task in client.status().tasks.values())
    with Ledger.open(tmp_path / "state", read_only=True) as ledger:
        assert ledger.kills.latest("jobs/late") is not None


def _open_attempt(queue: GuardedQueue, label: str) -> t.Optional[Attempt]:
    with queue.instance.ledger(read_only=True) as ledger:
        found = [one for one in ledger.attempts.open_attempts() if one.label == label]
    return found[0] if found and (queue.work / "begun").exists() else None


# Asked to stop, it does; it stays; its runner is not there any more to be asked.
JOBS = {
    "polite": "touch begun; exec sleep 600",
    "stubborn": "trap '' TERM; touch begun; while :; do sleep 1; done",
    "without a runner": "sleep 600 & touch begun; wait",
    "forgotten by the queue": "touch begun; exec sleep 600",
}


@pytest.mark.parametrize("kind", JOBS)
def test_what_outlived_its_pueued_is_stopped_as_well(daemon: PrivateDaemon, kind: str) -> None:
    queue = GuardedQueue(daemon)
    queue.queue(queue.job("jobs/orphan", JOBS[kind]))
    attempt = eventually(lambda: _open_attempt(queue, "jobs/orphan"), timeout=30, what="it runs")
    assert attempt is not None and attempt.pid
    daemon.kill9()
    if kind == "without a runner":
        os.kill(attempt.pid, signal.SIGKILL)
    if kind == "forgotten by the queue":
        daemon.config.state_file.unlink()
    daemon.start()
    assert not [task for task in queue.tasks("jobs/orphan") if task.active]
    assert daemon.leftovers(), "no accident: nothing lives on"
    if kind == "forgotten by the queue":
        with queue.instance.ledger(read_only=True) as ledger, pytest.raises(
            Refused, match="jobs/orphan"
        ) as refused:
            outlived.outlived(queue.instance, queue.status(), ledger)
        assert refused.value.hazard == "AP-1"
    where = {"pueue_config": str(daemon.config_path), "state_dir": str(queue.state_dir)}

    def stop(*, check: bool) -> t.Dict[str, t.Any]:
        arguments = {**where, "state": "stopped", "owner": "ada@control"}
        return direct.call(
            "emergency_stop", arguments, environ=daemon.environ, cwd=queue.work, check=check
        )

    foretold = stop(check=True)
    assert foretold["killed"] == ["jobs/orphan"] and daemon.leftovers()
    done = stop(check=False)
    assert done["actions"] == foretold["actions"] and not done.get("failed"), done
    assert "outlived" in done["actions"][-1] and done["killed_count"] == 1
    eventually(lambda: not daemon.leftovers(), timeout=10, what="its processes are gone")
    with queue.instance.ledger(read_only=True) as ledger:
        ended = ledger.attempts.latest(["jobs/orphan"])["jobs/orphan"]
        assert not ledger.attempts.open_attempts()
    assert ended.class_ == "killed"
    assert not stop(check=True)["changed"] and not stop(check=False)["changed"]
