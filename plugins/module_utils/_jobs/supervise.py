# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""One child from fork to the end: signals, pause, time limit, cap, and what it leaves behind.

The job stays in the runner's own process group: pueue stops (SIGSTOP cannot be caught), resumes
and kills that group, and a job outside it would run on. So a signal to the group reaches the job
by itself, and only one that was aimed at the runner alone is passed on.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
import typing as t

from .._dataclass import dataclass, field
from .._host.cap_report import Strategy

PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_WAITED = frozenset((*PASSED_ON, signal.SIGCHLD, signal.SIGCONT))
_PR_SET_PDEATHSIG = 1
_SI_USER = 0
_SI_TKILL = -6
# A signal to the group that came between the last look and the fork reached us alone.
_EARLY_SECONDS = 0.5
# How long one wait may take: a polled cap must look often, the others only measure.
_TICK_SECONDS = {"polled": 0.1, "none": 1.0, "cgroup": 2.0}
_FIRST_TICK_SECONDS = 0.02


@dataclass(frozen=True)
class Command:
    """What to run, and how long it may take (``grace`` lies between TERM and KILL)."""

    argv: t.Sequence[str]
    environ: t.Mapping[str, str]
    timeout: t.Optional[float] = None
    grace: float = 30.0
    output: t.Optional[int] = None


@dataclass
class Ended:
    """How the child ended, as seen by its parent."""

    exit_code: t.Optional[int] = None
    signal: t.Optional[int] = None
    timed_out: bool = False
    stop_signal: t.Optional[int] = None
    spawn_error: t.Optional[OSError] = None
    not_spawned: bool = False
    """A stop came before the job was started."""


@dataclass
class _Watch:
    pid: int
    cap: Strategy
    command: Command
    parent: int
    started: float
    deadline: t.Optional[float]
    ended: Ended = field(default_factory=Ended)
    tick: float = _FIRST_TICK_SECONDS
    last_wake: float = 0.0
    killing: bool = False


