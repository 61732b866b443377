# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""``fleet-jobs status``: the queue at a glance."""

from __future__ import annotations

import json
import sys
import typing as t

from .._jobs import digest, status
from .._pueue.selection import Selection
from . import place
from .table import moment, table

if t.TYPE_CHECKING:
    import argparse


def add_parser(commands: t.Any) -> None:
    """Register the command."""
    parser = commands.add_parser("status", help="the queue at a glance, or a page of its jobs")
    place.add_options(parser)
    add = parser.add_argument
    add("--label", action="append", default=[], metavar="PATTERN", help="list jobs by label")
    add("--group", action="append", default=[], help="list jobs of a group")
    add("--state", action="append", default=[], help="list jobs by state, such as failed")
    add("--page", type=int, default=1, help="which page of them (default 1)")
    add("--page-size", type=int, metavar="N", help=f"jobs on a page, at most {digest.MAX_PAGE}")
    add(
        "--state-file",
        action="store_true",
        help="read pueue's state file, which may lag, instead of asking the daemon",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the digest."""
    selection = Selection(
        labels=tuple(arguments.label),
        groups=tuple(arguments.group),
        states=tuple(arguments.state),
    )
    page = digest.page_of(selection, number=arguments.page, size=arguments.page_size)
    source = "state_file" if arguments.state_file else "status"
    facts = status.survey(place.instance(arguments), source=source, page=page)
    report = digest.digest(facts, page)
    sys.stdout.write((json.dumps(report, indent=2) if arguments.json else text(report)) + "\n")
    return 0


def text(report: t.Mapping[str, t.Any]) -> str:
    """The digest for people."""
    parts = [_head(report), _groups(report), _failures(report), _running(report), _jobs(report)]
    parts += [f"! {hint}" for hint in report["hints"]]
    return "\n\n".join(part for part in parts if part)


def _head(report: t.Mapping[str, t.Any]) -> str:
    counts = report["counts"]
    states = ", ".join(f"{number} {name}" for name, number in sorted(counts["by_state"].items()))
    lines = [f"{counts['tasks']} tasks" + (f": {states}" if states else "")]
    lease = report["lease"]
    if lease:
        frozen = f", frozen: {', '.join(lease['frozen'])}" if lease["frozen"] else ""
        lines.append(
            f"lease: {lease['owner']} ({lease['purpose']}) until {moment(lease['expires'])}{frozen}"
        )
    if report["source"] == "state_file":
        lines.append("from pueue's state file, which may lag behind the daemon")
    return "\n".join(lines)


def _groups(report: t.Mapping[str, t.Any]) -> str:
    words = ("running", "queued", "stashed", "paused", "ok", "failed")
    rows = [
        [group["name"], group["status"], group["parallel"]]
        + [group.get("tasks", {}).get(word, 0) for word in words]
        for group in report["groups"]["shown"]
    ]
    return table(["group", "status", "slots", *words], rows)


def _failures(report: t.Mapping[str, t.Any]) -> str:
    rows = [[one["class"], one["count"], ", ".join(one["labels"])] for one in report["failures"]]
    return table(["failed by class", "jobs", "such as"], rows)


def _running(report: t.Mapping[str, t.Any]) -> str:
    running = report["running"]
    if not running["count"]:
        return ""
    more = running["count"] - len(running["labels"])
    return "running: " + ", ".join(running["labels"]) + (f" and {more} more" if more else "")


def _jobs(report: t.Mapping[str, t.Any]) -> str:
    rows = [
        [
            *(job["label"], job["group"], job["state"], job["result"], job["class"]),
            *(job["exit_code"], job["attempt"], job["release"]),
        ]
        for job in report["jobs"]
    ]
    if not rows:
        return "no such jobs" if report.get("matched") == 0 else ""
    headings = ["label", "group", "state", "result", "class", "exit", "attempt", "release"]
    last = f"page {report['page']} of {report['pages']}, {report['matched']} jobs"
    return f"{table(headings, rows)}\n{last}"
