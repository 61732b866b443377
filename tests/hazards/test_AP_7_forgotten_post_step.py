# SPDX-License-Identifier: GPL-3.0-or-later
"""AP-7: "run optimise afterwards" depended on a session that was gone by then.

Stopped by: the post-step is a dependent job of the same submission, which is queued whole or
not at all.
"""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.fleet.jobs.tests.support import submitter
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

WORK = "while ! test -e go; do sleep 0.05; done"
# A session that queues the work, waits for it, and would then queue the post-step.
SESSION = """
pueue add --working-directory "$1" --label work/A -- '{work}' >/dev/null
touch "$1/waiting"
pueue wait >/dev/null
pueue add --working-directory "$1" --label optimise/A -- touch optimised
""".replace("{work}", WORK)


@pytest.fixture
def queue(daemon):
    return GuardedQueue(daemon)


def test_without_the_guard_a_closed_session_takes_the_post_step_with_it(queue):
    session = subprocess.Popen(
        ["sh", "-c", SESSION, "session", str(queue.work)],
        env=queue.daemon.environ,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        eventually((queue.work / "waiting").exists, timeout=30, what="the session waits")
    finally:
        subprocess.run(["kill", "-9", "--", f"-{session.pid}"], check=True)
        session.wait()
    (queue.work / "go").touch()
    assert queue.finished("work/A").latest()["work/A"].ok
    assert queue.tasks("optimise/A") == []


def test_in_one_submission_it_needs_nobody(queue):
    jobs = [queue.job("work/A", WORK), queue.job("optimise/A", "touch optimised", after=["work/A"])]
    assert submitter.finish(submitter.start(queue, jobs))[0] == 0
    (queue.work / "go").touch()
    assert queue.finished("optimise/A").latest()["optimise/A"].ok
    assert (queue.work / "optimised").exists()


def test_a_submitter_that_dies_half_way_leaves_no_half(queue):
    jobs = [queue.job("work/A", WORK), queue.job("optimise/A", after=["work/A"])]
    dead = submitter.start(queue, jobs, die_at="Client.add_many", when="before", call=2)
    assert submitter.finish(dead)[0] == -9
    # The first half is in the queue and must not run without its post-step.
    assert [task.status for task in queue.tasks("work/A")] == ["Stashed"]
    assert queue.tasks("optimise/A") == []
    assert set(queue.queue(*jobs).queued) == {"work/A", "optimise/A"}
