# SPDX-License-Identifier: GPL-3.0-or-later
"""A guarded submitter as a process of its own, which can be told at which step to die.

Run as ``python submitter.py`` with one JSON object on stdin; writes the report as JSON to stdout.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import typing as t
from pathlib import Path

if t.TYPE_CHECKING:
    from .guarded import GuardedQueue

LIMIT_SECONDS = 120.0
# Every step of the protocol that leaves a trace, in order: "class.method".
STEPS = (
    "Submissions.begin",
    "Client.add_many",
    "Client.status",
    "Submissions.commit",
    "Client.enqueue",
    "Client.env_set",
    "Submissions.enqueued",
)


def start(
    queue: GuardedQueue,
    *calls: t.Sequence[t.Mapping[str, t.Any]],
    state_dir: t.Optional[Path] = None,
    die_at: str = "",
    when: str = "before",
    call: int = 1,
    **options: t.Any,
) -> subprocess.Popen[str]:
    """Start it, to make these calls one after the other; the caller waits with ``finish``."""
    request = {
        "config": str(queue.daemon.config_path),
        "state_dir": str(state_dir or queue.state_dir),
        "tool": str(queue.tool.path),
        "calls": [list(jobs) for jobs in calls],
        "die": {"at": die_at, "when": when, "call": call},
        "options": options,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **queue.daemon.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(request))
    process.stdin.close()
    process.stdin = None
    return process


def finish(process: subprocess.Popen[str]) -> t.Tuple[int, t.List[t.Dict[str, t.Any]]]:
    """The exit status (-9 where it killed itself), and the reports of its calls."""
    try:
        out, err = process.communicate(timeout=LIMIT_SECONDS)
    finally:
        process.kill()
        process.wait()
    assert process.returncode in (0, -9), err
    return process.returncode, json.loads(out) if out else []


def _main() -> None:
    from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError
    from ansible_collections.fleet.jobs.plugins.module_utils._jobs import guard
    from ansible_collections.fleet.jobs.plugins.module_utils._jobs.instance import Instance
    from ansible_collections.fleet.jobs.plugins.module_utils._jobs.task_command import Tool

    request = json.load(sys.stdin)
    _arm(**request["die"])
    state_dir = Path(request["state_dir"])
    tool = Tool(path=Path(request["tool"]), state_dir=state_dir, cap="none")
    instance = Instance.find(pueue_config=request["config"], state_dir=request["state_dir"])
    reports: t.List[t.Dict[str, t.Any]] = []
    for jobs in request["calls"]:
        wish = guard.Wish(jobs=jobs, tool=tool, disk_floor=1 << 20, **request["options"])
        try:
            report = guard.queue(instance, wish)
        except FleetError as error:
            reports.append({"failed": error.message})
        else:
            skipped = {one.label: one.why for one in report.skipped}
            reports.append({"queued": dict(report.queued), "skipped": skipped})
    json.dump(reports, sys.stdout)


def _arm(at: str, when: str, call: int) -> None:
    """Have the n-th call of a method killed before or after it, as ``kill -9`` would."""
    from ansible_collections.fleet.jobs.plugins.module_utils._ledger.submissions import Submissions
    from ansible_collections.fleet.jobs.plugins.module_utils._pueue.client import Client

    if not at:
        return
    owner = {"Client": Client, "Submissions": Submissions}[at.partition(".")[0]]
    name = at.partition(".")[2]
    real = getattr(owner, name)
    count = [0]

    def wrapped(self: t.Any, *arguments: t.Any, **named: t.Any) -> t.Any:
        count[0] += 1
        if count[0] == call and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = real(self, *arguments, **named)
        if count[0] == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(owner, name, wrapped)


if __name__ == "__main__":
    _main()
