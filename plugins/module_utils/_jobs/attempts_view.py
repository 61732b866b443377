# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Attempts without an end: which still run, and what became of those whose runner is gone."""

from __future__ import annotations

import typing as t

from .._dataclass import asdict, dataclass, replace
from .._host import process
from .._ledger.attempts import Attempt
from . import evidence
from .classes import without_attempt

if t.TYPE_CHECKING:
    from .._ledger.store import Ledger
    from .._pueue.snapshot import Snapshot, Task
    from . import record


@dataclass(frozen=True)
class Verdict:
    """What an open attempt's row has to say."""

    class_: str
    ended: float
    message: str


def is_alive(attempt: Attempt) -> bool:
    """Whether the runner of an open attempt still runs: same boot, same pid, same start."""
    if attempt.ended is not None or attempt.pid is None or not attempt.boot_id:
        return False
    found = process.identity(attempt.pid)
    if found is None:
        return False
    if ":" not in attempt.boot_id:
        return found.partition(":")[0] == attempt.boot_id
    return found == attempt.boot_id


def is_running(attempt: Attempt, *, host: t.Optional[evidence.Host] = None) -> bool:
    """Whether the runner of an open attempt, or something that it left behind, still runs."""
    here = host if host is not None else evidence.Host(boot_id=process.boot_id())
    return is_alive(attempt) or evidence.living_process(attempt, host=here) is not None


def with_spooled(
    known: t.Sequence[Attempt], spooled: t.Sequence[t.Tuple[record.Begun, record.Ending]]
) -> t.List[Attempt]:
    """A label's attempts as they will be once the spool is in the ledger; oldest first; pure."""
    found = {attempt.started: attempt for attempt in known}
    for begun, ending in spooled:
        beginning = begun.beginning
        number = max((one.number for one in found.values()), default=0) + 1
        attempt = found.get(beginning.started) or Attempt(id=0, number=number, **asdict(beginning))
        if attempt.ended is None:
            values = asdict(ending)
            values["enforcement"] = ending.enforcement or attempt.enforcement
            attempt = replace(attempt, **values)
        found[beginning.started] = attempt
    return sorted(found.values(), key=lambda attempt: attempt.number)


def settle(
    ledger: Ledger,
    snapshot: t.Optional[Snapshot] = None,
    *,
    host: t.Optional[evidence.Host] = None,
    label: t.Optional[str] = None,
) -> t.List[Attempt]:
    """Close the rows whose runner is gone with its job (killed, or a reboot); what was closed.

    A runner writes its verdict before it ends, so whoever is gone without one was killed. A row
    that its runner closes at this very moment keeps the runner's verdict. ``host`` says when
    pueued started, if that is known (``evidence.this_host``); ``label`` limits it to that one.
    """
    here = host if host is not None else evidence.Host(boot_id=process.boot_id())
    found = ledger.attempts.open_attempts()
    wanted = [attempt for attempt in found if label in (None, attempt.label)]
    closed: t.List[Attempt] = []
    for attempt in wanted:
        if not _has_identity(attempt) or is_running(attempt, host=here):
            continue
        task = _task_of(attempt, snapshot)
        intended = _intended(ledger, attempt, task)
        verdict = judge(attempt, task=task, intended=intended, host=here, now=ledger.now())
        closed.append(
            ledger.attempts.finish(
                attempt.id,
                class_=verdict.class_,
                ended=verdict.ended,
                message=verdict.message,
            )
        )
    return closed


def judge(
    attempt: Attempt,
    *,
    task: t.Optional[Task],
    intended: t.Optional[str],
    host: evidence.Host,
    now: float,
) -> Verdict:
    """The class of an attempt whose runner is gone; pure."""
    own = task if task is not None and evidence.of_this_run(task, attempt) else None
    ended = now
    if own is not None and own.ended is not None:
        ended = max(attempt.started, own.ended)
    if intended is not None:
        class_ = without_attempt("Killed", intended=intended)
        return Verdict(class_, ended, "Its kill was recorded beforehand.")
    if (attempt.boot_id or "").partition(":")[0] != host.boot_id:
        return Verdict("infra", ended, "The host was restarted while it ran.")
    if own is not None and own.done:
        class_ = evidence.class_of(own, attempt, killed_for=None, host=host)
        return Verdict(class_, ended, f"Its runner is gone; the queue says {own.result}.")
    if task is not None and own is None:
        return Verdict("unknown", ended, "Its runner vanished, and the task was started again.")
    return Verdict("infra", ended, "Its runner vanished without a verdict.")


def _has_identity(attempt: Attempt) -> bool:
    """Without one nobody can say that the runner is gone."""
    return attempt.pid is not None and bool(attempt.boot_id)


def _task_of(attempt: Attempt, snapshot: t.Optional[Snapshot]) -> t.Optional[Task]:
    """The task of this attempt: by its key, which an in-place restart keeps."""
    if snapshot is None:
        return None
    for task in snapshot.tasks.values():
        if task.marker.get(evidence.TASK_MARKER) == attempt.task_key:
            return task
    return None


def _intended(ledger: Ledger, attempt: Attempt, task: t.Optional[Task]) -> t.Optional[str]:
    if task is not None:
        kill = ledger.kills.find(attempt.label, task.created_at)
    else:
        kill = ledger.kills.latest(attempt.label)
    return kill.reason if kill is not None and kill.at >= attempt.started else None
