# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the filters instead.
"""The fleet at a glance: one line a host, one table of failures by class."""

from __future__ import annotations

import typing as t

from ._first_line import first_line

Result = t.Mapping[str, t.Any]
SHOWN = 3
MOST_BYTES = 56_000
LONGEST = 280


def build(statuses: t.Mapping[str, t.Optional[Result]]) -> t.Dict[str, t.Any]:
    """The document of ``status_report_file`` from each host's ``pueue_status``."""
    hosts = {name: _host(status) for name, status in statuses.items()}
    reached = [host for host in hosts.values() if host["state"] == "ok"]
    return {
        "version": 1,
        "hosts": hosts,
        "failures": _failures(hosts),
        "totals": {
            "hosts": len(hosts),
            "answered": len(reached),
            **{
                word: sum(host[word] for host in reached)
                for word in ("running", "queued", "failed", "ok", "duplicates", "strangers")
            },
        },
    }


def _host(status: t.Optional[Result]) -> t.Dict[str, t.Any]:
    if status is None:
        return {"state": "not asked", "message": "An earlier step of the play ended first."}
    if status.get("unreachable"):
        return {"state": "unreachable", "message": first_line(status.get("msg"))}
    if status.get("failed"):
        return {
            "state": "failed",
            "message": first_line(status.get("msg")),
            "hazard": status.get("hazard"),
        }
    return _answered(status)


def _answered(status: Result) -> t.Dict[str, t.Any]:
    counts = status["counts"]
    by_state, by_result = counts["by_state"], counts["by_result"]
    ok = by_result.get("success", 0)
    return {
        "state": "ok",
        "running": by_state.get("running", 0) + by_state.get("paused", 0),
        "queued": by_state.get("queued", 0) + by_state.get("stashed", 0),
        "ok": ok,
        "failed": by_state.get("done", 0) - ok,
        "by_class": dict(counts["by_class"]),
        "failures": [dict(failure) for failure in status["failures"]],
        "paused_groups": [
            group["name"] for group in status["groups"]["shown"] if group["status"] == "paused"
        ],
        "duplicates": status["duplicates"]["count"],
        "duplicate_labels": list(status["duplicates"]["labels"]),
        "strangers": status["strangers"],
        "lease": status["lease"],
        "state_file": dict(status["state_file"]),
        "hints": list(status["hints"]),
        "message": "",
    }


def _failures(hosts: t.Mapping[str, t.Mapping[str, t.Any]]) -> t.List[t.Dict[str, t.Any]]:
    rows: t.Dict[str, t.Dict[str, t.Any]] = {}
    for name, host in sorted(hosts.items()):
        for failure in host.get("failures", ()):
            row = rows.setdefault(
                failure["class"],
                {"class": failure["class"], "count": 0, "hosts": [], "labels": []},
            )
            row["count"] += failure["count"]
            row["hosts"].append(name)
            row["labels"] = [*row["labels"], *failure["labels"]][:SHOWN]
    return sorted(rows.values(), key=lambda row: (-row["count"], row["class"]))


def lines(report: t.Mapping[str, t.Any]) -> t.List[str]:
    """The report for people."""
    hosts: t.Mapping[str, t.Mapping[str, t.Any]] = report["hosts"]
    width = max((len(name) for name in hosts), default=0)
    said = [f"{name:<{width}}  {_line(host)}" for name, host in sorted(hosts.items())]
    totals = report["totals"]
    said.append(
        f"{totals['answered']} of {totals['hosts']} hosts answered: {totals['running']} running, "
        f"{totals['queued']} queued, {totals['failed']} failed, {totals['ok']} ok"
    )
    if report["failures"]:
        said += ["", f"{'class':<11} {'jobs':>5} {'hosts':>5}  for example"]
    for row in report["failures"]:
        examples = ", ".join(row["labels"])
        said.append(f"{row['class']:<11} {row['count']:>5} {len(row['hosts']):>5}  {examples}")
    said += [f"{name}: {hint}" for name, host in sorted(hosts.items()) for hint in _hints(host)]
    return _bounded(said)


def _bounded(said: t.List[str]) -> t.List[str]:
    """Together they have to fit into one event, which AWX bounds."""
    room, kept = MOST_BYTES, []
    for text in (line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…" for line in said):
        room -= len(text.encode()) + 4
        if room < 0:
            left = len(said) - len(kept)
            return [*kept, f"{left} lines more; status_report_file gets all that there is to say"]
        kept.append(text)
    return kept


def _line(host: t.Mapping[str, t.Any]) -> str:
    if host["state"] != "ok":
        return f"{host['state']}: {host['message']}"
    parts = [
        f"running {host['running']:>4}  queued {host['queued']:>5}  failed {host['failed']:>4}"
        f"  ok {host['ok']:>5}"
    ]
    if host["paused_groups"]:
        parts.append(f"paused: {', '.join(host['paused_groups'][:5])}")
    if host["duplicates"]:
        parts.append(f"duplicates: {', '.join(host['duplicate_labels'][:SHOWN])}")
    if host["strangers"]:
        parts.append(f"{host['strangers']} tasks not ours")
    if host["lease"]:
        parts.append(f"lease: {host['lease']['owner']} ({host['lease']['purpose']})")
    return "  ".join(parts)


def _hints(host: t.Mapping[str, t.Any]) -> t.Sequence[str]:
    return t.cast(t.Sequence[str], host.get("hints", ()))
