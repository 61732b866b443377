# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""``fleet-jobs tidy``: what the clean-up timer calls."""

from __future__ import annotations

import json
import sys
import time
import typing as t

from .._errors import FleetError
from .._jobs import tidy
from .._quantity import parse_seconds
from . import place

if t.TYPE_CHECKING:
    import argparse


def add_parser(commands: t.Any) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "tidy", help="forget finished jobs that nobody needs, delete old logs and unused files"
    )
    place.add_options(parser)
    add = parser.add_argument
    add("--keep-days", type=float, default=14.0, metavar="N", help="age of logs (default 14)")
    add("--older-than", default="1d", metavar="AGE", help="age of finished jobs (default 1d)")
    add("--keep-logs", type=int, default=3, metavar="N", help="logs of a label (default 3)")
    add("--dry-run", action="store_true", help="only say what would be done")


def run(arguments: argparse.Namespace) -> int:
    """Tidy, and say what was done; 1 where the queue did not answer."""
    if arguments.keep_days < 0 or arguments.keep_logs < 1:
        raise FleetError("--keep-days and --keep-logs: give 0 days or more and 1 log or more.")
    wish = tidy.Wish(
        tasks=parse_seconds(arguments.older_than, option="--older-than"),
        files=arguments.keep_days * tidy.DAY,
        keep_logs=arguments.keep_logs,
    )
    instance = place.instance(arguments)
    report = tidy.tidy(instance, wish, now=time.time(), dry_run=arguments.dry_run)
    said = tidy.sentences(report, wish)
    if arguments.json:
        sys.stdout.write(json.dumps(_data(report, said, arguments.dry_run), indent=2) + "\n")
    else:
        head = ["A dry run, nothing was changed:"] if arguments.dry_run else []
        sys.stdout.write("\n".join([*head, *(said or ["Nothing to tidy."])]) + "\n")
    if report.postponed:
        sys.stderr.write(f"fleet-jobs: the queue was left alone: {report.postponed}\n")
    if report.problem:
        sys.stderr.write(f"fleet-jobs: the queue was not tidied: {report.problem}\n")
    return 1 if report.problem else 0


def _data(report: tidy.Report, said: t.Sequence[str], dry_run: bool) -> t.Dict[str, t.Any]:
    return {
        "dry_run": dry_run,
        "actions": list(said),
        "removed": report.removed,
        "logs": [str(path) for path in report.logs],
        "copies": [str(path) for path in report.copies],
        "code": [str(path) for path in report.code],
        "postponed": report.postponed,
        "problem": report.problem,
    }
