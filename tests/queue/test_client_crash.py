# SPDX-License-Identifier: GPL-3.0-or-later
"""What a crash of the real pueued in the middle of our requests may cost: never an answer."""

from __future__ import annotations

import threading
import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._pueue.client import AddRequest, Client
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.errors import ConnectionLost
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

COUNT = 2000


def test_adds_that_were_answered_survive_kill_9(daemon: PrivateDaemon) -> None:
    requests = [
        AddRequest(command="true", path="/", label=f"n/{number}", stashed=True)
        for number in range(COUNT)
    ]
    client = daemon.connect()
    state = daemon.config.state_file
    killer = threading.Thread(
        target=lambda: (
            eventually(lambda: b"n/200" in state.read_bytes(), timeout=60, what="200 adds"),
            daemon.kill9(),
        )
    )
    killer.start()
    try:
        with pytest.raises(ConnectionLost) as caught:
            client.add_many(requests)
    finally:
        killer.join()
    answered: t.List[t.Any] = caught.value.answered
    assert 200 <= len(answered) < COUNT
    with daemon.restart().connect() as again:
        tasks = again.status().tasks
    for request, number in zip(requests, answered):
        assert tasks[number].label == request.label
    # What was not answered is there or not; nothing is there that was not asked for.
    assert {task.label for task in tasks.values()} <= {request.label for request in requests}
    assert len(tasks) == len(answered) or len(tasks) - len(answered) <= 128


def test_the_pause_that_crashes_pueued_cannot_be_asked_for(
    daemon: PrivateDaemon, client: Client
) -> None:
    """``Pause`` with one running and one unknown id ends pueued 4.0 , its children live on."""
    sleep = AddRequest(command="exec sleep 600", path="/", envs={"PATH": "/usr/bin:/bin"})
    number = client.add(sleep)
    eventually(
        lambda: client.status().tasks[number].status == "Running", timeout=20, what="it runs"
    )
    with pytest.raises(ConnectionLost):
        # Private on purpose: the accident, which no method of the client can cause.
        client._change({"Pause": {"tasks": {"TaskIds": [number, 99]}, "wait": False}})
    eventually(lambda: not daemon.running, timeout=20, what="pueued died of it")
    daemon.start()
    with daemon.connect() as again:
        again.pause_group("default", wait=False)
        assert not again.groups()["default"].running
    assert daemon.running
