# SPDX-License-Identifier: GPL-3.0-or-later
"""Two queues of one account, each at places of its own, and nothing at the places of a default."""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.lab.cache import cache

SSH = cache() / "containers-up" / "molecule-alternative" / "ssh_config"
REPORT = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "status.json"
PUEUE = "/srv/fleet-jobs/bin/pueue"
HOME = "/home/batch"

testinfra_hosts = [f"ssh://batch@machine1?ssh_config={SSH}&timeout=60"]


@pytest.fixture(params=["east", "west"])
def name(request: pytest.FixtureRequest) -> str:
    return t.cast(str, request.param)


def test_each_has_a_unit_that_came_back_with_the_machine(host: t.Any, name: str) -> None:
    assert host.check_output("systemctl --user is-active queue-%s.service", name) == "active"
    assert host.check_output("systemctl --user is-enabled queue-%s.service", name) == "enabled"


def test_each_queue_has_its_own_jobs_and_all_succeeded(host: t.Any, name: str) -> None:
    command = f"{PUEUE} --config {HOME}/%s/pueue.yml status --json"
    queue = json.loads(host.check_output(command, name))
    results = {
        task["label"]: (task["path"], task["status"].get("Done", {}).get("result"))
        for task in queue["tasks"].values()
    }
    place = f"{HOME}/{name}/work"
    assert results == {f"work/{number}": (place, "Success") for number in range(4)}
    assert {one["status"] for one in queue["groups"].values()} == {"Running"}


def test_what_failed_ran_once_more_and_nothing_else(host: t.Any, name: str) -> None:
    files = [f"{HOME}/{name}/notes-{number}" for number in range(4)]
    notes = [host.check_output("cat %s", path).split() for path in files]
    assert notes == [["1"], ["1", "2"], ["1"], ["1", "2"]]


def test_what_is_private_is_private(host: t.Any, name: str) -> None:
    for folder in ("queue", "run", "state"):
        assert host.file(f"{HOME}/{name}/{folder}").mode == 0o700


def test_east_listens_on_tcp_with_its_own_certificate(host: t.Any) -> None:
    assert host.socket("tcp://127.0.0.1:6925").is_listening
    assert not host.socket("tcp://0.0.0.0:6925").is_listening
    assert host.file(f"{HOME}/east/queue/certs/daemon.key").exists
    shown = host.check_output(
        "echo | timeout 5 python3 -c %s",
        "import socket, ssl; c = ssl._create_unverified_context();"
        "print(c.wrap_socket(socket.create_connection(('127.0.0.1', 6925))).version())",
    )
    assert shown.startswith("TLSv1.")


def test_west_listens_on_a_socket_of_its_own(host: t.Any) -> None:
    assert host.file(f"{HOME}/west/socket").is_socket


def test_programs_lie_where_they_were_asked_for(host: t.Any) -> None:
    assert host.check_output("readlink -f %s", PUEUE).startswith("/srv/fleet-jobs/pueue-4.0.4/")
    assert not host.file("/opt/fleet-jobs").exists


def test_nothing_is_at_the_places_of_a_default(host: t.Any) -> None:
    for path in (".config/pueue", ".local/share/pueue", ".local/state/fleet-jobs"):
        assert not host.file(f"{HOME}/{path}").exists
    assert "tidy" not in host.check_output("systemctl --user list-timers --all --no-legend")


def test_the_playbook_status_sees_both() -> None:
    hosts = json.loads(REPORT.read_text(encoding="utf-8"))["hosts"]
    assert {one: (seen["ok"], seen["failed"]) for one, seen in hosts.items()} == {
        "east": (4, 0),
        "west": (4, 0),
    }
