# SPDX-License-Identifier: GPL-3.0-or-later
"""Polled caps and measurements on live processes: what counts, what does not, what is left."""

from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.tests.support.capped import MIB, run_capped

CAP = 64 * MIB
MANY = """
import os, time
for _child in range(6):
    if os.fork() == 0:
        held = b'x' * (20 << 20)
        while True: time.sleep(1)
while True: time.sleep(1)
"""
MAPPED_FILE = """
import mmap, tempfile, time
with tempfile.TemporaryFile(dir="/var/tmp") as stream:
    for _part in range(150): stream.write(b'x' * (1 << 20))
    stream.flush()
    view = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    total = sum(view[place] for place in range(0, len(view), 4096))
    time.sleep(0.5)
print('done', flush=True)
"""
SHARED_BY_FORK = """
import os, time
held = b'x' * (40 << 20)
children = []
for _child in range(4):
    pid = os.fork()
    if pid == 0:
        time.sleep(0.6)
        os._exit(0)
    children.append(pid)
for pid in children: os.waitpid(pid, 0)
print('done', flush=True)
"""
DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    os.close(1)
    if os.fork() == 0:
        while True: time.sleep(1)
    os._exit(0)
os.wait()
print('done', flush=True)
"""
CHURN = """
import os
for _round in range(60):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0: os._exit(0)
        os._exit(0)
    os.wait()
print('done', flush=True)
"""
MODEST = "held = b'x' * (30 << 20)\nimport time; time.sleep(0.4); print('done', flush=True)"


def test_processes_that_are_small_alone_are_added_up():
    (ending,) = run_capped("polled", CAP, MANY)
    assert (ending.code, ending.by_cap, ending.left) == (-9, True, 0)
    assert ending.report["events"]["polled_kill"] >= 2


@pytest.mark.parametrize("job", [MAPPED_FILE, SHARED_BY_FORK], ids=["page cache", "shared pages"])
def test_what_is_not_the_jobs_own_does_not_count(job):
    (ending,) = run_capped("polled", CAP, job)
    assert (ending.code, ending.said, ending.by_cap) == (0, "done\n", False)
    assert 0 < ending.report["peak_bytes"] <= CAP


@pytest.mark.parametrize("mode", ["polled", "none"])
def test_daemon_left_behind_is_ended_and_counted(mode):
    (ending,) = run_capped(mode, CAP, DAEMON)
    assert (ending.code, ending.left, ending.report["leftovers"]) == (0, 0, 1)


def test_orphans_that_end_are_collected_and_the_jobs_own_status_is_not_lost():
    (ending,) = run_capped("polled", CAP, CHURN)
    assert (ending.code, ending.said, ending.left) == (0, "done\n", 0)


@pytest.mark.parametrize("mode", ["polled", "none"])
def test_peak_and_processor_time_are_reported(mode):
    (ending,) = run_capped(mode, CAP, MODEST)
    assert 30 * MIB <= ending.report["peak_bytes"] <= CAP
    assert ending.report["cpu_seconds"] > 0


def test_without_a_cap_nothing_is_killed_and_the_peak_is_known():
    (ending,) = run_capped("none", CAP, "held = b'x' * (150 << 20); print('done', flush=True)")
    assert (ending.code, ending.said, ending.enforcement) == (0, "done\n", "none")
    assert ending.report["peak_bytes"] >= 150 * MIB


def test_second_job_of_the_same_runner_starts_from_zero():
    first, second = run_capped("polled", CAP, MODEST, jobs=2)
    assert first.said == second.said == "done\n"
    assert second.report["peak_bytes"] <= CAP
    assert second.report["cpu_seconds"] < first.report["cpu_seconds"] * 5 + 1
