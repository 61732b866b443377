# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""``systemd_run_job``: from parameters to one slice of a job, and its result."""

from __future__ import annotations

import os
import time
import typing as t
from pathlib import Path

from .._errors import FleetError
from .._jobs import once, pipes
from .._jobs.front_tool import FrontTool
from .._jobs.spec import JobSpec, parse_job
from .._ledger.attempts import Attempt
from .._quantity import parse_bytes
from .outcome import Outcome, Request

_LONGEST_SLICE = 50.0


def run_job(request: Request) -> Outcome:
    """One slice: start it if that is still to do, look for at most a slice, say how it stands."""
    state_dir = Path(os.path.expanduser(str(request.params["state_dir"])))
    wish = _wish(request, state_dir=state_dir)
    seen = once.look(wish, read_only=request.check_mode)
    if not once.plan(seen, wish):
        return _followed(request, wish, seen)
    tool = FrontTool.find(
        state_dir,
        digest=request.params.get("tool_digest"),
        source=request.params.get("tool_source"),
    )
    if tool.missing and not request.check_mode:
        return Outcome(data={"tool_missing": True})
    before = _state(seen.latest, wish)
    said: t.List[str] = []
    if request.check_mode:
        said += tool.install(check_mode=True)
        number = seen.latest.number if seen.latest is not None else 0
        data = {"label": wish.spec.label, "finished": True, "state": _next(wish)}
        outcome = Outcome(data=data)
        after: t.Dict[str, t.Any] = {"label": wish.spec.label, "attempt": number + 1}
    else:
        token = request.params.get("lease_token")
        started = once.start(
            wish,
            tool=tool.path,
            lease_token=token,
            install=lambda: said.extend(tool.install(check_mode=False)),
        )
        outcome = _followed(request, wish, once.Seen(latest=started, mine=started))
        after = {"label": wish.spec.label, "attempt": started.number}
    outcome.changed = True
    outcome.actions = [*said, f'run "{wish.spec.label}"']
    outcome.before, outcome.after = before, after
    return outcome


def _wish(request: Request, *, state_dir: Path) -> once.Wish:
    params = request.params
    state = params.get("state") or {}
    key = str(state.get("key") or f"once-{os.urandom(8).hex()}")
    label = params.get("label") or state.get("label") or f"once/{key[len('once-') :]}"
    return once.Wish(
        spec=_spec(params, label=str(label)),
        key=key,
        state_dir=state_dir,
        cap=params["cap"],
        swap=parse_bytes(params["swap"], option="swap"),
        env_file_shared=params["env_file_shared"],
        rerun=params["rerun"],
        collect=params["collect"],
    )


def _spec(params: t.Mapping[str, t.Any], *, label: str) -> JobSpec:
    job = {name: params.get(name) for name in ("chdir", "env_file", "memory", "timeout")}
    # What is collected is not started: any command will do.
    spec = parse_job({**job, "label": label, "command": params.get("command") or ["true"]})
    pipes.refuse(spec.argv)
    if spec.chdir and not Path(spec.chdir).is_dir():
        raise FleetError(
            f'chdir: "{spec.chdir}" is no directory on this host. Create it first, or correct the '
            "path.",
            hazard="AP-11",
        )
    return spec


def _followed(request: Request, wish: once.Wish, seen: once.Seen) -> Outcome:
    """Wait as long as this slice may, and turn what is known then into a result."""
    wait = request.params["wait"] and not request.check_mode
    if wait:
        seconds = min(max(0.0, request.params["slice_seconds"]), _LONGEST_SLICE)
        seen = once.follow(wish, seconds=seconds)
    attempt = t.cast(Attempt, seen.mine or seen.latest)
    data = {
        **once.summary(attempt, now=time.time()),
        "finished": attempt.ended is not None or not wait,
        "state": _next(wish),
    }
    outcome = Outcome(data=data, before=_state(attempt, wish), after=_state(attempt, wish))
    if attempt.ended is not None and attempt.class_ != "ok":
        outcome.failed = True
        outcome.msg = (
            f'"{attempt.label}" ended as {attempt.class_} (exit code {data["rc"]}). '
            f"{attempt.message or ''}"
        ).rstrip()
    return outcome


def _next(wish: once.Wish) -> t.Dict[str, str]:
    return {"key": wish.key, "label": wish.spec.label}


def _state(attempt: t.Optional[Attempt], wish: once.Wish) -> t.Dict[str, t.Any]:
    return {"label": wish.spec.label, "attempt": attempt.number if attempt is not None else 0}
