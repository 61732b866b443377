# SPDX-License-Identifier: GPL-3.0-or-later
"""Caps that kill, on a kernel that has them: every way to hold too much, one neighbour, no liar.

All jobs are queued by one call of the collection, as a user would, and judged by what the host
tool says afterwards; the kernel's own counters stand in the verdict.
"""

from __future__ import annotations

import json
import re
import typing as t

import pytest

from ansible_collections.fleet.jobs.tests.lab.guest import (
    QUEUE,
    WORK,
    add_swap,
    latest,
    play,
    processes,
)
from ansible_collections.fleet.jobs.tests.lab.vm import VirtualMachine

MIB = 1 << 20
CAP = 64 * MIB
# Every job has its name in its command line, so that whatever is left of it can be found.
MARK = "job_of_the_cap_tests"
HUNGRY = "held = b'x' * (200 << 20)"
# It never ends by itself: only a kill ends it.
FOREVER = "import time\nwhile True: time.sleep(1)"
JOBS = {
    "plain": f"{HUNGRY}\n{FOREVER}",
    # No single process is over the cap, all together are.
    "forks": f"""
import os
for _child in range(4):
    if os.fork() == 0:
        held = b'x' * (25 << 20)
        break
{FOREVER}""",
    "double-fork-setsid": f"""
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(1)
        {HUNGRY}
    else:
        os._exit(0)
{FOREVER}""",
    "catches-term": f"""
import signal
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, lambda *_unused: None)
{HUNGRY}
{FOREVER}""",
    # It takes the group kill off its own cgroup, loses only its child, and claims success.
    "reports-0": f"""
import os, sys
own = "/sys/fs/cgroup" + open("/proc/self/cgroup").read().strip().split("::")[1]
open(own + "/memory.oom.group", "w").write("0")
child = os.fork()
if child == 0:
    open("/proc/self/oom_score_adj", "w").write("1000")
    {HUNGRY}
    os._exit(0)
print("child ended with", os.waitpid(child, 0)[1], flush=True)
sys.exit(0)""",
    "page-cache": """
import os
with open("big", "wb") as stream:
    for _part in range(200):
        stream.write(b"x" * (1 << 20))
total = 0
with open("big", "rb") as stream:
    while part := stream.read(1 << 20):
        total += len(part)
print("read", total, flush=True)
os.unlink("big")""",
}
KILLED = ("plain", "forks", "double-fork-setsid", "catches-term", "reports-0")
NEIGHBOUR = f"""
import os, time
held = b'x' * (40 << 20)
while not os.path.exists("{WORK}/over"): time.sleep(0.2)
print("all", len(held), "bytes are there", flush=True)"""


def job(name: str, code: str, **more: t.Any) -> t.Dict[str, t.Any]:
    command = ["/usr/bin/python3", "-I", "-S", "-c", f"# {MARK}\n{code}"]
    return {"label": f"caps/{name}", "command": command, "chdir": WORK, "memory": "64M", **more}


@pytest.fixture(scope="module")
def ended(
    queue_machine: VirtualMachine, tmp_path_factory: pytest.TempPathFactory
) -> VirtualMachine:
    """The machine after all jobs: swap it has, and a neighbour that ran beside every one."""
    vm = queue_machine.restore(QUEUE)
    add_swap(vm)
    vm.run("grep ^pswpout /proc/vmstat > /run/before", user="root")
    jobs = [job("neighbour", NEIGHBOUR, priority=1)]
    jobs += [job(name, code) for name, code in JOBS.items()]
    labels = [f"caps/{name}" for name in JOBS]
    run = play(
        vm,
        tmp_path_factory.mktemp("caps"),
        {"fleet.jobs.pueue_group": {"name": "default", "parallel": 3}},
        {"fleet.jobs.pueue_queue_guarded": {"jobs": jobs}},
        {"fleet.jobs.pueue_wait": {"labels": labels, "timeout": "5m", "fail_on_timeout": True}},
    )
    assert run.rc == 0, run.explain()
    vm.run(f"touch {WORK}/over && pueue wait --quiet")
    return vm


@pytest.mark.parametrize("name", KILLED)
def test_over_the_cap_the_kernel_kills_and_the_attempt_says_so(
    ended: VirtualMachine, name: str, say: t.Callable[[str], None]
) -> None:
    attempt = latest(ended, f"caps/{name}")
    say(str(attempt["message"]))
    assert attempt["class"] == "oom_cap"
    assert (attempt["enforcement"], attempt["cap_bytes"]) == ("cgroup", CAP)
    assert CAP - 2 * MIB <= attempt["peak_bytes"] <= CAP
    counters = {key: int(number) for key, number in re.findall(r"(\w+) (\d+)", attempt["message"])}
    assert counters["oom_kill"] >= 1
    assert counters["oom_group_kill"] == (0 if name == "reports-0" else 1)


def test_the_group_died_as_a_whole(ended: VirtualMachine) -> None:
    assert processes(ended, MARK) == []
    left = ended.run("find /sys/fs/cgroup -name 'fleet-jobs-*.scope'", user="root").stdout
    assert left == ""


def test_who_says_0_after_a_kill_is_not_believed(ended: VirtualMachine) -> None:
    attempt = latest(ended, "caps/reports-0")
    assert (attempt["exit_code"], attempt["class"]) == (0, "oom_cap")
    tasks = json.loads(ended.run("pueue status --json").stdout)["tasks"].values()
    (task,) = [task for task in tasks if task["label"] == "caps/reports-0"]
    assert task["status"]["Done"]["result"] == {"Failed": 137}, "dependants must not start"


def test_page_cache_is_not_the_jobs_own(
    ended: VirtualMachine, say: t.Callable[[str], None]
) -> None:
    attempt = latest(ended, "caps/page-cache")
    say(f"ok, with a peak of {attempt['peak_bytes'] >> 20} MiB under a cap of {CAP >> 20} MiB")
    assert (attempt["class"], attempt["exit_code"]) == ("ok", 0)
    assert attempt["peak_bytes"] >= CAP - 4 * MIB, "the cache did fill the cap"


def test_the_neighbour_lived_through_all_of_it(ended: VirtualMachine) -> None:
    attempt = latest(ended, "caps/neighbour")
    assert attempt["class"] == "ok"
    assert 40 * MIB <= attempt["peak_bytes"] <= CAP


def test_swap_stayed_unused(ended: VirtualMachine, say: t.Callable[[str], None]) -> None:
    swapped = ended.run("cat /run/before; grep ^pswpout /proc/vmstat", user="root").stdout.split()
    say(f"pages swapped out before and after: {swapped[1]}, {swapped[3]}")
    assert swapped[1] == swapped[3]


def test_the_kernel_says_it_too(ended: VirtualMachine, say: t.Callable[[str], None]) -> None:
    log = ended.run("journalctl -k --no-pager -o cat", user="root").stdout
    kills = [line for line in log.splitlines() if "Memory cgroup out of memory: Killed" in line]
    say("\n".join(kills))
    assert len(kills) >= len(KILLED)
