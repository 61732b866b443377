# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at a queue of 10,000 tasks: ``pueue_status`` against ``pueue status --json | jq``.

    PYTHONPATH=.build python tests/bench/bench_status.py [TASKS]

Prints one Markdown table of medians. "on the host" is what both do there: a process that starts,
reads the queue and prints a digest. The playbook row adds the whole of ansible-playbook.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import time
import typing as t

from ansible_collections.fleet.jobs.tests.support import big_queue
from ansible_collections.fleet.jobs.tests.support.ansible import run_module
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon

TASKS = 10_000
ROUNDS = 7
# Counts by group and kind of status, and ten labels of what failed: less than the module tells.
FILTER = """
{counts: ([.tasks[] | {group, status: (.status | keys[0])}] | group_by([.group, .status])
  | map({group: .[0].group, status: .[0].status, count: length})),
 failed: ([.tasks[] | select(.status.Done and .status.Done.result != "Success") | .label] | .[:10])}
"""
DIGEST = """
import json, sys
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import digest, status
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.instance import Instance
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.selection import Selection
instance = Instance.find(pueue_config=sys.argv[1], state_dir=sys.argv[2])
page = digest.page_of(Selection(states=("failed",)), number=1, size=10)
print(json.dumps(digest.digest(status.survey(instance, source=sys.argv[3], page=page), page)))
"""
Way = t.Callable[[], bytes]
# What a login environment puts into each task when people add it by the plain command line.
LOGIN = {f"LOGIN_VARIABLE_{number}": "x" * 60 for number in range(40)}


def ways(daemon: PrivateDaemon) -> t.Dict[str, Way]:
    """Each prints a digest of the same queue."""
    config, state = str(daemon.config_path), str(daemon.directory / "state")
    jq = shutil.which("jq")
    assert jq, "jq is not installed"

    def process(*command: str) -> bytes:
        return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout

    def pipe() -> bytes:
        shell = 'pueue --config "$1" status --json | jq -c "$2"'
        return subprocess.run(
            ["sh", "-c", shell, "pipe", config, FILTER],
            env=daemon.environ,
            check=True,
            stdout=subprocess.PIPE,
        ).stdout

    def module() -> bytes:
        arguments = {"pueue_config": config, "state_dir": state, "states": ["failed"]}
        return json.dumps(run_module("pueue_status", arguments)).encode()

    python = [sys.executable, "-c", DIGEST, config, state]
    return {
        "pueue status --json \\| jq, on the host": pipe,
        "pueue_status, on the host": lambda: process(*python, "status"),
        "pueue_status, source: state_file, on the host": lambda: process(*python, "state_file"),
        "pueue_status in a whole ansible-playbook run": module,
    }


def measure(daemon: PrivateDaemon) -> t.List[t.Tuple[str, float, int]]:
    """Median seconds and bytes of each way; the ways take turns."""
    found: t.Dict[str, t.List[float]] = {}
    sizes: t.Dict[str, int] = {}
    for _unused in range(ROUNDS):
        for name, way in ways(daemon).items():
            began = time.perf_counter()
            sizes[name] = len(way())
            found.setdefault(name, []).append(time.perf_counter() - began)
    return [(name, statistics.median(times), sizes[name]) for name, times in found.items()]


def main() -> None:
    tasks = int(sys.argv[1]) if len(sys.argv) > 1 else TASKS
    print(f"## Looking at a queue of {tasks:,} tasks")
    queues = (("as the plain command line adds them", LOGIN), ("as this collection adds them", {}))
    for title, envs in queues:
        with PrivateDaemon() as daemon:
            big_queue.fill(daemon, tasks, envs=envs)
            rows = measure(daemon)
        base = rows[0][1]
        print(f"\n| {tasks} tasks, {title} | seconds | times the pipe | bytes |")
        print("|---|---|---|---|")
        for name, seconds, size in rows:
            print(f"| {name} | {seconds:.2f} | {seconds / base:.2f} | {size} |")


if __name__ == "__main__":
    main()
