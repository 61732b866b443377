# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The restart itself: look, plan, keep the logs, charge the budget, one message, look again."""

from __future__ import annotations

import contextlib
import typing as t
from pathlib import Path

from .._dataclass import dataclass, field, replace
from .._errors import FleetError
from .._ledger import budgets
from .._ledger.attempts import Attempt
from .._ledger.store import Ledger
from .._pueue.client import Client, RestartItem
from .._pueue.errors import PueueError
from .._pueue.snapshot import Snapshot, Task
from . import archive, evidence, record
from .bounded import bounded
from .floor import require_room
from .instance import Instance
from .recovery import foresee_thaw, thaw_expired, thaw_sentences
from .release import head_of
from .restart import Evidence, Remark, RestartPlan, Wish, concerned, plan
from .saving import save

KEPT_LOGS = 20
# Five lists, the actions and both sides of the diff have to fit into 8 KB together.
LIST_BYTES = 800
_GROUPS = 3


@dataclass(frozen=True)
class Report:
    """What was, or in check mode would be, restarted, and what was not and why."""

    restarted: t.Tuple[Task, ...] = ()
    skipped: t.Tuple[Remark, ...] = ()
    refused: t.Tuple[Remark, ...] = ()
    left: t.Tuple[Remark, ...] = ()
    classes: t.Mapping[str, str] = field(default_factory=dict)
    waiting_groups: t.Tuple[str, ...] = ()
    archived: t.Mapping[str, str] = field(default_factory=dict)
    thawed: t.Tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.restarted or self.thawed)


@dataclass(frozen=True)
class _Sight:
    """The queue and everything known about the jobs concerned."""

    snapshot: Snapshot
    thawed: t.Tuple[str, ...]
    evidence: t.Mapping[str, Evidence]
    attempts: t.Mapping[str, Attempt]


def rerun(
    instance: Instance,
    wish: Wish,
    *,
    floor: t.Optional[int] = None,
    lease_token: t.Optional[str] = None,
    ledger: t.Optional[Ledger] = None,
    check_mode: bool = False,
) -> Report:
    """Restart failed jobs in place, as far as the wish and the guards allow.

    Without an open ``ledger`` the instance's is opened.
    """
    if check_mode:
        with instance.ledger(read_only=True) as copy, instance.client() as client:
            now = client.status()
            return foresee(instance, wish, now, copy, floor=floor, lease_token=lease_token)
    record.merge(instance.state_dir)
    opened = contextlib.nullcontext(ledger) if ledger else instance.ledger()
    with instance.lock(), opened as ledger, instance.client() as client:
        thawed = thaw_expired(instance, client, ledger, token=lease_token)
        sight = _look(instance, client.status(), ledger, wish, thawed=thawed)
        made = plan(wish, sight.snapshot, sight.evidence)
        if not made.restart:
            return _report(made, sight, ())
        ledger.lease.require(lease_token)
        require_room(instance, floor=floor)
        kept = _keep_logs(instance, sight, made.restart)
        with ledger.change(lease_token):
            made = _still_true(made, client.status())
            _charge(ledger, sight, made.restart, kept)
        sent = _send(instance, client, made)
        return _report(made, sight, sent, kept)


def foresee(
    instance: Instance,
    wish: Wish,
    now: Snapshot,
    ledger: Ledger,
    *,
    floor: t.Optional[int] = None,
    lease_token: t.Optional[str] = None,
    moved: t.Optional[t.Tuple[Path, str]] = None,
) -> Report:
    """What would be restarted now; changes nothing.

    ``moved`` is a checkout and the commit it is about to be moved to: then what may be restarted
    after that.
    """
    thawed, snapshot = foresee_thaw(now, ledger, token=lease_token)
    sight = _look(instance, snapshot, ledger, wish, thawed=thawed, moved=moved)
    made = plan(wish, sight.snapshot, sight.evidence)
    if made.restart:
        ledger.lease.require(lease_token)
        require_room(instance, floor=floor)
    return _report(made, sight, made.restart)


