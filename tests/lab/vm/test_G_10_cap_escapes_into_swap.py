# SPDX-License-Identifier: GPL-3.0-or-later
"""G-10: a job under ``MemoryMax`` alone moves into swap and lives on over its cap, slowly, at the
expense of the whole host.

Stopped by: memory and swap are always capped together, and both are read back from the kernel.
"""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.fleet.jobs.tests.lab.guest import add_swap, install_tool, run_job
from ansible_collections.fleet.jobs.tests.lab.vm import VirtualMachine

MIB = 1 << 20
JOB = ["/usr/bin/python3", "-c", "held = b'x' * (200 << 20); print('lived', flush=True)"]


@pytest.fixture
def swapping(vm: VirtualMachine) -> VirtualMachine:
    """The machine with 256 MiB of swap, none of it used."""
    add_swap(vm)
    return vm


def swapped_out(vm: VirtualMachine) -> int:
    return 4096 * int(vm.run("sed -n 's/^pswpout //p' /proc/vmstat").stdout)


def test_accident_a_memory_cap_alone_lets_the_job_live_in_swap(
    swapping: VirtualMachine, say: t.Callable[[str], None]
) -> None:
    before = swapped_out(swapping)
    done = swapping.run(["systemd-run", "--user", "--scope", "-q", "-p", "MemoryMax=64M", *JOB])
    written = swapped_out(swapping) - before
    say(f"without a cap on swap: lived, {written / MIB:.0f} MiB written to swap")
    assert done.stdout == "lived\n"
    assert written > 100 * MIB


def test_both_are_capped_and_swap_stays_unused(
    swapping: VirtualMachine, say: t.Callable[[str], None]
) -> None:
    install_tool(swapping)
    before = swapped_out(swapping)
    done = run_job(swapping, JOB, "--memory", str(64 * MIB))
    say(done.stderr)
    assert (done.returncode, done.stdout) == (137, "")
    assert "ended as oom_cap" in done.stderr
    assert swapped_out(swapping) == before


def test_swap_can_be_allowed_on_purpose(swapping: VirtualMachine) -> None:
    install_tool(swapping)
    limits = ["--memory", str(64 * MIB), "--swap", str(200 * MIB)]
    done = run_job(swapping, JOB, *limits)
    assert (done.returncode, done.stdout) == (0, "lived\n")
