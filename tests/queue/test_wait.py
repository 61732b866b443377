# SPDX-License-Identifier: GPL-3.0-or-later
"""Bounded waits on a real queue."""

from __future__ import annotations

import threading
import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import wait
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.instance import Instance
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.selection import Selection
from ansible_collections.fleet.jobs.tests.support.ansible import run_module
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.files import everything
from ansible_collections.fleet.jobs.tests.support.waiting import eventually


def arguments(daemon: PrivateDaemon, **more: t.Any) -> t.Dict[str, t.Any]:
    place = {
        "pueue_config": str(daemon.config_path),
        "state_dir": str(daemon.directory / "state"),
    }
    return {**place, **more}


def watch(daemon: PrivateDaemon, *labels: str, **wish: t.Any) -> wait.Slice:
    instance = Instance(config=daemon.config, state_dir=daemon.directory / "state")
    return wait.watch(instance, wait.Wish(selection=Selection(labels=labels), **wish))


def runs(daemon: PrivateDaemon, label: str) -> bool:
    with daemon.connect() as client:
        task = client.status().latest().get(label)
    return task is not None and task.status == "Running"


def test_through_the_module_it_ends_when_the_last_job_does(daemon: PrivateDaemon) -> None:
    daemon.cli("add", "--label", "a/1", "sleep 3")
    daemon.cli("add", "--label", "b/1", "false")
    result = run_module("pueue_wait", arguments(daemon, slice_seconds=1, timeout="2m"))
    assert result["reached"] and result["finished"] and not result["changed"], result
    assert result["counts"] == {"ok": 1, "failed": 1}
    assert not (daemon.directory / "state").exists()


def test_check_mode_looks_once(daemon: PrivateDaemon) -> None:
    daemon.cli("add", "--label", "a/1", "sleep 600")
    eventually(lambda: runs(daemon, "a/1"), timeout=20, what="a/1 runs")
    before = everything(daemon.directory)
    result = run_module("pueue_wait", arguments(daemon), check=True)
    assert not result["reached"] and result["finished"] and not result["failed"]
    assert everything(daemon.directory) == before


def test_the_time_is_bounded_over_all_slices(daemon: PrivateDaemon) -> None:
    daemon.cli("add", "--label", "a/1", "sleep 600")
    eventually(lambda: runs(daemon, "a/1"), timeout=20, what="a/1 runs")
    wish = {"timeout": "2s", "slice_seconds": 0.5, "fail_on_timeout": True}
    result = run_module("pueue_wait", arguments(daemon, **wish))
    assert result["failed"] and not result["reached"] and result["finished"]
    assert result["waited"] >= 2 and result["running"] == {"count": 1, "labels": ["a/1"]}
    assert "a/1" in result["msg"] and "pueue_status" in result["msg"]


def test_drained_leaves_the_queued_ones(daemon: PrivateDaemon) -> None:
    daemon.cli("add", "--label", "a/1", "sleep 600")
    daemon.cli("add", "--label", "a/2", "true")
    eventually(lambda: runs(daemon, "a/1"), timeout=20, what="a/1 runs")
    assert not watch(daemon, until="drained", timeout=0.0).seen.reached
    assert watch(daemon, "a/2", until="drained", timeout=0.0).seen.reached
    assert not watch(daemon, "a/2", until="finished", timeout=0.0).seen.reached
    with daemon.connect() as client:
        client.pause_group("default")
        client.kill(list(client.status().tasks)[:1])
    seen = watch(daemon, until="drained", timeout=60.0).seen
    assert seen.reached and seen.counts["queued"] == 1


def test_it_sees_a_change_that_pueued_does_not_save(daemon: PrivateDaemon) -> None:
    """A stashed job that is removed is saved; a dependency that fails is not."""
    daemon.cli("add", "--stashed", "--label", "p/1", "false")
    daemon.cli("add", "--after", "0", "--label", "c/1", "true")
    threading.Timer(0.5, lambda: daemon.cli("enqueue", "0")).start()
    seen = watch(daemon, timeout=60.0).seen
    assert seen.reached and seen.counts == {"failed": 2}


def test_a_slice_is_never_long(daemon: PrivateDaemon) -> None:
    with pytest.raises(FleetError, match="slice_seconds"):
        watch(daemon, slice_seconds=51.0)
