# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What a deploy leaves for the next node of a workflow: the report without its details, bounded."""

from __future__ import annotations

import json
import typing as t

from ._deploy_report import VERDICTS

NAME = "fleet_jobs_deploy"
VERSION = 1
# AWX stores artifacts with the job and hands them to every later node as extra variables.
MOST_BYTES = 60_000
# Many reasons together must fit into one event, which AWX bounds too.
REASON_BYTES = 20_000
_KEPT = ("deploy_id", "ref", "sha", "plan_id", "exceeded")

Report = t.Mapping[str, t.Any]


def artifact(report: Report, *, check: bool = False) -> t.Dict[str, t.Any]:
    """Ids, counts and names of hosts per verdict; bad hosts first, while there is room.

    What a check leaves is a plan, which a later node may be approved to apply.
    """
    made: t.Dict[str, t.Any] = {"version": VERSION, "check": check}
    made.update({key: report[key] for key in _KEPT})
    made["exceeded"] = [text[:1000] for text in report["exceeded"]]
    made["verdicts"] = {verdict: n for verdict, n in report["verdicts"].items() if n}
    made["hosts"], made["hosts_left_out"] = {}, 0
    room = MOST_BYTES - len(json.dumps(made))
    bad = set(report["bad"])
    hosts: Report = report["hosts"]
    for name in sorted(hosts, key=lambda host: (host not in bad, host)):
        room -= len(json.dumps(name)) + 2
        if room < len(VERDICTS) * 20:
            made["hosts_left_out"] += 1
        else:
            made["hosts"].setdefault(hosts[name]["verdict"], []).append(name)
    return made


def bad(report: Report) -> t.Dict[str, str]:
    """Verdict and reason of each bad host, shorter the more there are."""
    length = max(40, REASON_BYTES // max(1, len(report["bad"])))
    hosts: Report = report["hosts"]
    return {
        name: _cut(f"{hosts[name]['verdict']}: {hosts[name]['reason']}", length)
        for name in report["bad"]
    }


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
