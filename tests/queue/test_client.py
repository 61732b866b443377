# SPDX-License-Identifier: GPL-3.0-or-later
"""Every request of the client against a real pueued."""

from __future__ import annotations

import dataclasses
import typing as t
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._pueue.client import (
    AddRequest,
    Client,
    RestartItem,
)
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.errors import (
    ConnectionLost,
    DaemonUnreachable,
    PueueError,
    RequestFailed,
    SecretRejected,
)
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.snapshot import Snapshot
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "SECRET": "hush", "FLEET_JOBS_TASK": "key"}
STASHED = AddRequest(command="true", path="/", label="bars/a", envs=ENVIRONMENT, stashed=True)
QUEUED = dataclasses.replace(STASHED, stashed=False)
SLEEP = dataclasses.replace(QUEUED, command="exec sleep 600", label="bars/sleep")


def status_of(client: Client, number: int) -> str:
    task = client.status().tasks.get(number)
    return "gone" if task is None else task.result or task.status


def until(client: Client, number: int, status: str) -> None:
    eventually(
        lambda: status_of(client, number) == status,
        timeout=20,
        what=f"task {number} is {status}",
    )


def test_an_empty_queue(client: Client) -> None:
    snapshot = client.status()
    assert client.daemon_version == "0.31.1"
    assert snapshot.tasks == {}
    assert list(snapshot.groups) == ["default"] and snapshot.groups["default"].parallel == 1
    assert client.groups() == snapshot.groups


def test_an_added_task_is_read_back_without_its_environment(
    daemon: PrivateDaemon, client: Client
) -> None:
    later = datetime.now(timezone.utc) + timedelta(hours=1)
    parent = client.add(STASHED)
    child = client.add(
        dataclasses.replace(
            STASHED, label="bars/b", dependencies=(parent,), priority=-7, enqueue_at=later
        )
    )
    for snapshot in (client.status(), Snapshot.from_state_file(daemon.config.state_file)):
        task = snapshot.tasks[child]
        assert (task.label, task.group, task.command, task.path) == (
            *("bars/b", "default", "true", "/"),
        )
        assert (task.status, task.priority, task.dependencies) == ("Stashed", -7, (parent,))
        assert task.enqueue_at == pytest.approx(later.timestamp(), abs=1e-3)
        assert task.marker == {"FLEET_JOBS_TASK": "key"}
        assert "hush" not in repr(snapshot)
    assert "hush" in daemon.config.state_file.read_text()


def test_a_task_runs_and_its_times_and_exit_code_are_told(client: Client) -> None:
    good = client.add(QUEUED)
    bad = client.add(dataclasses.replace(QUEUED, command="exit 7"))
    lost = client.add(dataclasses.replace(QUEUED, path="/no/such/place"))
    until(client, good, "Success")
    until(client, bad, "Failed")
    until(client, lost, "FailedToSpawn")
    tasks = client.status().tasks
    assert (tasks[good].exit_code, tasks[bad].exit_code) == (0, 7)
    assert tasks[lost].spawn_error is not None and "NotFound" in tasks[lost].spawn_error
    task = tasks[good]
    assert task.enqueued is not None and task.started is not None and task.ended is not None
    assert task.created <= task.started <= task.ended
    assert client.tasks([bad, 99]) == {bad: tasks[bad]}


def test_many_adds_keep_their_order_and_their_failures(client: Client) -> None:
    requests = [
        dataclasses.replace(STASHED, label=f"n/{i}", group="nope" if i % 7 == 3 else "default")
        for i in range(300)
    ]
    answers = client.add_many(requests)
    tasks = client.status().tasks
    for request, answer in zip(requests, answers):
        if request.group == "nope":
            assert isinstance(answer, RequestFailed) and "nope" in answer.answer
        else:
            assert not isinstance(answer, PueueError) and tasks[answer].label == request.label
    assert len(tasks) == sum(request.group != "nope" for request in requests)


def test_groups(client: Client) -> None:
    client.group_add("g", 3)
    with pytest.raises(RequestFailed, match="already exists"):
        client.group_add("g", 3)
    assert client.groups()["g"].parallel == 3
    client.parallel("g", 0)
    client.pause_group("g")
    assert (client.groups()["g"].parallel, client.groups()["g"].status) == (0, "Paused")
    client.start_group("g")
    assert client.groups()["g"].running
    client.group_remove("g")
    assert "g" not in client.groups()
    calls: t.List[t.Callable[[], None]] = [
        lambda: client.parallel("g", 1),
        lambda: client.pause_group("g"),
        lambda: client.start_group("g"),
        lambda: client.group_remove("g"),
    ]
    for call in calls:
        with pytest.raises(RequestFailed, match="exist"):
            call()


