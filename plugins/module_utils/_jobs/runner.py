# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What stands in front of every job: cap, environment, child, class, ledger, exit code."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import time
import typing as t
from pathlib import Path

from .._dataclass import dataclass, replace
from .._errors import FleetError
from .._files import private_directory
from .._host import process
from .._host.cap import CapReport, Strategy, choose
from .._host.cap_polled import UncappedJob
from .._quantity import format_bytes
from . import env_file, environment, record, release
from .classes import (
    EXIT_BROKEN_PIPE,
    EXIT_CAP_MISSING,
    EXIT_INFRA,
    Evidence,
    classify,
    exit_code,
)
from .supervise import Command, Ended, hold_signals, supervise

_COUNTERS = ("max", "oom", "oom_kill", "oom_group_kill")


@dataclass(frozen=True)
class Request:
    """One run, as the task's command asks for it."""

    label: str
    task_key: str
    argv: t.Tuple[str, ...]
    state_dir: Path
    memory: t.Optional[int] = None
    swap: int = 0
    timeout: t.Optional[float] = None
    grace: float = 30.0
    cap: str = "require"
    chdir: t.Optional[str] = None
    env_file: t.Optional[str] = None
    env_file_shared: bool = False
    release_from: t.Optional[str] = None
    restart_safe: bool = False
    own_log: bool = False
    """Write the job's output to ``<state_dir>/logs``, for jobs that no queue keeps a log of."""
    permanent_codes: t.FrozenSet[int] = frozenset()


@dataclass(frozen=True)
class _Prepared:
    """Everything that can be refused before there is an attempt."""

    argv: t.List[str]
    environ: t.Dict[str, str]
    cap: Strategy
    remark: t.Optional[str] = None


def run(request: Request, *, environ: t.Optional[t.Mapping[str, str]] = None) -> int:
    """Run the job and return what this process has to exit with."""
    mask = hold_signals()
    base = dict(os.environ if environ is None else environ)
    started = time.time()
    problem: t.Optional[FleetError] = None
    try:
        prepared = _prepare(request, base)
    except (FleetError, OSError) as error:
        problem = error if isinstance(error, FleetError) else _system_error(request, error)
        prepared = _Prepared(argv=list(request.argv), environ=base, cap=UncappedJob())
    begun = record.begin(request.state_dir, _beginning(request, prepared, started=started))
    if problem is not None:
        code = EXIT_CAP_MISSING if problem.hazard == "INV-7" else EXIT_INFRA
        _refuse(request, begun, problem, code=code)
        return code
    output = _output(request, begun)
    # The launcher switched it off for the start; a job may run for days. What was imported stays
    # to the end, so the first search need not go through all of it.
    gc.freeze()
    gc.enable()
    ended = supervise(
        _command(request, prepared, begun, output=output), cap=prepared.cap, mask=mask
    )
    report = prepared.cap.finish()
    return _conclude(request, prepared, begun, ended=ended, report=report)


def _prepare(request: Request, base: t.Mapping[str, str]) -> _Prepared:
    if request.chdir is not None:
        os.chdir(request.chdir)
    secrets: t.Dict[str, str] = {}
    if request.env_file is not None:
        path = Path(os.path.expanduser(request.env_file))
        secrets = env_file.load(path, allow_shared=request.env_file_shared)
    first = environment.job_path(request.state_dir)
    values = environment.build(base, secrets=secrets, first=first)
    argv, remark = environment.through_mise(
        request.argv,
        directory=Path.cwd(),
        path=values["PATH"],
        above={**secrets, **environment.overrides(base)},
    )
    cap = choose(
        request.cap,
        request.memory,
        swap_bytes=request.swap,
        label=request.label,
        environ=base,
    )
    return _Prepared(argv=argv, environ=values, cap=cap, remark=remark)


def _system_error(request: Request, error: OSError) -> FleetError:
    return FleetError(
        f'"{request.label}" was not started: {error.strerror or error} '
        f'on "{error.filename or request.chdir}". Correct chdir, or create that directory first.',
        hazard="AP-11",
    )


def _beginning(request: Request, prepared: _Prepared, *, started: float) -> record.Beginning:
    pid = os.getpid()
    return record.Beginning(
        label=request.label,
        task_key=request.task_key,
        started=started,
        pid=pid,
        boot_id=process.identity(pid) or process.boot_id(),
        release=_release(request),
        cap_bytes=request.memory,
        enforcement=prepared.cap.enforcement,
        log_path=None if request.own_log else _inherited_log(),
    )


def _release(request: Request) -> t.Optional[str]:
    """The commit of the project, as it is now: an in-place deploy may change it meanwhile."""
    try:
        return release.head_of(Path(request.release_from) if request.release_from else Path.cwd())
    except OSError:
        return None


def _inherited_log() -> t.Optional[str]:
    """The file that our output goes to, which pueued has opened for us."""
    try:
        path = os.readlink("/proc/self/fd/1")
    except OSError:
        return None
    return path if path.startswith("/") and not path.startswith("/dev/") else None


