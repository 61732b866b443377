# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten submitters at once on the same labels, half of them plain check-then-add loops."""

from __future__ import annotations

import random
import subprocess

import pytest

from ansible_collections.fleet.jobs.tests.support import submitter
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue

LABELS = [f"bars/{number:02d}" for number in range(30)]
LIMIT_SECONDS = 240
# As people write it.
LOOP = """
for label in "$@"; do
  pueue status --json | grep -q "\\"label\\":\\"$label\\"" ||
    pueue add --label "$label" -- sleep 600 >/dev/null || exit 1
done
"""


@pytest.fixture
def queue(daemon):
    ready = GuardedQueue(daemon)
    ready.pause()
    return ready


def shuffled(seed):
    labels = list(LABELS)
    random.Random(seed).shuffle(labels)
    return labels


def start_loop(queue, seed):
    return subprocess.Popen(
        ["sh", "-c", LOOP, "loop", *shuffled(seed)],
        env=queue.daemon.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def start_ours(queue, seed, state_dir):
    """Ten calls of three jobs; the second and third wait for the first."""
    labels = shuffled(seed)
    calls = []
    for begin in range(0, len(labels), 3):
        first, *rest = labels[begin : begin + 3]
        calls.append(
            [queue.job(first, "sleep 600")]
            + [queue.job(label, "sleep 600", after=[first]) for label in rest]
        )
    return submitter.start(queue, *calls, state_dir=state_dir)


def run_all(queue, *, ours, loops, state_dirs):
    running = [start_loop(queue, seed) for seed in range(loops)]
    mine = [start_ours(queue, 100 + seed, state_dirs(seed)) for seed in range(ours)]
    try:
        reports = [one for process in mine for one in submitter.finish(process)[1]]
        for process in running:
            output, _unused = process.communicate(timeout=LIMIT_SECONDS)
            assert process.returncode == 0, output
    finally:
        for process in (*running, *mine):
            process.kill()
            process.wait()
    return reports


def is_ours(task):
    return "FLEET_JOBS_SUBMISSION" in task.marker


def test_plain_loops_alone_do_collide(queue):
    """The accident: without a guard the same label is queued several times over."""
    run_all(queue, ours=0, loops=10, state_dirs=None)
    assert queue.status().duplicates()


@pytest.mark.parametrize("shared", [True, False], ids=["one-lock", "a-lock-each"])
def test_ours_are_never_twice_and_never_beside_an_earlier_stranger(queue, shared):
    def state_dirs(seed):
        return queue.state_dir if shared else queue.daemon.directory / f"state{seed}"

    reports = run_all(queue, ours=5, loops=5, state_dirs=state_dirs)

    assert [report for report in reports if "failed" in report] == []
    snapshot = queue.status()
    by_label = snapshot.by_label()
    assert set(by_label) == set(LABELS)
    assert {task.status for task in snapshot.tasks.values()} == {"Queued"}
    for label, tasks in by_label.items():
        mine = [task.id for task in tasks if is_ours(task)]
        strangers = [task.id for task in tasks if not is_ours(task)]
        assert len(mine) <= 1, label
        assert not mine or all(mine[0] < stranger for stranger in strangers), label

    # The reports add up to the queue: each of our tasks was reported once, nothing else was.
    claimed = [(label, number) for one in reports for label, number in one["queued"].items()]
    there = [(task.label, task.id) for task in snapshot.tasks.values() if is_ours(task)]
    assert sorted(claimed) == sorted(there)
    answered = sum(len(one["queued"]) + len(one["skipped"]) for one in reports)
    assert answered == 5 * len(LABELS)
    # Every edge leads to a label's first task (and, where strangers collided, to their others).
    for task in snapshot.tasks.values():
        parents = {snapshot.tasks[number].label for number in task.dependencies}
        assert {by_label[label][0].id for label in parents} <= set(task.dependencies)
