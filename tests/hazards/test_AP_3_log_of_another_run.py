# SPDX-License-Identifier: GPL-3.0-or-later
"""AP-3: after a restart the log shows the old error, and later the old error is nowhere.

Stopped by: each attempt has its own log in the archive; ``fleet-jobs logs LABEL --attempt N``
shows it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._jobs import archive, rerun
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.restart import Wish
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.store import Ledger
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.selection import Selection
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.guarded import FLOOR, GuardedQueue

JOB = "if [ -e fixed ]; then echo all is well; else echo the old error; exit 3; fi"


@pytest.fixture
def queue(daemon: PrivateDaemon) -> GuardedQueue:
    return GuardedQueue(daemon)


def test_without_the_guard_one_log_is_read_for_two_runs(queue: GuardedQueue) -> None:
    queue.add_stranger("bars/1", f"cd {queue.work}; {JOB}")
    queue.finished("bars/1")
    queue.pause()
    (queue.work / "fixed").touch()
    queue.daemon.cli("restart", "--in-place", "0")
    assert queue.status().tasks[0].status == "Queued"
    assert queue.daemon.config.log_path(0).read_text() == "the old error\n"
    queue.start()
    queue.finished("bars/1")
    everywhere = [path for path in Path(queue.daemon.directory).rglob("*.log") if path.is_file()]
    assert not any("the old error" in path.read_text() for path in everywhere)


def test_with_it_each_attempt_keeps_its_log(queue: GuardedQueue) -> None:
    queue.queue(queue.job("bars/1", JOB, restart_safe=True))
    queue.finished("bars/1")
    kept = archive.place(queue.state_dir, "bars/1", number=1, ended=0.0)
    # The runner has put it there as well; here it is the restart that is looked at.
    kept.unlink(missing_ok=True)
    (queue.work / "fixed").touch()
    wish = Wish(selection=Selection(labels=("bars/*",)), classes=("app",))
    report = rerun.rerun(queue.instance, wish, floor=FLOOR)
    assert report.archived == {"bars/1": str(kept)}
    assert queue.finished("bars/1").latest()["bars/1"].ok
    assert "the old error" in kept.read_text()
    assert queue.daemon.config.log_path(0).read_text() == "all is well\n"
    with Ledger.open(queue.state_dir, read_only=True) as ledger:
        first, second = ledger.attempts.history("bars/1")
    assert first.log_path == str(kept)
    assert second.log_path != first.log_path


def test_a_strangers_log_is_kept_as_well(queue: GuardedQueue) -> None:
    queue.add_stranger("bars/1", f"cd {queue.work}; {JOB}")
    queue.finished("bars/1")
    (queue.work / "fixed").touch()
    wish = Wish(selection=Selection(labels=("bars/*",)), classes=("app",), strangers=True)
    report = rerun.rerun(queue.instance, wish, floor=FLOOR)
    queue.finished("bars/1")
    assert Path(report.archived["bars/1"]).read_text() == "the old error\n"
