# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Why an attempt ended: one class from all the evidence, and the exit code that goes with it.

Exit codes cannot tell an OOM kill (137, 9, 1, 0 and 143 were all seen for the same one), so
memory is decided by counters alone.
"""

from __future__ import annotations

import signal
import typing as t

from .._dataclass import dataclass

CLASSES = (
    "ok",
    "app",
    "permanent",
    "timeout",
    "oom_cap",
    "oom_host",
    "evicted",
    "yielded",
    "killed",
    "infra",
    "dependency",
    "unknown",
)
INTENDED = frozenset({"evicted", "yielded", "killed"})

EXIT_CAP_MISSING = 120
EXIT_INFRA = 121
EXIT_TIMEOUT = 124
EXIT_NOT_EXECUTABLE = 126
EXIT_NOT_FOUND = 127
EXIT_CAP_KILL = 137
EXIT_BROKEN_PIPE = 141

_STOPS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT})
# The program's own fault, whoever delivered it.
_CRASHES = frozenset(
    {
        signal.SIGSEGV,
        signal.SIGABRT,
        signal.SIGBUS,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGTRAP,
        signal.SIGSYS,
        signal.SIGPIPE,
        signal.SIGXCPU,
        signal.SIGXFSZ,
        signal.SIGALRM,
    }
)


@dataclass(frozen=True)
class Evidence:
    """Everything that is known about an ended attempt."""

    exit_code: t.Optional[int] = None
    signal: t.Optional[int] = None
    timed_out: bool = False
    oom_kill: int = 0
    limit_hit: bool = False
    stop_signal: t.Optional[int] = None
    """A TERM, INT, HUP or QUIT that reached the runner and that the job did not ignore."""
    intended: t.Optional[str] = None
    """The reason in the ledger's intentional kills, if the kill was one of ours."""
    host_oom_kills: t.Optional[int] = None
    """How far the host's own counter rose meanwhile; None where there is none."""
    not_started: t.Optional[str] = None
    """The class, where the job never ran."""
    permanent_codes: t.FrozenSet[int] = frozenset()


def classify(evidence: Evidence) -> str:
    """The class, by the strongest evidence first."""
    if evidence.not_started:
        return evidence.not_started
    if evidence.oom_kill > 0:
        return "oom_cap" if evidence.limit_hit else "oom_host"
    if evidence.timed_out:
        return "timeout"
    if evidence.intended is not None and not _ended_well(evidence):
        return _intended(evidence.intended)
    if evidence.stop_signal is not None:
        return _intended(evidence.intended or "killed")
    return _by_status(evidence)


def exit_code(evidence: Evidence, *, class_: str) -> int:
    """What the runner exits with: the job's own code, or the documented one where it has none.

    A 0 is passed on only from an ``ok`` job: dependants must not build on a killed one.
    """
    if class_ == "timeout":
        return EXIT_TIMEOUT
    if evidence.exit_code:
        return evidence.exit_code
    if evidence.signal is not None:
        return 128 + evidence.signal
    if class_ in ("oom_cap", "oom_host"):
        return EXIT_CAP_KILL
    if class_ != "ok":
        return EXIT_INFRA if evidence.stop_signal is None else 128 + evidence.stop_signal
    return 0


def without_attempt(
    result: t.Optional[str],
    *,
    exit_code: t.Optional[int] = None,
    intended: t.Optional[str] = None,
    daemon_restarted: t.Optional[bool] = None,
    ours: bool = False,
) -> str:
    """The class of a finished pueue task of which the ledger has no finished attempt.

    ``ours`` says that the task's command runs the host tool, whose reserved exit codes then count.
    ``daemon_restarted`` says whether the task ended with its daemon (None: not known).
    """
    if result == "Killed":
        if intended is not None:
            return _intended(intended)
        return {True: "infra", False: "killed", None: "unknown"}[daemon_restarted]
    if result == "Failed":
        return _by_code(exit_code, ours=ours, intended=intended)
    return {
        "Success": "ok",
        "DependencyFailed": "dependency",
        "FailedToSpawn": "infra",
        "Errored": "infra",
    }.get(result or "", "unknown")


def _ended_well(evidence: Evidence) -> bool:
    """A kill that came too late: the job had already said 0, and no signal reached it."""
    return evidence.exit_code == 0 and evidence.stop_signal is None


def _intended(reason: str) -> str:
    return reason if reason in INTENDED else "killed"


def _by_status(evidence: Evidence) -> str:
    code = evidence.exit_code
    if evidence.signal is None and code in evidence.permanent_codes:
        return "ok" if code == 0 else "permanent"
    number = evidence.signal if evidence.signal is not None else _shell_signal(code)
    if number is not None:
        return _by_signal(number, host_oom_kills=evidence.host_oom_kills)
    return _by_code(code, ours=False, intended=None)


def _by_signal(number: int, *, host_oom_kills: t.Optional[int]) -> str:
    if number in _CRASHES:
        return "app"
    if number in _STOPS:
        return "killed"
    if number == signal.SIGKILL:
        if host_oom_kills is None:
            return "unknown"
        return "oom_host" if host_oom_kills > 0 else "killed"
    return "unknown"


def _shell_signal(code: t.Optional[int]) -> t.Optional[int]:
    """A shell in between says 128+n for a job that a signal ended."""
    if code is None or not 128 < code < 160:
        return None
    number = code - 128
    return number if number in _STOPS or number == signal.SIGKILL else None


def _by_code(code: t.Optional[int], *, ours: bool, intended: t.Optional[str]) -> str:
    if intended is not None and code != 0:
        return _intended(intended)
    if ours and code in (EXIT_CAP_MISSING, EXIT_INFRA):
        return "infra"
    if ours and code == EXIT_TIMEOUT:
        return "timeout"
    if ours and code == EXIT_CAP_KILL:
        return "unknown"
    if code in (EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND):
        return "permanent"
    if code is None:
        return "unknown"
    return "app" if code else "ok"
