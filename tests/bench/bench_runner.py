# SPDX-License-Identifier: GPL-3.0-or-later
"""What the runner costs in front of a job, beside the bare command and beside its alternatives.

    PYTHONPATH=.build python tests/bench/bench_runner.py [ROUNDS]

Prints one Markdown table of medians. The row of systemd-run says where it does not work.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

from ansible_collections.fleet.jobs.plugins.module_utils._pueue.client import Client
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.requests import AddRequest
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.tool import Tool, install
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

ROUNDS = 30
TASKS = 40
JOB = ["/bin/true"]
# Prints the clock at its own first instruction, for "start to exec".
CLOCK = ["/bin/sh", "-c", "read up rest </proc/uptime; echo $up"]


def median_of(command: t.Sequence[str], rounds: int) -> float:
    """Milliseconds from start to end."""
    times = []
    for _unused in range(rounds):
        began = time.perf_counter()
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def start_to_exec(command: t.Sequence[str], rounds: int) -> float:
    """Milliseconds from start until the job itself runs (uptime has steps of 10 ms)."""
    times = []
    for _unused in range(rounds):
        began = time.clock_gettime(time.CLOCK_BOOTTIME)
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
        times.append((float(done.stdout) - began) * 1000)
    return statistics.mean(times) + 5.0


def systemd_run() -> t.Optional[t.List[str]]:
    """The words that put a command into a scope here, if that works at all."""
    program = shutil.which("systemd-run")
    if program is None:
        return None
    user = [] if os.getuid() == 0 else ["--user"]
    words = [program, *user, "--scope", "--quiet", "--collect"]
    words += ["-p", "MemoryMax=1G", "-p", "MemorySwapMax=0", "--"]
    tried = subprocess.run(
        [*words, "/bin/true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    return words if tried.returncode == 0 else None


def through_queue(client: Client, command: str, *, home: Path) -> float:
    """Seconds from Start of the group until TASKS of them are done, 10 at a time."""
    client.clean()
    client.pause_group("default")
    client.parallel("default", 10)
    envs = {"PATH": os.environ["PATH"], "HOME": str(home)}
    request = {"path": str(home), "group": "default", "envs": envs, "stashed": False}
    request.update(enqueue_at=None, dependencies=(), priority=0)
    client.add_many(
        [AddRequest(command=command, label=f"unit/{n}", **request) for n in range(TASKS)]
    )
    began = time.perf_counter()
    client.start_group("default")
    eventually(
        lambda: all(task.done for task in client.status().tasks.values()),
        timeout=300,
        what="all tasks are done",
    )
    return time.perf_counter() - began


def report(name: str, value: float, *, unit: str, base: float) -> None:
    """One line."""
    print(f"| {name} | {value:.1f} {unit} | {value / base:.1f}x |")


def alone(tool: Tool, rounds: int) -> None:
    """One job at a time, no queue."""
    base = median_of(JOB, rounds)
    interpreter = [sys.executable, "-I", "-S", "-c", "pass"]
    report("bare `/bin/true`", base, unit="ms", base=base)
    report("`python -I -S -c pass`", median_of(interpreter, rounds), unit="ms", base=base)
    ours = tool.words(JOB)
    report("`fleet-jobs run`, cap none", median_of(ours, rounds), unit="ms", base=base)
    polled = tool.words(JOB, options=["--cap", "prefer", "--memory", str(1 << 30)])
    report("`fleet-jobs run`, cap prefer 1G", median_of(polled, rounds), unit="ms", base=base)
    words = systemd_run()
    if words is None:
        print("| `systemd-run --scope` | no service manager answers here | |")
    else:
        report("`systemd-run --scope`", median_of([*words, *JOB], rounds), unit="ms", base=base)
    until_exec = start_to_exec(tool.words(CLOCK), rounds)
    print(f"| `fleet-jobs run`, start to exec of the job | {until_exec:.1f} ms | |")


def queued(tool: Tool, daemon: PrivateDaemon) -> None:
    """The same behind pueue, where its own tick hides most of it."""
    with daemon.connect(timeout=60) as client:
        bare = through_queue(client, "exec /bin/true", home=daemon.home)
        ours = through_queue(client, tool.command(JOB), home=daemon.home)
    report(f"pueue, {TASKS} x `/bin/true`, 10 slots", bare, unit="s", base=bare)
    report("the same through `fleet-jobs run`", ours, unit="s", base=bare)


def main() -> None:
    """Everything, in a temporary directory."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    print("## What the runner costs in front of a job\n")
    print("| way | median | times the bare one |")
    print("|---|---:|---:|")
    with tempfile.TemporaryDirectory(prefix="fj-bench-") as folder:
        state_dir = Path(folder) / "state"
        tool = Tool(install(state_dir), state_dir=state_dir)
        alone(tool, rounds)
        with PrivateDaemon() as daemon:
            queued(tool, daemon)


if __name__ == "__main__":
    main()
