# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The cleaning itself: look, plan, keep the logs, remove what is still the same, look again."""

from __future__ import annotations

import typing as t
from pathlib import Path

from .._dataclass import dataclass, field, replace
from .._errors import FleetError
from .._ledger.attempts import Attempt
from .._ledger.store import Ledger
from .._pueue.client import Client
from .._pueue.errors import PueueError
from .._pueue.snapshot import Snapshot, Task
from . import archive, attempts_view, evidence, host_tool, record
from .clean import CleanPlan, Wish, plan
from .ending import name_of
from .floor import state_size
from .instance import Instance

# The daemon answers nobody while it removes; a big clean lets others in between.
CHUNK = 1000
LISTED = 20


@dataclass(frozen=True)
class Report:
    """What was, or in check mode would be, forgotten; ``kept`` counts the rest by reason."""

    removed: t.Tuple[Task, ...] = ()
    kept: t.Mapping[str, int] = field(default_factory=dict)
    left: int = 0
    logs_kept: int = 0
    logs_removed: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    tools: t.Tuple[str, ...] = ()
    """Sentences about older host tools that no task needs any more."""


def forget(
    instance: Instance,
    wish: Wish,
    *,
    keep_logs: int = 3,
    lease_token: t.Optional[str] = None,
    check_mode: bool = False,
) -> Report:
    """Remove finished tasks that nobody needs, and with them older host tools that no other task
    and no process names; the ledger keeps what the tasks did."""
    if check_mode:
        return _foreseen(instance, wish, token=lease_token)
    size = state_size(instance.config)
    record.merge(instance.state_dir)
    with instance.lock(), instance.ledger() as ledger, instance.client() as client:
        snapshot = client.status()
        # Runners that were killed have said nothing; afterwards the queue can tell no more.
        attempts_view.settle(ledger, snapshot, host=evidence.host_of(instance))
        made = _plan(wish, snapshot, ledger)
        if not made.remove:
            return replace(_report(made, size), bytes_after=size)
        ledger.lease.require(lease_token)
        kept = _keep_logs(instance, ledger, made.remove) if keep_logs else []
        with ledger.change(lease_token):
            for row, path in kept:
                if row is not None:
                    ledger.attempts.set_log(row, str(path))
        removed = _remove(instance, client, made.remove)
        return replace(
            _report(made, size),
            removed=removed,
            left=made.left + len(made.remove) - len(removed),
            logs_kept=len(kept),
            logs_removed=_prune(instance, removed, keep=keep_logs),
            bytes_after=state_size(instance.config),
            tools=_prune_tools(instance, snapshot, removed, check_mode=False),
        )


def _foreseen(instance: Instance, wish: Wish, *, token: t.Optional[str]) -> Report:
    with instance.ledger(read_only=True) as ledger, instance.client() as client:
        snapshot = client.status()
        made = _plan(wish, snapshot, ledger)
        if made.remove:
            ledger.lease.require(token)
        tools = _prune_tools(instance, snapshot, made.remove, check_mode=True)
        return replace(_report(made, state_size(instance.config)), tools=tools)


def _plan(wish: Wish, snapshot: Snapshot, ledger: Ledger) -> CleanPlan:
    labels = {
        task.label for task in snapshot.tasks.values() if task.ok and task.label and task.marker
    }
    newest = ledger.attempts.latest(labels) if labels else {}
    recorded = {label for label, attempt in newest.items() if attempt.class_ == "ok"}
    return plan(wish, snapshot, recorded=recorded, now=ledger.now())


def _report(made: CleanPlan, size: int) -> Report:
    return Report(removed=made.remove, kept=made.kept, left=made.left, bytes_before=size)