def hold_signals() -> t.Set[int]:
    """From here on signals wait until ``supervise`` asks for them; returns the mask before."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED)
    return {int(number) for number in before}


def supervise(command: Command, *, cap: Strategy, mask: t.AbstractSet[int] = frozenset()) -> Ended:
    """Run the command to its end. ``hold_signals`` was called before; ``mask`` is its result."""
    early = [number for number in STOPS if number in signal.sigpending()]
    if early:
        return Ended(stop_signal=int(early[0]), not_spawned=True)
    # Who started us sends signals to the whole group: pueued always does.
    parent = os.getppid()
    pid, error = _spawn(command, cap=cap, mask=mask)
    if error is not None:
        return Ended(spawn_error=error)
    cap.started(pid)
    now = time.monotonic()
    watch = _Watch(
        pid=pid,
        cap=cap,
        command=command,
        parent=parent,
        started=now,
        last_wake=now,
        deadline=None if command.timeout is None else now + command.timeout,
    )
    while not _reaped(watch):
        _wait_once(watch)
    return watch.ended


def _spawn(
    command: Command, *, cap: Strategy, mask: t.AbstractSet[int]
) -> t.Tuple[int, t.Optional[OSError]]:
    """Fork and exec; an exec that fails comes back as its OSError through a pipe."""
    reader, writer = os.pipe()
    library = ctypes.CDLL(None, use_errno=True)
    runner = os.getpid()
    try:
        pid = os.fork()
    except OSError as error:  # no process left for this account or in this cgroup
        os.close(reader)
        os.close(writer)
        return 0, OSError(error.errno, error.strerror, command.argv[0])
    if pid == 0:
        _become(command, cap=cap, mask=mask, prctl=library.prctl, runner=runner, writer=writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        text = stream.read()
    if not text:
        return pid, None
    os.waitpid(pid, 0)
    number, _space, what = text.decode("utf-8", "replace").partition(" ")
    return pid, OSError(int(number), os.strerror(int(number)), what)


def _become(
    command: Command,
    *,
    cap: Strategy,
    mask: t.AbstractSet[int],
    prctl: t.Callable[..., int],
    runner: int,
    writer: int,
) -> t.NoReturn:
    """In the child: everything up to exec. Never returns."""
    what = command.argv[0]
    try:
        # Second net: a runner that is killed alone takes the job with it.
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != runner:
            os._exit(128 + signal.SIGKILL)
        cap.enter()
        _standard_streams(command.output)
        # Python ignores these two; a job that inherits that never dies of a closed pipe (G-13).
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.execvpe(what, list(command.argv), dict(command.environ))
    except OSError as error:
        os.write(writer, f"{error.errno or 0} {error.filename or what}".encode())
    except Exception as error:  # noqa: BLE001 - a forked child must not run its parent's code
        os.write(writer, f"5 {what}: {error}".encode("utf-8", "replace"))
    os._exit(127)


def _standard_streams(output: t.Optional[int]) -> None:
    # pueue's stdin is a pipe that never ends: a program that reads it would hang for ever.
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    if output is not None:
        os.dup2(output, 1)
        os.dup2(output, 2)


def _reaped(watch: _Watch) -> bool:
    """True once the job itself has ended; only then is its pid free for others."""
    try:
        pid, status = os.waitpid(watch.pid, os.WNOHANG)
    except ChildProcessError:
        return True
    if pid == 0:
        return False
    if os.WIFSIGNALED(status):
        watch.ended.signal = os.WTERMSIG(status)
    else:
        watch.ended.exit_code = os.WEXITSTATUS(status)
    return True


def _wait_once(watch: _Watch) -> None:
    longest = _TICK_SECONDS.get(watch.cap.enforcement, 1.0)
    pause = min(watch.tick, longest)
    if watch.deadline is not None:
        pause = min(pause, max(0.0, watch.deadline - time.monotonic()))
    received = signal.sigtimedwait(_WAITED, pause)
    now = time.monotonic()
    if received is None:
        watch.tick = min(watch.tick * 1.5, longest)
    # Everything pending is looked at before the clock: after a pause the time is long over, and
    # SIGCONT, which moves the limit, comes behind other signals.
    while received is not None or signal.sigpending() & _WAITED:
        if received is not None:
            _receive(watch, received, now=now)
        received = signal.sigtimedwait(_WAITED, 0)
    watch.last_wake = now
    watch.cap.poll()
    if watch.deadline is not None and now >= watch.deadline:
        _out_of_time(watch, now=now)


def _receive(watch: _Watch, received: t.Any, *, now: float) -> None:
    if received.si_signo == signal.SIGCONT:
        _resumed(watch, now=now)
    elif received.si_signo != signal.SIGCHLD and not _reaped_before(watch):
        _pass_on(watch, received, now=now)


def _reaped_before(watch: _Watch) -> bool:
    """The job had ended by itself before this signal was looked at."""
    try:
        found = os.waitid(os.P_PID, watch.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return found is not None


def _resumed(watch: _Watch, *, now: float) -> None:
    """Time in pause is not the job's: move the limit by it."""
    if watch.deadline is not None:
        watch.deadline += now - watch.last_wake


def _pass_on(watch: _Watch, received: t.Any, *, now: float) -> None:
    number = int(received.si_signo)
    if number in STOPS and watch.ended.stop_signal is None and not _ignores(watch.pid, number):
        watch.ended.stop_signal = number
    by_process = received.si_code in (_SI_USER, _SI_TKILL)
    to_group = not by_process or received.si_pid in (watch.parent, 1)
    if not to_group or now - watch.started < _EARLY_SECONDS:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(watch.pid, number)


def _ignores(pid: int, number: int) -> bool:
    """nohup and its like: such a signal stops nothing."""
    try:
        with open(f"/proc/{pid}/status", "rb") as lines:
            for line in lines:
                if line.startswith(b"SigIgn:"):
                    return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    except (OSError, ValueError, IndexError):
        pass
    return False


def _out_of_time(watch: _Watch, *, now: float) -> None:
    """TERM first, and after the grace KILL for everything that is left."""
    watch.ended.timed_out = True
    watch.cap.signal(signal.SIGKILL if watch.killing else signal.SIGTERM)
    # A paused job sees TERM only when it goes on.
    watch.cap.signal(signal.SIGCONT)
    watch.deadline = now + (1.0 if watch.killing else watch.command.grace)
    watch.killing = True
