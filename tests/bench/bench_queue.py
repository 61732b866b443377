# SPDX-License-Identifier: GPL-3.0-or-later
"""Queueing 1,000 jobs: guarded, against the loop of look, grep and add that people write.

    PYTHONPATH=.build python tests/bench/bench_queue.py [JOBS]

Prints one Markdown table; CPU seconds include pueued's and hold better on a busy machine. Every
way gets a fresh pueued with its group paused. The command line stores the whole environment of
the shell with each task, as it does for everybody.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import typing as t
from pathlib import Path

from ansible_collections.fleet.jobs.tests.support.ansible import run_module
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue

JOBS = 1000
LOOP = """
for label in "$@"; do
  if ! pueue status | grep -F "$label" >/dev/null; then
    pueue add --label "$label" --working-directory "$WORK" -- "true $label" >/dev/null
  fi
done
"""
Way = t.Callable[[GuardedQueue, t.Sequence[str]], None]


def loop(queue: GuardedQueue, labels: t.Sequence[str]) -> None:
    """The shell loop, through the real command line."""
    environ = {**os.environ, **queue.daemon.environ, "WORK": str(queue.work)}
    subprocess.run(["sh", "-c", LOOP, "loop", *labels], env=environ, check=True)


def module(queue: GuardedQueue, labels: t.Sequence[str]) -> None:
    """``pueue_queue_guarded`` in a whole ansible-playbook run, its start included."""
    arguments = {
        "jobs": jobs(queue, labels),
        "cap": "none",
        "pueue_config": str(queue.daemon.config_path),
        "state_dir": str(queue.state_dir),
        "disk_floor": "1M",
        "budget": len(labels),
    }
    result = run_module("pueue_queue_guarded", arguments)
    assert not result.get("failed"), result


def guard(queue: GuardedQueue, labels: t.Sequence[str]) -> None:
    """The guard alone, as the module calls it on the host."""
    queue.queue(*jobs(queue, labels), budget=len(labels))


def jobs(queue: GuardedQueue, labels: t.Sequence[str]) -> t.List[t.Dict[str, t.Any]]:
    """Jobs with everything the guard has to check."""
    return [
        queue.job(label, f"true {label}", artifacts=["out/{key}.json"], params={"n": number})
        for number, label in enumerate(labels)
    ]


def measure(way: Way, count: int, *, again: bool = False) -> t.Tuple[float, float]:
    """Wall-clock and CPU seconds on a fresh daemon (``again``: a second run finds all there)."""
    labels = [f"bars/{number:05d}" for number in range(count)]
    with PrivateDaemon() as daemon:
        queue = GuardedQueue(daemon)
        queue.tool  # noqa: B018 (installed once per host, not once per call)
        queue.pause()
        if again:
            guard(queue, labels)
        began, used = time.perf_counter(), cpu(daemon.pid)
        way(queue, labels)
        spent, used = time.perf_counter() - began, cpu(daemon.pid) - used
        found = sorted(task.label or "" for task in queue.status().tasks.values())
        assert found == labels, f"{len(found)} tasks instead of {count}"
    return spent, used


def cpu(daemon_pid: int) -> float:
    """Seconds used so far by this process, its ended children, and the daemon."""
    mine = os.times()
    fields = Path(f"/proc/{daemon_pid}/stat").read_text().rpartition(")")[2].split()
    daemon = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return sum(mine[:4]) + daemon


def main() -> None:
    """All ways, one after the other."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else JOBS
    base, base_cpu = measure(loop, count)
    shell = f"in a loop ({len(os.environ)} variables in the shell)"
    rows = [
        (f"`pueue status \\| grep` and `pueue add` {shell}", base, base_cpu),
        ("`pueue_queue_guarded`, a whole `ansible-playbook` run", *measure(module, count)),
        ("the guard alone, on the host", *measure(guard, count)),
        ("the loop again: everything is there", *measure(loop, count, again=True)),
        ("the guard again: everything is there", *measure(guard, count, again=True)),
    ]
    print(f"## Queueing {count:,} jobs\n")
    print("| way | seconds | faster than the loop | CPU seconds | less CPU than the loop |")
    print("|---|---:|---:|---:|---:|")
    for name, spent, used in rows:
        less = base_cpu / max(used, 0.01)
        print(f"| {name} | {spent:.1f} | {base / spent:.1f}x | {used:.1f} | {less:.1f}x |")


if __name__ == "__main__":
    main()
