# SPDX-License-Identifier: GPL-3.0-or-later
"""INV-7: a job runs over its memory cap because the host enforces none, and nobody notices.

Stopped by: ``cap: require`` starts nothing without a proven cap; ``prefer`` watches the memory
and says so.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._host.cap_scope import missing
from ansible_collections.fleet.jobs.tests.support.capped import MIB, run_capped

CAP = 64 * MIB
HUNGRY = "held = b'x' * (200 << 20); print('lived', flush=True)"
# It never ends by itself: whoever does not kill it runs into the test's time limit.
FOREVER = "held = b'x' * (200 << 20)\nimport time\nwhile True: time.sleep(1)"
ESCAPED = f"""
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        {FOREVER.replace(chr(10), chr(10) + " " * 8)}
    os._exit(0)
while True: time.sleep(1)
"""
needs_no_cgroup_cap = pytest.mark.skipif(
    missing() is None, reason="this host may be able to cap memory by cgroup"
)


@needs_no_cgroup_cap
def test_accident_the_usual_wrapper_runs_the_job_without_any_cap():
    """What people write, because systemd-run fails on some hosts."""
    wrapper = (
        'systemd-run --user --scope -q -p MemoryMax=64M -p MemorySwapMax=0 "$@" 2>/dev/null || "$@"'
    )
    done = subprocess.run(
        ["/bin/sh", "-c", wrapper, "sh", sys.executable, "-I", "-S", "-c", HUNGRY],
        stdout=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"lived\n")


@needs_no_cgroup_cap
def test_require_starts_nothing_and_names_the_entry():
    (ending,) = run_capped("require", CAP, HUNGRY)
    assert ending.refused == "INV-7"
    assert ending.said == ""
    assert "cap: prefer" in ending.message


@needs_no_cgroup_cap
def test_prefer_falls_back_to_the_polled_cap_and_says_so():
    (ending,) = run_capped("prefer", CAP, FOREVER)
    assert (ending.enforcement, ending.code, ending.by_cap) == ("polled", -9, True)
    assert ending.report["note"].startswith("polled, because")


@pytest.mark.parametrize("job", [FOREVER, ESCAPED], ids=["plain", "double fork and setsid"])
def test_polled_cap_ends_the_whole_job(job):
    (ending,) = run_capped("polled", CAP, job)
    assert (ending.code, ending.by_cap, ending.left) == (-9, True, 0)
    assert ending.report["peak_bytes"] > CAP


@pytest.mark.skipif(missing() is not None, reason=f"no cgroup cap here: {missing()}")
@pytest.mark.parametrize("job", [FOREVER, ESCAPED], ids=["plain", "double fork and setsid"])
def test_cgroup_cap_ends_the_whole_job_and_the_counters_tell(job):
    (ending,) = run_capped("require", CAP, job)
    assert (ending.enforcement, ending.code, ending.by_cap) == ("cgroup", -9, True)
    assert ending.left == 0 and ending.report["oom_kill"] >= 1
    assert ending.report["peak_bytes"] <= CAP
