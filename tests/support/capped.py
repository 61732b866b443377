# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one job under a cap in a process of its own, as the runner does.

A process of its own, because a cap makes its owner a subreaper or moves it into a scope, and the
test's process must stay as it is. Whatever the job leaves running dies with ``run_capped``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from dataclasses import dataclass

import ansible_collections.fleet.jobs as collection

MIB = 1 << 20
LIMIT_SECONDS = 120.0
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(next(iter(collection.__path__)))))

_DRIVER = """
import json, subprocess, sys, time
base = "ansible_collections.fleet.jobs.plugins.module_utils."
cap = __import__(base + "_host.cap", fromlist=["x"])
polled = __import__(base + "_host.cap_polled", fromlist=["x"])
process = __import__(base + "_host.process", fromlist=["x"])
errors = __import__(base + "_errors", fromlist=["x"])
dataclasses = __import__(base + "_dataclass", fromlist=["x"])
mode, limit, code, jobs = json.loads(sys.argv[1])
def strategy():
    if mode == "polled":
        return polled.PolledCap(memory_bytes=limit)
    return cap.choose(mode, limit, label="test/job")
def run(chosen):
    child = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", code], preexec_fn=chosen.enter, start_new_session=True,
        stdout=subprocess.PIPE,
    )
    chosen.started(child.pid)
    while child.poll() is None:
        chosen.poll()
        time.sleep(0.05)
    report = chosen.finish()
    said = child.stdout.read().decode()
    left = len(process.alive(process.descendants(__import__("os").getpid())))
    return {"refused": None, "code": child.returncode, "said": said, "left": left,
            "enforcement": chosen.enforcement, "by_cap": report.killed_by_cap,
            "report": dataclasses.asdict(report)}
try:
    chosen = strategy()
except errors.Refused as error:
    print(json.dumps([{"refused": error.hazard, "message": error.message}]))
else:
    answers = [run(chosen)]
    for _again in range(jobs - 1):
        chosen = chosen.another(None)
        answers.append(run(chosen))
    print(json.dumps(answers))
"""


@dataclass(frozen=True)
class Ending:
    """How one job ended; ``left`` counts its processes that still lived after the report."""

    refused: t.Optional[str] = None
    message: str = ""
    code: int = 0
    said: str = ""
    left: int = 0
    enforcement: str = ""
    by_cap: bool = False
    report: t.Mapping[str, t.Any] = None  # type: ignore[assignment]


def run_capped(mode: str, limit: t.Optional[int], code: str, *, jobs: int = 1) -> t.List[Ending]:
    """The Python ``code`` as a job, ``jobs`` times; ``mode`` as for ``choose``, or "polled"."""
    done = subprocess.run(
        [sys.executable, "-c", _DRIVER, json.dumps([mode, limit, code, jobs])],
        env={**os.environ, "PYTHONPATH": ROOT},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return [Ending(**answer) for answer in json.loads(done.stdout)]
