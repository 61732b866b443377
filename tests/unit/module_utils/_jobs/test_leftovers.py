# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._jobs.leftovers import (
    foreseen,
    moments,
    plan,
)
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.submissions import (
    BEGUN,
    COMMITTED,
    Submission,
    SubmittedJob,
)
from ansible_collections.fleet.jobs.tests.support.queues import snapshot, task


def submission(state, **spec):
    job = SubmittedJob(label="a/1", task_key="key", spec={"label": "a/1", **spec})
    return Submission(id="s", state=state, created=1000.0, jobs=(job,))


def ours(number, label="a/1", status="Stashed", **more):
    return task(number, label, status, marker={"FLEET_JOBS_SUBMISSION": "s"}, **more)


@pytest.mark.parametrize(
    ("state", "tasks", "enqueue", "ids"),
    [
        (BEGUN, [ours(1), ours(2, "a/2")], False, [1, 2]),
        (COMMITTED, [ours(1), ours(2, "a/2")], True, [1, 2]),
        (COMMITTED, [], True, []),
        (BEGUN, [], False, []),
        # Only what was never enqueued.
        (COMMITTED, [ours(1, status="Queued"), ours(2, "a/2")], True, [2]),
        (COMMITTED, [ours(1, enqueue_at=5.0), ours(2, "a/2")], True, [2]),
        # Somebody else has the label by now, whatever the order of ids.
        (COMMITTED, [ours(1), task(2, "a/1", "Queued", ours=False)], False, [1]),
        (COMMITTED, [ours(1), task(2, "a/1", "Success", ours=False)], True, [1]),
        # Marks of others and tasks without one are nobody's business.
        (BEGUN, [task(1, "a/1", "Stashed"), task(2, "a/1", "Stashed", ours=False)], False, []),
    ],
)
def test_plan(state, tasks, enqueue, ids):
    (found,) = plan([submission(state)], snapshot(*tasks))
    assert found.enqueue is enqueue
    assert [one.id for one in found.tasks] == ids


def test_foreseen_is_the_queue_without_what_would_go():
    queue = snapshot(ours(1), task(2, "x/1"))
    assert set(foreseen(queue, plan([submission(BEGUN)], queue)).tasks) == {2}
    assert set(foreseen(queue, plan([submission(COMMITTED)], queue)).tasks) == {1, 2}


def test_a_delay_counts_from_the_submission():
    assert moments(submission(COMMITTED, delay=60.0)) == {"key": 1060.0}
    assert moments(submission(COMMITTED)) == {"key": None}
