# SPDX-License-Identifier: GPL-3.0-or-later
"""Guarded queueing on a real pueued: filter, order, environment, refusals, thousand jobs."""

from __future__ import annotations

import json
import os
import time

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError, Refused
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.store import Ledger
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.snapshot import Snapshot
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue


@pytest.fixture
def queue(daemon):
    return GuardedQueue(daemon)


def files(folder):
    """Every file below a folder with its content and times."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_queued_run_and_then_skipped_as_done(queue):
    report = queue.queue(queue.job("a/1", "echo hello > out.txt"))
    assert list(report.queued) == ["a/1"] and report.actions
    snapshot = queue.finished("a/1")
    assert snapshot.latest()["a/1"].ok
    assert (queue.work / "out.txt").read_text() == "hello\n"
    again = queue.queue(queue.job("a/1"))
    assert not again.queued and not again.actions
    assert [(one.label, one.why) for one in again.skipped] == [("a/1", "done")]
    assert len(queue.tasks("a/1")) == 1


def test_done_is_known_from_the_ledger_when_pueue_has_forgotten(queue):
    queue.queue(queue.job("a/1"))
    queue.finished("a/1")
    queue.daemon.cli("clean")
    assert not queue.status().tasks
    report = queue.queue(queue.job("a/1"))
    assert [(one.why, one.found) for one in report.skipped] == [("done", "attempt 1 ended ok")]


def test_rerun_done_queues_again(queue):
    queue.queue(queue.job("a/1"))
    queue.finished("a/1")
    assert list(queue.queue(queue.job("a/1"), rerun_done=True).queued) == ["a/1"]


def test_active_of_a_stranger_is_skipped(queue):
    queue.pause()
    queue.add_stranger("a/1")
    report = queue.queue(queue.job("a/1"), queue.job("a/2"))
    assert list(report.queued) == ["a/2"]
    assert [(one.label, one.why) for one in report.skipped] == [("a/1", "active")]
    assert len(queue.tasks("a/1")) == 1


def test_check_run_check_run(queue):
    queue.tool  # noqa: B018 (installed before: check mode is about the queue here)
    queue.pause()
    jobs = [queue.job("a/1"), queue.job("a/2", after=["a/1"])]
    before = files(queue.daemon.directory)
    foreseen = queue.queue(*jobs, check_mode=True)
    assert list(foreseen.queued) == ["a/1", "a/2"] and foreseen.actions
    assert files(queue.daemon.directory) == before
    real = queue.queue(*jobs)
    assert real.actions == foreseen.actions and list(real.queued) == list(foreseen.queued)
    before = files(queue.daemon.directory)
    for check_mode in (True, False):
        report = queue.queue(*jobs, check_mode=check_mode)
        assert not report.queued and not report.actions
        assert len(report.skipped) == 2
        if check_mode:
            assert files(queue.daemon.directory) == before


def test_dependencies_run_in_order_over_groups_and_calls(queue):
    with queue.daemon.connect() as client:
        client.group_add("g", 5)
        client.parallel("default", 5)
    queue.pause()
    queue.queue(queue.job("a/0", "echo 0 >> log"))
    report = queue.queue(
        queue.job("c/3", "echo 3 >> log", after=["b/1", "b/2"], group="g"),
        queue.job("b/1", "sleep 0.5; echo 1 >> log", after=["a/0"]),
        queue.job("b/2", "sleep 1; echo 2 >> log", after=["a/0"], group="g"),
    )
    assert set(report.queued) == {"c/3", "b/1", "b/2"}
    queue.start()
    queue.finished("c/3")
    assert (queue.work / "log").read_text().split() == ["0", "1", "2", "3"]
    # A parent that is done needs no edge, also when pueue has forgotten it.
    queue.daemon.cli("clean")
    queue.queue(queue.job("d/1", after=["c/3"]))
    assert queue.finished("d/1").latest()["d/1"].ok


def test_a_failed_parent_fails_its_dependants(queue):
    queue.queue(queue.job("a/1", "exit 3"), queue.job("a/2", "touch ran", after=["a/1"]))
    snapshot = queue.finished("a/1", "a/2")
    assert snapshot.latest()["a/2"].result == "DependencyFailed"
    assert not (queue.work / "ran").exists()
    with pytest.raises(Refused, match="it failed") as error:
        queue.queue(queue.job("a/3", after=["a/1"]))
    assert error.value.hazard == "AP-6"


def test_the_task_has_a_small_environment_and_its_overrides(queue):
    os.environ["FLEET_TEST_SECRET"] = "s3cret-value"
    try:
        queue.pause()
        queue.queue(
            queue.job(
                "a/1", 'echo "$THREADS:$FLEET_TEST_SECRET" > env.txt', overrides={"THREADS": 4}
            )
        )
    finally:
        del os.environ["FLEET_TEST_SECRET"]
    state = queue.daemon.config.state_file.read_text()
    assert "s3cret-value" not in state
    (task,) = json.loads(state)["tasks"].values()
    assert set(task["envs"]) <= {
        *("PATH", "HOME", "LANG", "USER", "SHELL", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"),
        *("FLEET_JOBS_SUBMISSION", "FLEET_JOBS_TASK", "FLEET_JOBS_OVERRIDES", "THREADS"),
    }
    queue.start()
    queue.finished("a/1")
    assert (queue.work / "env.txt").read_text() == "4:\n"
    with queue.instance.ledger(read_only=True) as ledger:
        assert ledger.submissions.job_of("a/1").overrides == {"THREADS": "4"}


def test_a_delayed_job_waits_as_a_stashed_task_with_its_time(queue):
    began = time.time()
    queue.queue(queue.job("a/1", delay="1h"), queue.job("a/2", delay="2s"), queue.job("a/3"))
    (task,) = queue.tasks("a/1")
    assert task.status == "Stashed" and 3500 < task.enqueue_at - began < 3700
    queue.finished("a/2", "a/3")
    assert queue.tasks("a/2")[0].started >= began + 2


def test_an_enqueued_set_survives_a_crash_of_pueued(queue):
    queue.pause()
    queue.queue(*(queue.job(f"a/{i}") for i in range(20)))
    saved = Snapshot.from_state_file(queue.daemon.config.state_file)
    assert {task.status for task in saved.tasks.values()} == {"Queued"}
    queue.daemon.kill9()
    queue.daemon.start()
    assert {task.status for task in queue.status().tasks.values()} == {"Queued"}


def test_failures_are_charged_to_the_label_and_end(queue):
    for _unused in range(3):
        assert queue.queue(queue.job("a/1", "exit 1"), per_label_budget=2).queued
        queue.finished("a/1")
        if len(queue.tasks("a/1")) == 3:
            break
    with pytest.raises(Refused, match="per_label_budget is 2") as error:
        queue.queue(queue.job("a/1", "exit 1"), per_label_budget=2)
    assert error.value.hazard == "AP-18"
    assert len(queue.tasks("a/1")) == 3


@pytest.mark.parametrize(
    ("change", "hazard", "words"),
    [
        ({"label": "nokey"}, "INV-8", "family/key"),
        ({"chdir": None}, "AP-11", "absolute"),
        ({"chdir": "relative"}, "AP-11", "relative"),
        ({"chdir": "/does/not/exist"}, "AP-11", "does not exist"),
        ({"chdir": "/etc/passwd"}, "AP-11", "no directory"),
        ({"group": "nope"}, None, "pueue_group"),
        ({"after": ["no/such"]}, "AP-6", "no such job"),
        ({"after": ["a/bad"]}, "AP-6", "circle"),
        ({"shell": "X=1 job"}, "INV-5", "overrides"),
        ({"env_file": "missing.env"}, "AP-16", "missing.env"),
        ({"artifacts": ["good.txt"]}, "INV-1", "good.txt"),
        ({"artifacts": ["{nothing}"]}, "INV-1", "params"),
        ({"shell": "x" * 200_000}, None, "bytes"),
    ],
)
def test_one_bad_job_and_nothing_is_queued(queue, change, hazard, words):
    with pytest.raises(FleetError) as error:
        queue.queue(queue.job("a/good", artifacts=["good.txt"]), {**queue.job("a/bad"), **change})
    assert error.value.hazard == hazard
    assert words in error.value.message
    refused = error.value.details["refused"]
    assert len(refused) == 1 and refused[0]["label"] in (change.get("label", "a/bad"), "a/good")
    assert not queue.status().tasks


@pytest.mark.parametrize(
    ("options", "hazard", "words"),
    [
        ({"budget": 2}, "AP-18", "budget allows 2"),
        ({"max_tasks": 2}, "AP-10", "pueue_clean"),
        ({"disk_floor": 1 << 60}, "AP-10", "disk_floor"),
    ],
)
def test_limits_of_the_call(queue, options, hazard, words):
    with pytest.raises(Refused, match=words) as error:
        queue.queue(*(queue.job(f"a/{i}") for i in range(3)), **options)
    assert error.value.hazard == hazard
    assert not queue.status().tasks


def test_a_cap_needs_a_memory_and_a_host_that_keeps_it(queue):
    tool = queue.tool
    required = type(tool)(path=tool.path, state_dir=tool.state_dir, cap="require")
    with pytest.raises(Refused, match="declares no memory") as error:
        queue.queue(queue.job("a/1"), tool=required)
    assert error.value.hazard == "INV-7"


def test_a_lease_of_somebody_else_is_respected_and_ours_admits(queue):
    with queue.instance.ledger() as ledger:
        lease = ledger.lease.take("deployer", "a fix", 600)
    for check_mode in (True, False):
        with pytest.raises(Refused, match="deployer"):
            queue.queue(queue.job("a/1"), check_mode=check_mode)
    assert not queue.status().tasks
    queue.pause()
    assert queue.queue(queue.job("a/1"), lease_token=lease.token).queued
    assert queue.tasks("a/1")[0].status == "Queued"


def test_claims_of_active_jobs_count_until_they_are_ordered(queue):
    queue.pause()
    queue.queue(queue.job("a/1", artifacts=["out/{key}_*.json"]))
    with pytest.raises(Refused) as error:
        queue.queue(queue.job("b/1", artifacts=["out/1_x.json"]))
    assert error.value.hazard == "INV-9" and '"a/1"' in error.value.message
    assert queue.queue(queue.job("b/1", artifacts=["out/1_x.json"], after=["a/1"])).queued
    # c comes after b, and b after a: the path through the queue counts as well.
    assert queue.queue(queue.job("c/1", artifacts=["out/"], after=["b/1"])).queued


def test_a_paused_group_is_said_unless_the_lease_is_ours(queue):
    assert queue.queue(queue.job("a/1")).warnings == ()
    queue.pause()
    (warning,) = queue.queue(queue.job("a/2")).warnings
    assert "G-5" in warning and '"default"' in warning
    with queue.instance.ledger() as ledger:
        token = ledger.lease.take("deployer", "a fix", 600).token
    assert queue.queue(queue.job("a/3"), lease_token=token).warnings == ()


def test_a_group_in_reset_is_refused(queue, monkeypatch):
    queue.queue(queue.job("a/1", "trap '' TERM; sleep 600"))
    real = type(queue.daemon.connect()).status

    def resetting(client):
        snapshot = real(client)
        group = snapshot.groups["default"]
        groups = {"default": type(group)("default", "Reset", group.parallel)}
        return Snapshot(tasks=snapshot.tasks, groups=groups)

    with queue.daemon.connect() as client:
        monkeypatch.setattr(type(client), "status", resetting)
    with pytest.raises(Refused, match="being reset"):
        queue.queue(queue.job("a/2"))


def test_a_process_that_outlived_its_daemon_still_counts(queue):
    queue.queue(queue.job("a/1", "sleep 600"))

    def running():
        with queue.instance.ledger(read_only=True) as ledger:
            return ledger.attempts.open_attempts()

    from ansible_collections.fleet.jobs.tests.support.waiting import eventually

    eventually(running, timeout=30, what="the attempt is recorded")
    queue.daemon.kill9()
    queue.daemon.start()
    assert queue.tasks("a/1")[0].result == "Killed"
    report = queue.queue(queue.job("a/1"))
    assert [(one.why) for one in report.skipped] == ["active"]
    assert "process" in report.skipped[0].found


def test_a_thousand_jobs_in_one_small_report(queue):
    queue.pause()
    jobs = [
        queue.job(
            f"bars/{number:04d}",
            artifacts=["out/{n}.json"],
            params={"n": number},
            after=[f"bars/{number - 1:04d}"] if number % 10 else [],
        )
        for number in range(1000)
    ]
    report = queue.queue(*jobs)
    assert len(report.queued) == 1000
    data = report.data()
    assert len(json.dumps(data)) < 8192
    assert data["counts"]["queued"] == 1000
    assert len(data["queued"]) + data["more"]["queued"] == 1000
    snapshot = queue.status()
    assert {task.status for task in snapshot.tasks.values()} == {"Queued"}
    by_label = snapshot.by_label()
    for number in range(1000):
        (task,) = by_label[f"bars/{number:04d}"]
        parents = [snapshot.tasks[one].label for one in task.dependencies]
        assert parents == jobs[number]["after"]
    again = queue.queue(*jobs)
    assert not again.queued and len(again.skipped) == 1000
    assert len(json.dumps(again.data())) < 8192


def test_what_a_dead_deploy_left_frozen_is_thawed(queue):
    queue.state_dir.mkdir(exist_ok=True)
    with Ledger.open(queue.state_dir, clock=lambda: 1000.0) as ledger:
        lease = ledger.lease.take("ben", "deploy", 600.0)
        ledger.lease.set_frozen(lease.token, ["default"])
    queue.pause()
    foreseen = queue.queue(queue.job("a/1"), check_mode=True)
    done = queue.queue(queue.job("a/1"))
    assert done.actions == foreseen.actions
    assert done.actions[0].startswith('Thaw group "default"')
    assert (done.warnings, foreseen.warnings) == ((), ())
    queue.finished("a/1")


def test_under_the_lease_of_another_not_even_the_tool_is_installed(queue):
    with queue.instance.ledger() as ledger:
        ledger.lease.take("anna", "deploy", 60.0)
    done = []
    with pytest.raises(Refused, match="anna"):
        queue.queue(queue.job("a/1"), install=lambda: done.append("installed") or ())
    assert done == []