def _output(request: Request, begun: record.Begun) -> t.Optional[int]:
    if not request.own_log:
        return None
    from . import archive

    number = begun.number or None
    path = archive.place(
        request.state_dir, request.label, number=number, ended=begun.beginning.started
    )
    try:
        private_directory(path.parent.parent)
        private_directory(path.parent)
        handle = os.open(str(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    except (FleetError, OSError):
        return None
    record.set_log(request.state_dir, begun, str(path))
    return handle


def _command(
    request: Request, prepared: _Prepared, begun: record.Begun, *, output: t.Optional[int]
) -> Command:
    marks = {
        "FLEET_JOBS_LABEL": request.label,
        "FLEET_JOBS_ATTEMPT": str(begun.number),
        "FLEET_JOBS_RELEASE": begun.beginning.release or "",
    }
    return Command(
        argv=prepared.argv,
        environ={**prepared.environ, **marks},
        timeout=request.timeout,
        grace=request.grace,
        output=output,
    )


def _refuse(request: Request, begun: record.Begun, problem: FleetError, *, code: int) -> None:
    _say(problem.message)
    ending = record.Ending("infra", time.time(), exit_code=code, message=problem.message)
    record.end(request.state_dir, begun, ending)


def _conclude(
    request: Request,
    prepared: _Prepared,
    begun: record.Begun,
    *,
    ended: Ended,
    report: CapReport,
) -> int:
    evidence = _evidence(request, ended, report)
    if ended.signal is not None or ended.stop_signal is not None:
        intended = record.intended_kill(request.state_dir, begun)
        evidence = replace(evidence, intended=intended)
    class_ = classify(evidence)
    code = exit_code(evidence, class_=class_)
    message = _message(request, prepared, ended=ended, report=report, class_=class_)
    ending = record.Ending(
        class_=class_,
        ended=time.time(),
        exit_code=ended.exit_code if ended.spawn_error is None else code,
        signal=ended.signal,
        peak_bytes=report.peak_bytes,
        cpu_seconds=report.cpu_seconds,
        enforcement=report.enforcement,
        message=message,
    )
    record.end(request.state_dir, begun, ending)
    if class_ != "ok":
        _say(f"{request.label} ended as {class_} (exit code {code}). {message or ''}".rstrip())
        _keep_log(request, begun)
    return code


def _keep_log(request: Request, begun: record.Begun) -> None:
    """A restart in place, by whomever, truncates pueue's log at its spawn (AP-3)."""
    log = begun.beginning.log_path
    if log is None or not begun.number:
        return
    from . import archive

    path = archive.place(
        request.state_dir, request.label, number=begun.number, ended=begun.beginning.started
    )
    with contextlib.suppress(FleetError, OSError):
        if archive.keep_copy(Path(log), path):
            record.set_log(request.state_dir, begun, str(path))


def _evidence(request: Request, ended: Ended, report: CapReport) -> Evidence:
    not_started = None
    code = ended.exit_code
    if ended.spawn_error is not None:
        missing = isinstance(ended.spawn_error, (FileNotFoundError, NotADirectoryError))
        denied = isinstance(ended.spawn_error, PermissionError) or ended.spawn_error.errno == 8
        code = 127 if missing else 126 if denied else EXIT_INFRA
        not_started = "permanent" if missing or denied else "infra"
    return Evidence(
        exit_code=code,
        signal=ended.signal,
        timed_out=ended.timed_out,
        oom_kill=int(report.killed_by_cap or report.killed_by_host),
        limit_hit=report.killed_by_cap,
        stop_signal=ended.stop_signal,
        # In a cgroup the job's own counter is the whole truth about memory.
        host_oom_kills=0 if report.enforcement == "cgroup" else report.events.get("host_oom_kill"),
        not_started=not_started,
        permanent_codes=request.permanent_codes,
    )


def _message(
    request: Request, prepared: _Prepared, *, ended: Ended, report: CapReport, class_: str
) -> t.Optional[str]:
    parts: t.List[str] = []
    if class_ in ("oom_cap", "oom_host"):
        parts.append(
            f"It reached {format_bytes(report.peak_bytes)} of {format_bytes(request.memory)}."
        )
        if report.enforcement == "cgroup":
            names = [name for name in _COUNTERS if name in report.events]
            seen = ", ".join(f"{name} {report.events[name]}" for name in names)
            parts.append(f"The kernel's counters (memory.events): {seen}.")
    if ended.timed_out:
        parts.append(f"It was still running after {request.timeout:g} s.")
    if ended.stop_signal is not None:
        parts.append(f"It was told to stop by {signal.Signals(ended.stop_signal).name}.")
    if ended.exit_code == EXIT_BROKEN_PIPE:
        parts.append(
            "141 is what a shell says of a program that wrote to a pipe nobody read any more: "
            "under pipefail, head or grep -q at its end does that (AP-13)."
        )
    if ended.spawn_error is not None:
        # The error itself names the last place on PATH that was tried, as bytes.
        parts.append(f'"{prepared.argv[0]}" could not be executed: {ended.spawn_error.strerror}.')
    if report.leftovers:
        parts.append(f"{report.leftovers} processes that it left behind were killed.")
    remarks = (report.note if request.memory is not None else "", prepared.remark)
    parts += [part for part in remarks if part]
    return " ".join(parts) or None


def _say(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"fleet-jobs: {text}\n")
        sys.stderr.flush()