def _look(
    instance: Instance,
    snapshot: Snapshot,
    ledger: Ledger,
    wish: Wish,
    *,
    thawed: t.Tuple[str, ...],
    moved: t.Optional[t.Tuple[Path, str]] = None,
) -> _Sight:
    tasks = concerned(snapshot, wish.selection)
    attempts = ledger.attempts.latest([task.label for task in tasks if task.label])
    host = evidence.host_of(instance)
    spent = ledger.budgets.spent_by_key(budgets.RESTART, since=budgets.a_day_before(ledger.now()))
    heads: t.Dict[str, t.Optional[str]] = {}
    known: t.Dict[str, Evidence] = {}
    for task in tasks:
        label = task.label or ""
        last = attempts.get(label)
        if task.path not in heads:
            heads[task.path] = _head(Path(task.path), moved)
        spec = ledger.submissions.spec_of(label) if task.marker else None
        killed = evidence.kill_reason(ledger, task)
        known[label] = Evidence(
            class_=evidence.class_of(task, last, killed_for=killed, host=host),
            attempts=_runs(ledger, task, last),
            restart_safe=None if spec is None else bool(spec.get("restart_safe")),
            release_now=heads[task.path],
            spent=spent.get(label, 0),
            alive_pid=evidence.living_process(last, host=host),
        )
    return _Sight(snapshot=snapshot, thawed=thawed, evidence=known, attempts=attempts)


def _head(path: Path, moved: t.Optional[t.Tuple[Path, str]]) -> t.Optional[str]:
    if moved is not None:
        checkout = moved[0].resolve()
        if checkout in (path.resolve(), *path.resolve().parents):
            return moved[1]
    return head_of(path)


def _runs(ledger: Ledger, task: Task, last: t.Optional[Attempt]) -> t.Tuple[Attempt, ...]:
    """The attempts behind the task's failure, newest first; none if the last one is not its own."""
    if last is None:
        return ()
    if task.result != "DependencyFailed" and not evidence.of_this_run(task, last):
        return ()
    return tuple(reversed(ledger.attempts.history(last.label)[-2:]))


def _keep_logs(
    instance: Instance, sight: _Sight, tasks: t.Sequence[Task]
) -> t.Dict[str, t.Tuple[t.Optional[int], str]]:
    """Copy the logs that the restart truncates: label -> row of the attempt, path of the copy."""
    kept: t.Dict[str, t.Tuple[t.Optional[int], str]] = {}
    for task in tasks:
        label = task.label or ""
        last = sight.attempts.get(label)
        own = last if evidence.of_this_run(task, last) else None
        target = archive.place(
            instance.state_dir,
            label,
            number=own.number if own is not None else None,
            ended=task.ended if task.ended is not None else task.created,
        )
        archive.prune(instance.state_dir, label, keep=KEPT_LOGS - 1)
        if archive.keep_copy(instance.config.log_path(task.id), target):
            kept[label] = (own.id if own is not None else None, str(target))
    return kept


def _charge(
    ledger: Ledger,
    sight: _Sight,
    tasks: t.Sequence[Task],
    kept: t.Mapping[str, t.Tuple[t.Optional[int], str]],
) -> None:
    """Before the message: a death in between costs budget and never exceeds it."""
    for task in tasks:
        label = task.label or ""
        ledger.budgets.charge(budgets.RESTART, label, reason=sight.evidence[label].class_)
        row, path = kept.get(label, (None, ""))
        if row is not None:
            ledger.attempts.set_log(row, path)


def _still_true(made: RestartPlan, now: Snapshot) -> RestartPlan:
    """Drop what strangers changed since the plan was made, and what depends on it."""
    active = {task.label for task in now.tasks.values() if task.active}
    changed: t.Dict[int, Task] = {}
    for task in made.restart:
        torn = any(parent in changed for parent in task.dependencies)
        if torn or now.tasks.get(task.id) != task or task.label in active:
            changed[task.id] = task
    why = "it changed while this restart was prepared; run this again"
    return replace(
        made,
        restart=tuple(task for task in made.restart if task.id not in changed),
        skipped=(
            *made.skipped,
            *(Remark(task.label or "", why, "INV-2") for task in changed.values()),
        ),
    )


def _send(instance: Instance, client: Client, made: RestartPlan) -> t.Tuple[Task, ...]:
    """One message for all, then see which of them really became active."""
    items = [
        RestartItem(
            task_id=task.id,
            command=task.command,
            path=task.path,
            label=task.label,
            priority=task.priority,
        )
        for task in made.restart
    ]
    failure: t.Optional[PueueError] = None
    try:
        client.restart(items)
        after = client.status()
    except PueueError as error:
        failure = error
        after = _look_again(instance, error, made.restart)
    done = tuple(task for task in made.restart if _runs_again(task, after))
    if len(done) < len(made.restart):
        raise _incomplete(made.restart, done, failure)
    if failure is None:
        # They run; a daemon that dies before it saves shows them as failed again.
        with contextlib.suppress(PueueError):
            save(client, after.tasks.values())
    return done


