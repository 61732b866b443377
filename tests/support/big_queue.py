# SPDX-License-Identifier: GPL-3.0-or-later
"""A queue of thousands of tasks, written to the state file while the daemon is down."""

from __future__ import annotations

import json
import typing as t
from datetime import datetime, timedelta, timezone

from .daemon import PrivateDaemon

SECRET = "s3cr3t-of-somebody"
BEGAN = datetime(2026, 1, 1, tzinfo=timezone.utc)
_RESULTS: t.Tuple[t.Any, ...] = ("Success",) * 6 + ({"Failed": 3}, "Killed", "DependencyFailed")


def fill(
    daemon: PrivateDaemon, tasks: int, *, envs: t.Optional[t.Mapping[str, str]] = None
) -> None:
    """Stop the daemon, give it ``tasks`` tasks (nine in ten finished), and start it again."""
    if daemon.running:
        daemon.stop()
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/", "TOKEN": SECRET, **(envs or {})}
    state = {
        "tasks": {str(number): _task(number, environment) for number in range(tasks)},
        "groups": {
            "default": {"status": "Paused", "parallel_tasks": 1},
            "bars": {"status": "Running", "parallel_tasks": 4},
        },
    }
    path = daemon.config.state_file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(state), encoding="utf-8")
    daemon.start()


def _task(number: int, environment: t.Mapping[str, str]) -> t.Dict[str, t.Any]:
    command = f"python -m job --symbol S{number} --threshold 250 --key {SECRET}"
    ours = {"FLEET_JOBS_TASK": f"key-{number}", "FLEET_JOBS_SUBMISSION": "big"}
    return {
        "id": number,
        "created_at": _moment(number),
        "original_command": command,
        "command": command,
        "path": "/",
        "envs": {**environment, **(ours if number % 4 else {})},
        "group": "default" if number % 10 == 0 else "bars",
        "dependencies": [],
        "priority": 0,
        "label": f"bars/SYMBOL{number:05d}@250",
        "status": _status(number),
    }


def _status(number: int) -> t.Dict[str, t.Any]:
    if number % 10 == 0:
        return {"Stashed": {"enqueue_at": None}}
    times = {"enqueued_at": _moment(number), "start": _moment(number + 5)}
    result = _RESULTS[number % len(_RESULTS)]
    return {"Done": {**times, "end": _moment(number + 60), "result": result}}


def _moment(seconds: int) -> str:
    return (BEGAN + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
