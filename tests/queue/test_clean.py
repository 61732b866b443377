# SPDX-License-Identifier: GPL-3.0-or-later
"""Forgetting finished tasks on a real queue."""

from __future__ import annotations

import os
import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import Refused
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import archive, forget
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.clean import Wish
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.client import AddRequest
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.selection import Selection
from ansible_collections.fleet.jobs.tests.support.ansible import run_module
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.files import everything
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue


@pytest.fixture
def queue(daemon: PrivateDaemon) -> GuardedQueue:
    return GuardedQueue(daemon)


def clean(queue: GuardedQueue, *labels: str, keep_logs: int = 3, **wish: t.Any) -> forget.Report:
    selection = Selection(labels=labels)
    wish = {"older_than": 0.0, **wish}
    return forget.forget(queue.instance, Wish(selection=selection, **wish), keep_logs=keep_logs)


def labels(queue: GuardedQueue) -> t.List[t.Optional[str]]:
    return [task.label for task in queue.status().tasks.values()]


def test_check_run_check_run(queue: GuardedQueue) -> None:
    queue.queue(
        queue.job("a/1", "echo one"), queue.job("a/2", "exit 3"), queue.job("a/3", after=["a/2"])
    )
    queue.finished("a/1", "a/2", "a/3")
    queue.add_stranger("s/1", "true")
    queue.finished("s/1")
    arguments = {
        "older_than": "0s",
        "pueue_config": str(queue.daemon.config_path),
        "state_dir": str(queue.state_dir),
    }
    before = everything(queue.daemon.directory)
    foreseen = run_module("pueue_clean", arguments, check=True, diff=True)
    assert foreseen["changed"] and foreseen["labels"] == ["a/1"], foreseen
    assert everything(queue.daemon.directory) == before
    real = run_module("pueue_clean", arguments, diff=True)
    assert real["changed"] and real["removed"] == 1
    assert (real["actions"], real["diff"]) == (foreseen["actions"], foreseen["diff"])
    assert labels(queue) == ["a/2", "a/3", "s/1"]
    log = archive.place(queue.state_dir, "a/1", number=1, ended=0.0)
    assert log.read_text() == "one\n" and log.stat().st_mode & 0o777 == 0o600
    before = everything(queue.state_dir)
    for check in (True, False):
        again = run_module("pueue_clean", arguments, check=check)
        assert not again["changed"] and again["removed"] == 0 and not again["actions"]
    assert everything(queue.state_dir) == before


def test_what_was_forgotten_is_not_queued_again(queue: GuardedQueue) -> None:
    queue.queue(queue.job("a/1", "echo one >> out"))
    queue.finished("a/1")
    assert len(clean(queue).removed) == 1
    report = queue.queue(queue.job("a/1", "echo one >> out"))
    assert not report.queued and report.skipped[0].why == "done"


def test_a_success_that_only_pueue_knows_is_kept(queue: GuardedQueue) -> None:
    queue.queue(queue.job("a/1"))
    queue.finished("a/1")
    for path in queue.state_dir.glob("ledger.sqlite3*"):
        path.unlink()
    report = clean(queue)
    assert not report.removed and sum(report.kept.values()) == 1


def test_a_failed_parent_stays_until_its_dependants_go(queue: GuardedQueue) -> None:
    """pueue takes a parent that is gone for a successful one."""
    queue.queue(queue.job("p/1", "exit 3"), queue.job("c/1", after=["p/1"]))
    queue.finished("p/1", "c/1")
    assert not clean(queue, "p/*", states=("failed",)).removed
    assert not clean(queue, states=("failed",), budget=0).removed
    gone = clean(queue, states=("failed",), budget=1)
    assert [task.label for task in gone.removed] == ["c/1"] and gone.left == 1
    assert len(clean(queue, states=("failed",)).removed) == 1
    assert labels(queue) == []


def test_a_parent_of_an_unfinished_job_stays(queue: GuardedQueue) -> None:
    queue.queue(queue.job("p/1"), queue.job("c/1", after=["p/1"], delay="1h"))
    queue.finished("p/1")
    report = clean(queue)
    assert not report.removed and len(report.kept) == 1


def test_logs_beyond_the_number_go(queue: GuardedQueue) -> None:
    queue.queue(queue.job("a/1"))
    queue.finished("a/1")
    folder = archive.folder(queue.state_dir, "a/1")
    folder.mkdir(parents=True)
    for number in range(3):
        (folder / f"unrecorded-{number}.log").write_text("old")
    report = clean(queue, keep_logs=0)
    assert (report.logs_kept, report.logs_removed) == (0, 3)
    assert not folder.exists()


def test_another_owner_of_the_lease_is_not_disturbed(queue: GuardedQueue) -> None:
    queue.queue(queue.job("a/1"))
    queue.finished("a/1")
    with queue.instance.ledger() as ledger:
        ledger.lease.take("ben", "deploy", 600.0)
    with pytest.raises(Refused, match="ben"):
        clean(queue)
    assert labels(queue) == ["a/1"]


def test_many_strangers_go_in_one_call(queue: GuardedQueue) -> None:
    with queue.daemon.connect() as client:
        client.parallel("default", 100)
    with queue.daemon.connect() as client:
        client.add_many([AddRequest("true", "/", label=f"s/{n}") for n in range(150)])
    queue.finished(*(f"s/{number}" for number in range(150)))
    assert not clean(queue).removed
    assert len(clean(queue, strangers=True).removed) == 150
    assert labels(queue) == []


def test_what_nobody_needs_any_more_goes_with_the_tasks(queue: GuardedQueue) -> None:
    """A tool that only a forgotten task named is deleted, a row that nobody closed is closed."""
    old = queue.tool.path.with_name("fleet-jobs-0123456789ab.py")
    used = queue.tool.path.with_name("fleet-jobs-ba9876543210.py")
    for path in (old, used):
        path.write_bytes(b"an older tool")
        os.utime(path, (1_000_000.0, 1_000_000.0))
    queue.queue(queue.job("a/1"), queue.job("a/2", f"exit 3 # {used}"))
    queue.finished("a/1", "a/2")
    with queue.instance.ledger() as ledger:
        ledger.attempts.start("a/0", task_key="gone", pid=1, boot_id="another-boot:1:1")
    report = clean(queue, "a/*")
    assert (len(report.removed), len(report.tools)) == (1, 1) and old.name in report.tools[0]
    assert (old.exists(), used.exists(), queue.tool.path.exists()) == (False, True, True)
    with queue.instance.ledger(read_only=True) as ledger:
        assert ledger.attempts.latest(["a/0"])["a/0"].class_ == "infra"