def _look_again(instance: Instance, error: PueueError, tasks: t.Sequence[Task]) -> Snapshot:
    """After a lost answer the queue itself is asked, over a connection of its own."""
    try:
        with instance.client() as client:
            return client.status()
    except PueueError as second:
        labels = [task.label for task in tasks]
        raise FleetError(
            f"{error.message} The queue could not be read afterwards either: {second.message} "
            "Their budget is charged; look at the queue before restarting them again.",
            hazard=second.hazard,
            details={"changed": True, "uncertain": bounded(labels, limit=LIST_BYTES)},
        ) from error


def _runs_again(task: Task, after: Snapshot) -> bool:
    found = after.tasks.get(task.id)
    if found is None or found.identity != task.identity:
        return False
    # A short job may have ended again already: then its times are new ones.
    return found.active or (found.enqueued, found.ended) != (task.enqueued, task.ended)


def _incomplete(
    wanted: t.Sequence[Task], done: t.Sequence[Task], failure: t.Optional[PueueError]
) -> FleetError:
    going = {task.id for task in done}
    missing = [task.label or "" for task in wanted if task.id not in going]
    cause = f" {failure.message}" if failure is not None else ""
    return FleetError(
        f"{len(missing)} of {len(wanted)} jobs did not become active after the restart, the first "
        f'is "{missing[0]}".{cause} Look at them with pueue_status and run this again.',
        details={
            "changed": bool(done),
            "restarted": bounded([task.label for task in done], limit=LIST_BYTES),
            "missing": bounded(missing, limit=LIST_BYTES),
        },
    )


def _report(
    made: RestartPlan,
    sight: _Sight,
    restarted: t.Sequence[Task],
    kept: t.Optional[t.Mapping[str, t.Tuple[t.Optional[int], str]]] = None,
) -> Report:
    groups = sight.snapshot.groups
    names = sorted({task.group for task in restarted})
    return Report(
        restarted=tuple(restarted),
        skipped=made.skipped,
        refused=made.refused,
        left=made.left,
        classes={task.label or "": sight.evidence[task.label or ""].class_ for task in restarted},
        waiting_groups=tuple(name for name in names if name in groups and not groups[name].running),
        archived={label: path for label, (_row, path) in (kept or {}).items()},
        thawed=sight.thawed,
    )


def data(report: Report) -> t.Dict[str, t.Any]:
    """A report as results show it: numbers of all, entries of the first of each."""
    logs = bounded(sorted(report.archived.items()), limit=LIST_BYTES)
    return {
        "restarted": bounded([task.label for task in report.restarted], limit=LIST_BYTES),
        # Not "skipped": Ansible takes a true value of that name for a task that did not run.
        "skipped_jobs": _entries(report.skipped),
        "refused": _entries(report.refused),
        "left": _entries(report.left),
        "counts": {
            "restarted": len(report.restarted),
            "skipped": len(report.skipped),
            "refused": len(report.refused),
            "left": len(report.left),
        },
        "waiting_groups": bounded(report.waiting_groups, limit=LIST_BYTES // 3),
        "thawed": bounded(report.thawed, limit=LIST_BYTES // 3),
        "logs": dict(logs),
    }


def sentences(report: Report) -> t.List[str]:
    """What was or would be done."""
    shown = bounded(
        [
            f'Restart "{task.label}" in place (class {_class(report, task)}).'
            for task in report.restarted
        ],
        limit=LIST_BYTES,
    )
    said = [*thaw_sentences(report.thawed[:_GROUPS]), *shown]
    if len(report.restarted) > len(shown):
        said.append(f"Restart {len(report.restarted) - len(shown)} more in place.")
    said += [
        f'Group "{name}" is paused, so what was restarted in it waits (G-5: pueue kill pauses a '
        "group). Resume it with pueue_group status: running."
        for name in report.waiting_groups[:_GROUPS]
    ]
    return said


def before_and_after(report: Report) -> t.Tuple[t.Dict[str, t.Any], t.Dict[str, t.Any]]:
    """The managed field of each restarted job: its state."""
    states = [
        (task.label or "", f"failed ({_class(report, task)})", "queued")
        for task in report.restarted
    ]
    shown = bounded(states, limit=LIST_BYTES // 2)
    return {one[0]: one[1] for one in shown}, {one[0]: one[2] for one in shown}


def _class(report: Report, task: Task) -> str:
    return report.classes.get(task.label or "", "unknown")


def _entries(remarks: t.Sequence[Remark]) -> t.List[t.Any]:
    return bounded([_entry(remark) for remark in remarks], limit=LIST_BYTES)


def _entry(remark: Remark) -> t.Dict[str, str]:
    entry = {"label": remark.label, "why": remark.why}
    if remark.hazard:
        entry["hazard"] = remark.hazard
    return entry
