# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the filters instead.
"""From what each host returned to one verdict a host, the gate, and the report of a deploy."""

from __future__ import annotations

import hashlib
import json
import typing as t

from ._first_line import first_line

VERDICTS = (
    "noop",
    "applied",
    "deferred",
    "mixed",
    "rolled_back",
    "failed",
    "unreachable",
    "locked",
)
BAD_VERDICTS = frozenset({"rolled_back", "failed", "unreachable", "locked"})
STEPS = ("__deploy_audit", "__deploy_apply", "__deploy_watch")
GATE = "__deploy_gate"
LISTED = 20
# Far above what a busy controller or a slow answer adds.
CLOCK_SECONDS = 60.0

Result = t.Mapping[str, t.Any]


def collect(
    hostvars: t.Mapping[str, t.Mapping[str, t.Any]], hosts: t.Iterable[str]
) -> t.Dict[str, t.Dict[str, t.Optional[Result]]]:
    """What the role registered on every host, out of Ansible's ``hostvars``."""
    # A look at one host's variables gathers all of them.
    found = {host: hostvars[host] for host in hosts}
    return {host: {step: one.get(step) for step in (*STEPS, GATE)} for host, one in found.items()}


def host_report(steps: t.Mapping[str, t.Optional[Result]]) -> t.Dict[str, t.Any]:
    """The line of one host: verdict, reason, restarted, skipped, running, seconds."""
    results = [_answer(steps.get(name)) for name in STEPS]
    audit, apply, _watch = ({} if result is None else result for result in results)
    verdict, reason = _verdict(*results)
    stopped = (steps.get(GATE) or {}).get("reason")
    if audit.get("proceed") and results[1] is None and stopped:
        reason = first_line(stopped)
    plan = audit.get("plan") or {}
    offset = audit.get("clock_offset")
    return {
        "verdict": verdict,
        "reason": f"{reason} {_clock(offset)}".strip(),
        "clock_offset": offset,
        "before": apply.get("before_sha") or plan.get("before_sha"),
        "sha": apply.get("after_sha") or plan.get("before_sha"),
        "restarted": list(apply.get("restarted") or []),
        "skipped": list(apply.get("skipped_jobs") or []),
        "running": list(plan.get("running") or []),
        "failed": dict(plan.get("failed") or {}),
        "phases": dict(apply.get("phases") or {}),
        "seconds": round(sum(float((result or {}).get("seconds") or 0) for result in results), 1),
    }


def _answer(result: t.Optional[Result]) -> t.Optional[Result]:
    """What a step returned; a step that was skipped by the role returned nothing."""
    return None if result is None or result.get("skipped") else result


def _verdict(
    audit: t.Optional[Result], apply: t.Optional[Result], watch: t.Optional[Result]
) -> t.Tuple[str, str]:
    if audit is None:
        return "failed", "The host was not asked; an earlier step of the play ended first."
    for result, step in ((audit, "audit"), (apply, "apply"), (watch, "watch")):
        if result and result.get("unreachable"):
            return "unreachable", f"Lost at {step}: {first_line(result.get('msg'))}"
        if result and result.get("failed"):
            said = result.get("verdict")
            verdict = str(said) if said in BAD_VERDICTS else "failed"
            return verdict, first_line(result.get("msg"))
    if apply is None:
        return str(audit.get("verdict") or "failed"), str(
            audit.get("reason") or "The host was audited; the deploy ended before it was changed."
        )
    if watch is not None and watch.get("verdict") == "bad":
        return "failed", f"Deployed, but then: {first_line(watch.get('reason'))}"
    return str(apply.get("verdict") or "failed"), _reason(apply, watch)


def _reason(apply: Result, watch: t.Optional[Result]) -> str:
    reason = str(apply.get("reason") or "")
    if watch and watch.get("verdict") == "inconclusive":
        return f"{reason} Watching was inconclusive: {first_line(watch.get('reason'))}".strip()
    return reason


def _clock(offset: t.Optional[float]) -> str:
    """A sentence about a clock that is wrong; the host was judged by its own."""
    if offset is None or abs(offset) < CLOCK_SECONDS:
        return ""
    seconds = round(abs(offset))
    days, rest = divmod(seconds, 86400)
    text = f"{rest // 3600}:{rest % 3600 // 60:02d}:{rest % 60:02d} h"
    text = f"{days} days {text}" if days else text
    return f"Its clock is {text} {'ahead of' if offset > 0 else 'behind'} the controller's."


def gate(
    hosts: t.Mapping[str, t.Mapping[str, t.Optional[Result]]],
    *,
    max_failed: str,
    max_unreachable: str,
    plan_id: str = "",
) -> t.Dict[str, t.Any]:
    """May the fleet be changed? Counts hosts that went wrong against both bounds.

    Hosts of earlier waves (``deploy_serial``) count with everything that happened to them, hosts
    of later ones not yet. ``plan_id`` is the fleet's plan as somebody approved it; another one is
    refused.
    """
    lost = sorted(host for host, steps in hosts.items() if _any(steps, _is_lost))
    bad = sorted(h for h, steps in hosts.items() if _went_wrong(steps) and h not in lost)
    problems = _exceeded(bad, lost, max_failed, max_unreachable, len(hosts))
    audits = {host: steps.get(STEPS[0]) for host, steps in hosts.items()}
    found = fleet_plan_id(audits)
    if plan_id and plan_id != found:
        problems.append(
            f"deploy_plan_id is {plan_id}, but the plan is now {found}; look at it with --check "
            "and approve that one"
        )
    reason = "; ".join(problems)
    return {
        "ok": not problems,
        "plan_id": found,
        "reason": f"Nothing was changed here: {reason}." if problems else "",
        "failed": bad,
        "unreachable": lost,
    }


