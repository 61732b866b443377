# SPDX-License-Identifier: GPL-3.0-or-later
"""INV-7: under a cap of the kernel only one process of a job dies, the job goes on without it and
says 0, and half a result counts as a success.

Stopped by: every job has a cgroup of its own that dies as a whole, and its counters decide its
class, whatever it says.
"""

from __future__ import annotations

import shlex
import typing as t

from ansible_collections.fleet.jobs.tests.lab.guest import install_tool, run_job
from ansible_collections.fleet.jobs.tests.lab.vm import VirtualMachine

HUNGRY = """python3 -c "held = b'x' * (200 << 20)" """
JOB = ["/bin/sh", "-c", f"trap '' TERM; {HUNGRY}; echo merged what there is; exit 0"]


def test_accident_the_usual_wrapper_reports_half_a_result_as_success(vm: VirtualMachine) -> None:
    wrapper = "systemd-run --user --scope -q -p MemoryMax=64M -p MemorySwapMax=0 "
    done = vm.run(wrapper + shlex.join(JOB), check=False)
    assert (done.returncode, done.stdout) == (0, "merged what there is\n")
    kernel = vm.run("journalctl -k --no-pager -o cat", user="root").stdout
    assert "Memory cgroup out of memory: Killed process" in kernel


def test_the_whole_job_dies_and_the_counters_decide(
    vm: VirtualMachine, say: t.Callable[[str], None]
) -> None:
    install_tool(vm)
    done = run_job(vm, JOB, "--memory", str(64 << 20))
    say(done.stderr)
    assert (done.returncode, done.stdout) == (137, "")
    assert "ended as oom_cap" in done.stderr
    assert "oom_group_kill 1" in done.stderr
