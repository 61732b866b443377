# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""A small job that must be killed. A host where it lives caps nothing, whatever systemd says."""

from __future__ import annotations

import json
import os
import select
import time
import typing as t

from .._dataclass import dataclass
from .._errors import FleetError
from . import process
from .cap import choose
from .cap_scope import missing

CAP_BYTES = 16 << 20
_APPETITE = 64 << 20
_SECONDS = 10.0


@dataclass(frozen=True)
class CanaryResult:
    """Whether this host keeps a cap, which enforcement jobs would get with "prefer", and why."""

    capable: bool
    enforcement: str
    reason: str


def prove(
    *, environ: t.Optional[t.Mapping[str, str]] = None, seconds: float = _SECONDS
) -> CanaryResult:
    """Start a job over its cap in a scope of its own, and see whether the kernel ends it.

    All of it happens in a child process: this one stays in the cgroup where it is.
    """
    values = os.environ if environ is None else environ
    lacking = missing(environ=values)
    if lacking:
        return CanaryResult(False, "polled", lacking)
    answer = _in_child(lambda: _hatch(values), seconds=seconds)
    problem = answer.get("problem")
    if problem is None:
        problem = judge(answer)
    if problem:
        return CanaryResult(False, "polled", str(problem))
    return CanaryResult(
        True,
        "cgroup",
        f"a job that wanted {_APPETITE >> 20} MiB under a cap of {CAP_BYTES >> 20} MiB was killed",
    )


def judge(evidence: t.Mapping[str, t.Any]) -> t.Optional[str]:
    """What is wrong with the canary's end; None if it died as it should."""
    peak = evidence.get("peak_bytes")
    if evidence.get("survived"):
        return (
            "the canary survived its cap: systemd made the scope, and nothing limits it "
            f"(memory.peak {peak}, cap {CAP_BYTES})"
        )
    if not evidence.get("oom_kill"):
        return f"the canary ended without a kill by the kernel: {dict(evidence)}"
    return None


def _hatch(environ: t.Mapping[str, str]) -> t.Dict[str, t.Any]:
    """In the child: enter the scope, start the hungry job, report how it ended."""
    try:
        cap = choose("require", CAP_BYTES, label="canary", environ=environ)
    except FleetError as error:
        return {"problem": str(error.details.get("missing", error.message))}
    pid = os.fork()
    if pid == 0:
        try:
            cap.enter()
            held = b"x" * _APPETITE
            os._exit(0 if held else 1)
        finally:
            os._exit(2)
    cap.started(pid)
    _pid, status = os.waitpid(pid, 0)
    report = cap.finish()
    return {
        "survived": os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0,
        "oom_kill": report.oom_kill,
        "peak_bytes": report.peak_bytes,
    }


def _in_child(
    function: t.Callable[[], t.Dict[str, t.Any]], *, seconds: float
) -> t.Dict[str, t.Any]:
    """Run it in a fork that lives no longer than ``seconds``; what it returned, over a pipe."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            os.setsid()
            os.write(writer, json.dumps(function()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    try:
        text = _read(reader, limit=time.monotonic() + seconds)
    finally:
        os.close(reader)
        process.kill_all(lambda: [pid, *process.descendants(pid)])
        os.waitpid(pid, 0)
    if text is None:
        return {"problem": f"the canary gave no answer within {seconds:g} s"}
    try:
        return t.cast("t.Dict[str, t.Any]", json.loads(text))
    except ValueError:
        return {"problem": "the canary's scope ended before it could answer"}


def _read(reader: int, *, limit: float) -> t.Optional[bytes]:
    """Everything up to the end of file; None when the time is up."""
    data = b""
    while True:
        left = limit - time.monotonic()
        if left <= 0 or not select.select([reader], [], [], left)[0]:
            return None
        part = os.read(reader, 65536)
        if not part:
            return data
        data += part