def _keep_logs(
    instance: Instance, ledger: Ledger, tasks: t.Sequence[Task]
) -> t.List[t.Tuple[t.Optional[int], Path]]:
    """Give the logs that pueue is about to delete a place of their own; attempt's row and place.

    Outside of any transaction: while thousands are copied, runners must be able to write.
    """
    kept: t.List[t.Tuple[t.Optional[int], Path]] = []
    for task in tasks:
        if not task.label or task.started is None:
            continue
        own = _own_attempt(ledger, task)
        target = archive.place(
            instance.state_dir,
            task.label,
            number=own.number if own is not None else None,
            ended=task.ended if task.ended is not None else task.created,
        )
        if archive.keep_file(instance.config.log_path(task.id), target):
            kept.append((own.id if own is not None else None, target))
    return kept


def _own_attempt(ledger: Ledger, task: Task) -> t.Optional[Attempt]:
    key = task.marker.get(evidence.TASK_MARKER)
    runs = ledger.attempts.of_task(key) if key else []
    return runs[-1] if runs and evidence.of_this_run(task, runs[-1]) else None


def _remove(instance: Instance, client: Client, tasks: t.Sequence[Task]) -> t.Tuple[Task, ...]:
    """Remove in chunks; each id is compared with the queue right before, and looked up after."""
    gone: t.List[Task] = []
    for start in range(0, len(tasks), CHUNK):
        chunk = tasks[start : start + CHUNK]
        now = client.status()
        same = [task for task in chunk if now.tasks.get(task.id) == task]
        failure: t.Optional[PueueError] = None
        try:
            client.remove(task.id for task in same)
            after = client.status()
        except PueueError as error:
            failure = error
            with instance.client() as another:
                after = another.status()
        removed = [task for task in same if not _is_there(task, after)]
        gone += removed
        if failure is not None:
            raise FleetError(
                f"Forgetting {len(tasks)} finished tasks ended after {len(gone)} of them: "
                f"{failure.message}",
                hazard=failure.hazard,
                details={"changed": bool(gone), "removed": len(gone)},
            ) from failure
    return tuple(gone)


def _is_there(task: Task, after: Snapshot) -> bool:
    found = after.tasks.get(task.id)
    return found is not None and found.identity == task.identity


def _prune(instance: Instance, removed: t.Sequence[Task], *, keep: int) -> int:
    labels = sorted({task.label for task in removed if task.label})
    return sum(len(archive.prune(instance.state_dir, label, keep=keep)) for label in labels)


def _prune_tools(
    instance: Instance, snapshot: Snapshot, removed: t.Sequence[Task], *, check_mode: bool
) -> t.Tuple[str, ...]:
    """Only beside a clean that removes something: what it removed may have been the last user."""
    if not removed:
        return ()
    gone = {task.id for task in removed}
    commands = [task.command for number, task in snapshot.tasks.items() if number not in gone]
    return host_tool.prune(instance.state_dir, commands=commands, check_mode=check_mode)


def data(report: Report) -> t.Dict[str, t.Any]:
    """A report as results show it."""
    return {
        "removed": len(report.removed),
        "labels": [name_of(task)[:200] for task in report.removed[:LISTED]],
        "kept": dict(report.kept),
        "left": report.left,
        "logs_kept": report.logs_kept,
        "logs_removed": report.logs_removed,
        "state_file": {"before": report.bytes_before, "after": report.bytes_after},
    }


def sentences(report: Report) -> t.List[str]:
    """What was or would be done."""
    if not report.removed:
        return []
    number = len(report.removed)
    return [f"Forget {number} finished task{'' if number == 1 else 's'}.", *report.tools[:LISTED]]


def before_and_after(report: Report) -> t.Tuple[t.Dict[str, t.Any], t.Dict[str, t.Any]]:
    """How many finished tasks of the selection there are, and some of those that go."""
    number = sum(report.kept.values()) + report.left
    gone = [name_of(task)[:200] for task in report.removed[:LISTED]]
    return {"finished": number + len(report.removed), "tasks": gone}, {
        "finished": number,
        "tasks": [],
    }