def _any(steps: t.Mapping[str, t.Optional[Result]], condition: t.Callable[[Result], bool]) -> bool:
    return any(result is not None and condition(result) for result in steps.values())


def _went_wrong(steps: t.Mapping[str, t.Optional[Result]]) -> bool:
    """Not where the gate of an earlier wave stopped it: that says nothing about this host."""
    if (steps.get(GATE) or {}).get("ok") is False:
        steps = {name: result for name, result in steps.items() if name != STEPS[1]}
    return _any(steps, _is_bad)


def _is_lost(result: Result) -> bool:
    return bool(result.get("unreachable"))


def _is_bad(result: Result) -> bool:
    return bool(result.get("failed")) or result.get("verdict") == "bad"


def _stopped(hosts: t.Iterable[t.Mapping[str, t.Optional[Result]]]) -> t.List[str]:
    """Why a gate let nobody on: bounds may hold where a plan is not the one that was approved."""
    gates = [steps.get(GATE) or {} for steps in hosts]
    return sorted({first_line(one.get("reason")) for one in gates if one.get("ok") is False})


def _exceeded(
    bad: t.Sequence[str], lost: t.Sequence[str], max_failed: str, max_unreachable: str, total: int
) -> t.List[str]:
    """Which bounds are exceeded."""
    return [
        *_too_many(bad, "failed", "deploy_max_failed", max_failed, total),
        *_too_many(lost, "cannot be reached", "deploy_max_unreachable", max_unreachable, total),
    ]


def _too_many(
    hosts: t.Sequence[str], what: str, option: str, bound: str, total: int
) -> t.List[str]:
    allowed = _bound(bound, total=total, option=option)
    if len(hosts) <= allowed:
        return []
    names = ", ".join(hosts[:LISTED])
    return [f"{len(hosts)} of {total} hosts {what} ({names}) and {option} allows {allowed}"]


def fleet_plan_id(audits: t.Mapping[str, t.Optional[Result]]) -> str:
    """One id for the plans of all hosts: what an approval of the whole deploy refers to."""
    plans = {h: ((audit or {}).get("plan") or {}).get("plan_id") for h, audit in audits.items()}
    text = json.dumps(plans, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _bound(value: t.Any, *, total: int, option: str) -> int:
    text = str(value).strip()
    try:
        if text.endswith("%"):
            return int(total * float(text[:-1]) / 100)
        return int(text)
    except ValueError:
        raise ValueError(
            f'{option}: "{value}" is neither a number of hosts nor a percentage.'
        ) from None


def lines(report: t.Mapping[str, t.Any]) -> t.List[str]:
    """The report for people: one line a host, then the counts."""
    hosts: t.Mapping[str, t.Mapping[str, t.Any]] = report["hosts"]
    width = max((len(name) for name in hosts), default=0)
    result = []
    for name, host in sorted(hosts.items()):
        move = f"{_short(host['before'])} -> {_short(host['sha'])}"
        text = f"{name:<{width}}  {host['verdict']:<11} {move}"
        text += f"  restarted {len(host['restarted'])}, skipped {len(host['skipped'])},"
        text += f" running {len(host['running'])}, {host['seconds']:.0f} s"
        result.append(f"{text}  {host['reason']}".rstrip())
    counts = ", ".join(f"{verdict} {n}" for verdict, n in report["verdicts"].items() if n)
    what = f"deploy {report['deploy_id']} of {_short(report['sha'])}, plan {report['plan_id']}"
    result.append(f"{what}: {counts or 'no host'}")
    if report["bad"] and not report["exceeded"]:
        result.append(
            f"{len(report['bad'])} bad, within deploy_max_failed and deploy_max_unreachable"
        )
    return result


def _short(sha: t.Any) -> str:
    return str(sha)[:10] if sha else "-"


def build(
    hosts: t.Mapping[str, t.Mapping[str, t.Optional[Result]]],
    *,
    deploy_id: str,
    ref: str,
    sha: str,
    max_failed: str = "0",
    max_unreachable: str = "0",
    deferred_is: str = "ok",
) -> t.Dict[str, t.Any]:
    """The document of ``deploy_report_file``; ``exceeded`` decides about the exit code."""
    reports = {name: host_report(steps) for name, steps in hosts.items()}
    verdicts_of_failure = BAD_VERDICTS | ({"deferred"} if deferred_is == "failed" else set())
    bad = sorted(n for n, host in reports.items() if host["verdict"] in verdicts_of_failure)
    lost = [name for name in bad if reports[name]["verdict"] == "unreachable"]
    failed = [name for name in bad if name not in lost]
    return {
        "version": 1,
        "deploy_id": deploy_id,
        "ref": ref,
        "sha": sha,
        "plan_id": fleet_plan_id({n: steps.get("__deploy_audit") for n, steps in hosts.items()}),
        "verdicts": {
            verdict: sum(host["verdict"] == verdict for host in reports.values())
            for verdict in VERDICTS
        },
        "bad": bad,
        "exceeded": _exceeded(failed, lost, max_failed, max_unreachable, len(reports))
        or _stopped(hosts.values()),
        "hosts": reports,
    }