def test_enqueue_and_remove(client: Client) -> None:
    client.pause_group("default")
    number = client.add(STASHED)
    later = datetime.now(timezone.utc) + timedelta(hours=1)
    client.enqueue([number], at=later)
    task = client.status().tasks[number]
    assert task.status == "Stashed"
    assert task.enqueue_at == pytest.approx(later.timestamp(), abs=1e-3)
    client.enqueue([number])
    assert status_of(client, number) == "Queued"
    client.remove([number])
    assert status_of(client, number) == "gone"
    with pytest.raises(RequestFailed):
        client.remove([number])


def test_a_partial_failure_is_silent_so_callers_read_again(client: Client) -> None:
    number = client.add(STASHED)
    client.remove([number, 99])
    assert status_of(client, number) == "gone"


def test_kill_by_id_and_all(client: Client) -> None:
    client.parallel("default", 5)
    numbers = [client.add(SLEEP) for _unused in range(4)]
    for number in numbers:
        until(client, number, "Running")
    client.kill([numbers[0]])
    until(client, numbers[0], "Killed")
    client.kill([numbers[1]], signal="TERM")
    until(client, numbers[1], "Killed")
    assert status_of(client, numbers[2]) == "Running"
    client.kill_all()
    until(client, numbers[3], "Killed")


def test_a_frozen_group_lets_running_tasks_run_or_stops_them(client: Client) -> None:
    number = client.add(SLEEP)
    until(client, number, "Running")
    client.pause_group("default")
    assert status_of(client, number) == "Running"
    client.pause_group("default", wait=False)
    until(client, number, "Paused")
    client.start_group("default")
    until(client, number, "Running")


def test_restart_in_place_keeps_the_identity(client: Client) -> None:
    number = client.add(dataclasses.replace(QUEUED, command="exit 1"))
    until(client, number, "Failed")
    before = client.status().tasks[number]
    item = RestartItem(number, command="true", path="/", label=before.label, priority=2)
    client.restart([item], stashed=True)
    after = client.status().tasks[number]
    assert after.identity == before.identity
    assert (after.status, after.command, after.priority) == ("Stashed", "true", 2)
    with pytest.raises(RequestFailed):
        client.restart([item])
    client.enqueue([number])
    until(client, number, "Success")
    client.restart([item])
    until(client, number, "Success")


def test_env_set_and_clean(client: Client) -> None:
    number = client.add(dataclasses.replace(STASHED, command='test "$FLEET_JOBS_X" = 5'))
    client.env_set(number, "FLEET_JOBS_X", "5")
    assert client.status().tasks[number].marker["FLEET_JOBS_X"] == "5"
    client.enqueue([number])
    until(client, number, "Success")
    bad = client.add(dataclasses.replace(QUEUED, command="false"))
    until(client, bad, "Failed")
    client.clean(successful_only=True)
    assert (status_of(client, number), status_of(client, bad)) == ("gone", "Failed")
    client.clean("default")
    assert status_of(client, bad) == "gone"


def test_what_the_command_line_did_is_read_alike(daemon: PrivateDaemon, client: Client) -> None:
    daemon.cli("add", "--stashed", "--label", "by hand", "--", "echo 'ü \"x\"'")
    daemon.cli("add", "--stashed", "--delay", "1h", "--", "true")
    first, second = client.status().tasks.values()
    assert (first.label, first.command) == ("by hand", "echo 'ü \"x\"'")
    assert second.label is None and second.enqueue_at is not None


def test_the_wrong_secret_is_told(daemon: PrivateDaemon) -> None:
    wrong = daemon.directory / "wrong"
    wrong.write_bytes(daemon.config.shared_secret_path.read_bytes() + b"\n")
    config = dataclasses.replace(daemon.config, shared_secret_path=wrong)
    with pytest.raises(SecretRejected, match="trailing newline"):
        Client.connect(config)


def test_a_dead_daemon_is_told_and_the_named_command_starts_it(daemon: PrivateDaemon) -> None:
    daemon.kill9()
    with pytest.raises(DaemonUnreachable) as caught:
        daemon.connect()
    message = str(caught.value)
    assert "nothing listens there" in message
    assert f"names process {daemon.pid}, which is gone" in message
    assert message.endswith(f"pueued --config {daemon.config_path} --daemonize")
    assert caught.value.hazard == "G-4"


def test_a_daemon_that_dies_between_requests_is_a_lost_connection(
    daemon: PrivateDaemon, client: Client
) -> None:
    client.groups()
    daemon.kill9()
    with pytest.raises(ConnectionLost):
        client.groups()


def test_an_add_that_cannot_be_saved_says_that_the_task_may_exist(
    daemon: PrivateDaemon, client: Client
) -> None:
    # A directory in the way of the temporary file fails the save, as a full disk would.
    obstacle = daemon.config.pueue_directory / "state.json.partial"
    obstacle.mkdir()
    try:
        with pytest.raises(RequestFailed, match="may exist") as caught:
            client.add(STASHED)
    finally:
        obstacle.rmdir()
    assert caught.value.uncertain
    assert [task.label for task in client.status().tasks.values()] == ["bars/a"]
