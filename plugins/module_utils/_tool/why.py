# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""``fleet-jobs why LABEL``: every attempt, why it ended, and what to do next."""

from __future__ import annotations

import json
import sys
import typing as t

from .._jobs.instance import Instance
from .._ledger.attempts import Attempt
from .._quantity import format_bytes
from . import place, sight
from .meaning import RUNNING, meaning
from .table import NOTHING, duration, moment, table

if t.TYPE_CHECKING:
    import argparse

_HEADINGS = (
    *("attempt", "class", "exit", "peak", "cap", "enforced", "cpu", "ran", "release", "started"),
)


def add_parser(commands: t.Any) -> None:
    """Register the command."""
    parser = commands.add_parser("why", help="why the attempts of a job ended, and what to do next")
    place.add_options(parser)
    parser.add_argument("label", metavar="LABEL", help="the job's label, such as bars/BTCUSDT@250")


def run(arguments: argparse.Namespace) -> int:
    """Print it."""
    instance = place.instance(arguments)
    seen = sight.look(instance, arguments.label)
    answer = report(instance, seen)
    sys.stdout.write((json.dumps(answer, indent=2) if arguments.json else text(answer)) + "\n")
    return 0


def report(instance: Instance, seen: sight.Sight) -> t.Dict[str, t.Any]:
    """Everything that is known about the label, as plain data."""
    task = seen.task
    latest = verdict(seen)
    means, advice = meaning(latest) if latest else ("It has not run yet.", "Wait for its turn.")
    return {
        "label": seen.label,
        "class": latest,
        "means": means,
        "next": advice,
        "task": None
        if task is None
        else {
            "state": task.status.lower(),
            "result": task.result.lower() if task.result else None,
            "group": task.group,
            "exit_code": task.exit_code,
            "spawn_error": task.spawn_error,
        },
        "note": seen.note,
        "attempts": [_attempt(instance, seen, attempt) for attempt in seen.attempts],
    }


def verdict(seen: sight.Sight) -> t.Optional[str]:
    """The class of the run that counts now: the task's where it stands for another run."""
    newest = seen.attempts[-1] if seen.attempts else None
    task = seen.task
    if task is not None and not (newest and seen.is_of_task(newest)):
        if task.done:
            return "ok" if task.ok else seen.task_class
        if task.status in ("Running", "Paused"):
            return RUNNING
    if newest is None:
        return None
    found = sight.class_of(newest)
    return seen.task_class if found == "unknown" and seen.task_class else found


def text(answer: t.Mapping[str, t.Any]) -> str:
    """The report for people."""
    head = answer["label"]
    if answer["task"]:
        task = answer["task"]
        state = task["result"] if task["state"] == "done" else task["state"]
        head += f': {state} in group "{task["group"]}"'
    rows = [_row(attempt) for attempt in answer["attempts"]]
    parts = [head, table(_HEADINGS, rows)]
    said = [f"{answer['class']}: {answer['means']}" if answer["class"] else answer["means"]]
    said.append(f"next: {answer['next']}")
    if answer["attempts"]:
        newest = answer["attempts"][-1]
        number = newest["attempt"]
        if newest["message"]:
            said.append(f"message of attempt {number}: {newest['message']}")
        said.append(f"log of attempt {number}: {newest['log'] or 'not kept'}")
    if answer["task"] and answer["task"]["spawn_error"]:
        said.append(f"pueue: {answer['task']['spawn_error']}")
    if answer["note"]:
        said.append(f"The queue was not asked: {answer['note']}")
    parts.append("\n".join(said))
    return "\n\n".join(part for part in parts if part)


def _attempt(instance: Instance, seen: sight.Sight, attempt: Attempt) -> t.Dict[str, t.Any]:
    log = sight.log_of(instance, seen, attempt)
    return {
        "attempt": attempt.number,
        "class": sight.class_of(attempt),
        "means": meaning(sight.class_of(attempt))[0],
        "exit_code": attempt.exit_code,
        "signal": attempt.signal,
        "peak_bytes": attempt.peak_bytes,
        "cap_bytes": attempt.cap_bytes,
        "enforcement": attempt.enforcement,
        "cpu_seconds": attempt.cpu_seconds,
        "seconds": attempt.seconds,
        "started": attempt.started,
        "ended": attempt.ended,
        "release": attempt.release,
        "message": attempt.message,
        "log": str(log) if log else None,
    }


def _row(attempt: t.Mapping[str, t.Any]) -> t.List[t.Any]:
    ended = f"signal {attempt['signal']}" if attempt["signal"] else attempt["exit_code"]
    return [
        *(attempt["attempt"], attempt["class"], NOTHING if ended is None else str(ended)),
        *(format_bytes(attempt["peak_bytes"]), format_bytes(attempt["cap_bytes"])),
        *(attempt["enforcement"], duration(attempt["cpu_seconds"]), duration(attempt["seconds"])),
        *((attempt["release"] or NOTHING)[:12], moment(attempt["started"])),
    ]
