# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""``fleet-jobs logs LABEL``: the output of one attempt, and never that of another (AP-3)."""

from __future__ import annotations

import json
import os
import shutil
import sys
import typing as t
from pathlib import Path

from .._errors import FleetError
from .._jobs.instance import Instance
from .._ledger.attempts import Attempt
from . import place, sight
from .table import moment

if t.TYPE_CHECKING:
    import argparse

_BLOCK = 64 * 1024


def add_parser(commands: t.Any) -> None:
    """Register the command."""
    parser = commands.add_parser("logs", help="what an attempt of a job wrote")
    place.add_options(parser)
    parser.add_argument("label", metavar="LABEL", help="the job's label, such as bars/BTCUSDT@250")
    parser.add_argument("--attempt", type=int, metavar="N", help="which one (default: the newest)")
    parser.add_argument("--lines", type=int, metavar="N", help="only the last N lines")


def run(arguments: argparse.Namespace) -> int:
    """Print the log; which attempt it belongs to goes to standard error."""
    if arguments.lines is not None and arguments.lines < 0:
        raise FleetError(f"--lines {arguments.lines} is less than nothing; give 0 or more.")
    instance = place.instance(arguments)
    seen = sight.look(instance, arguments.label)
    attempt = choose(seen, arguments.attempt)
    path = find(instance, seen, attempt)
    with path.open("rb") as stream:
        stream.seek(0 if arguments.lines is None else tail_offset(stream, arguments.lines))
        if arguments.json:
            report = _report(seen, attempt, path, stream.read())
            sys.stdout.write(json.dumps(report, indent=2) + "\n")
            return 0
        sys.stderr.write(heading(seen, attempt, path) + "\n")
        sys.stderr.flush()
        sys.stdout.flush()
        shutil.copyfileobj(stream, sys.stdout.buffer)
        sys.stdout.flush()
    return 0


def choose(seen: sight.Sight, number: t.Optional[int]) -> t.Optional[Attempt]:
    """The attempt of that number; the newest; None for a task that the ledger knows nothing of."""
    if number is None:
        return seen.attempts[-1] if seen.attempts else None
    for attempt in seen.attempts:
        if attempt.number == number:
            return attempt
    known = ", ".join(str(attempt.number) for attempt in seen.attempts) or "none"
    raise FleetError(f'There is no attempt {number} of "{seen.label}"; recorded are: {known}.')


def find(instance: Instance, seen: sight.Sight, attempt: t.Optional[Attempt]) -> Path:
    """The file, or a sentence that says which attempts have one."""
    if attempt is None:
        task = seen.task
        path = instance.config.log_path(task.id) if task else None
        if path is None or not path.is_file() or task is None or task.started is None:
            raise FleetError(f'"{seen.label}" has not run yet, so there is no log of it.')
        return path
    found = sight.log_of(instance, seen, attempt)
    if found is not None:
        return found
    kept = [one.number for one in seen.attempts if sight.log_of(instance, seen, one)]
    others = ", ".join(map(str, kept)) or "none"
    raise FleetError(
        f'The log of attempt {attempt.number} of "{seen.label}" is not kept any more; logs there '
        f"are of attempts: {others}. Choose one with --attempt."
    )


def heading(seen: sight.Sight, attempt: t.Optional[Attempt], path: Path) -> str:
    """One line that says what follows."""
    if attempt is None:
        return f"==> {seen.label}, a run that the ledger does not know: {path}"
    ended = f", ended {moment(attempt.ended)}" if attempt.ended else ""
    return (
        f"==> {seen.label}, attempt {attempt.number} of {seen.attempts[-1].number}: "
        f"{sight.class_of(attempt)}, started {moment(attempt.started)}{ended}: {path}"
    )


def tail_offset(stream: t.BinaryIO, lines: int) -> int:
    """Where the last ``lines`` lines begin; reads from the end, for logs of any size."""
    end = stream.seek(0, os.SEEK_END)
    if lines == 0:
        return end
    position, found = end, 0
    while position > 0:
        size = min(_BLOCK, position)
        position -= size
        stream.seek(position)
        block = stream.read(size)
        cut = len(block)
        while True:
            cut = block.rfind(b"\n", 0, cut)
            if cut < 0:
                break
            # The newline at the very end ends the last line and begins none.
            if position + cut + 1 == end:
                continue
            found += 1
            if found == lines:
                return position + cut + 1
    return 0


def _report(
    seen: sight.Sight, attempt: t.Optional[Attempt], path: Path, content: bytes
) -> t.Dict[str, t.Any]:
    return {
        "label": seen.label,
        "attempt": attempt.number if attempt else None,
        "class": sight.class_of(attempt) if attempt else None,
        "path": str(path),
        "text": content.decode("utf-8", "replace"),
    }
