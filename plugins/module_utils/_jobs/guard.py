# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Guarded queueing (INV-2): look, check, write ahead, add stashed, look again, commit, enqueue."""

from __future__ import annotations

import contextlib
import os
import secrets
import typing as t

from .._dataclass import dataclass, replace
from .._errors import FleetError, Refused
from .._ledger import budgets
from .._ledger.store import Ledger
from .._ledger.submissions import SubmittedJob
from .._pueue.snapshot import Snapshot
from . import checks, evidence, leftovers, scripts
from .enqueueing import enqueue_all
from .floor import require_room
from .instance import Instance
from .placement import Placed, Placement, PlannedJob
from .queue_report import Report, Skip
from .recovery import foresee_thaw, thaw_expired, thaw_sentences
from .refusals import raise_all
from .session import Session
from .spec import JobSpec, parse_job, parse_jobs
from .standing import ACTIVE, DONE, Standing, standings
from .task_command import TASK_MARKER, Tool, add_request

# Measured with the minimal environment; the command's own length is counted beside it.
_TASK_BYTES = 900


@dataclass(frozen=True)
class Wish:
    """What the caller asks for and allows."""

    jobs: t.Sequence[t.Mapping[str, t.Any]]
    tool: Tool
    budget: int = 1000
    max_tasks: int = 2000
    rerun_done: bool = False
    per_label_budget: int = 3
    disk_floor: t.Optional[int] = None
    lease_token: t.Optional[str] = None
    install: t.Callable[[], t.Sequence[str]] = tuple
    """Called when everything is checked and something is to be queued; sentences of what it did."""


@dataclass(frozen=True)
class _Prepared:
    """Everything decided; nothing changed."""

    scene: checks.Scene
    skipped: t.Tuple[Skip, ...]
    warnings: t.Tuple[str, ...] = ()

    @property
    def specs(self) -> t.Sequence[JobSpec]:
        return self.scene.specs


def queue(
    instance: Instance,
    wish: Wish,
    *,
    check_mode: bool = False,
    environ: t.Optional[t.Mapping[str, str]] = None,
) -> Report:
    """Queue those of the jobs that are neither active nor done: all of them, or none."""
    specs, refusals = parse_jobs(wish.jobs)
    if refusals:
        report = Report(requested=len(wish.jobs), refused=tuple(refusals))
        raise_all(refusals, details=report.data())
    values = os.environ if environ is None else environ
    specs = [_absolute(spec) for spec in specs]
    if check_mode:
        with instance.ledger(read_only=True) as ledger, Session(instance) as session:
            return _Call(instance, wish, session, ledger, values).foresee(specs)
    with instance.lock(), instance.ledger() as ledger, Session(instance) as session:
        return _Call(instance, wish, session, ledger, values).run(specs)


def _absolute(spec: JobSpec) -> JobSpec:
    """``~`` is this account's home, and env_file is seen from chdir."""
    changes: t.Dict[str, t.Any] = {"chdir": os.path.expanduser(spec.chdir)}
    if spec.env_file is not None:
        path = os.path.expanduser(spec.env_file)
        changes["env_file"] = os.path.join(changes["chdir"], path)
    return replace(spec, **changes)


class _Call:
    """One call, with the instance's lock in hand (or, in check mode, reading only)."""

    def __init__(
        self,
        instance: Instance,
        wish: Wish,
        session: Session,
        ledger: Ledger,
        environ: t.Mapping[str, str],
    ) -> None:
        self._instance = instance
        self._wish = wish
        self._session = session
        self._ledger = ledger
        self._environ = environ

    def foresee(self, specs: t.Sequence[JobSpec]) -> Report:
        """Check mode: what ``run`` would do, as far as the queue stays as it is."""
        token = self._wish.lease_token
        thawed, snapshot = foresee_thaw(self._session.client.status(), self._ledger, token=token)
        left = leftovers.plan(self._ledger.submissions.unfinished(), snapshot)
        prepared = self._prepare(specs, leftovers.foreseen(snapshot, left))
        if left or prepared.specs:
            self._ledger.lease.require(token)
        actions = thaw_sentences(thawed) + [one.sentence() for one in left if one.tasks]
        if prepared.specs:
            actions += self._wish.install()
        queued = {spec.label: None for spec in prepared.specs}
        return self._report(prepared, queued, actions)

    def run(self, specs: t.Sequence[JobSpec]) -> Report:
        """The protocol of the module's name, step by step."""
        actions, snapshot = self._settle()
        prepared = self._prepare(specs, snapshot)
        if not prepared.specs:
            return self._report(prepared, {}, actions)
        self._ledger.lease.require(self._wish.lease_token)
        actions += self._wish.install()
        jobs = self._plan(prepared.scene)
        submission = secrets.token_hex(8)
        placement = Placement(
            self._session,
            submission,
            jobs,
            request=lambda job, parents: add_request(
                job.spec,
                submission=submission,
                task_key=job.task_key,
                tool=self._wish.tool,
                environ=self._environ,
                dependencies=parents,
            ),
        )
        with self._ledger.change(self._wish.lease_token):
            self._ledger.submissions.begin(submission, [_submitted(job) for job in jobs])
        try:
            placed = placement.place()
            self._commit(prepared, submission, jobs, placed)
        except (FleetError, OSError) as error:
            raise self._undone(error, placement, submission, prepared) from error
        if not placed.tasks:
            return self._report(prepared, {}, actions, placed=placed)
        after = self._enqueue(submission, prepared, placed)
        queued = {label: task.id for label, task in placed.tasks.items()}
        doubles = sorted(set(after.duplicates()) & set(queued))
        return self._report(
            prepared, queued, actions, placed=placed, duplicates=doubles, submission=submission
        )

    def _settle(self) -> t.Tuple[t.List[str], Snapshot]:
        """What the dead left behind: frozen groups, and submissions that were not finished."""
        token, client = self._wish.lease_token, self._session.client
        actions = thaw_sentences(thaw_expired(self._instance, client, self._ledger, token=token))
        snapshot = client.status()
        left = leftovers.plan(self._ledger.submissions.unfinished(), snapshot)
        if not left:
            return actions, snapshot
        self._ledger.lease.require(token)
        actions += leftovers.settle(self._session, self._ledger, left, token=token)
        return actions, self._session.client.status()

    def _prepare(self, specs: t.Sequence[JobSpec], snapshot: Snapshot) -> _Prepared:
        """Filter, then check all that is left; raises with every refusal."""
        known = self._standings(specs, snapshot)
        finished = (ACTIVE,) if self._wish.rerun_done else (ACTIVE, DONE)
        skipped = tuple(
            Skip(spec.label, known[spec.label].state, known[spec.label].found)
            for spec in specs
            if known[spec.label].state in finished
        )
        passed = {one.label for one in skipped}
        wanted = [spec for spec in specs if spec.label not in passed]
        scene = checks.Scene(
            specs=wanted,
            snapshot=snapshot,
            standings=known,
            running=self._running(snapshot) if any(one.artifacts for one in wanted) else (),
            spent=self._ledger.budgets.spent_by_key(budgets.RESTART, since=self._yesterday()),
            tool=self._wish.tool,
            environ=self._environ,
            per_label_budget=self._wish.per_label_budget,
        )
        refusals = checks.check(scene)
        if refusals:
            report = Report(requested=len(specs), skipped=skipped, refused=tuple(refusals))
            raise_all(refusals, details=report.data())
        warnings: t.Tuple[str, ...] = ()
        if wanted:
            room = self._require_room(scene)
            warnings = (*room, *self._paused(scene), *scripts.remarks(wanted))
        return _Prepared(scene=scene, skipped=skipped, warnings=warnings)

    def _yesterday(self) -> float:
        return budgets.a_day_before(self._ledger.now())

    def _standings(self, specs: t.Sequence[JobSpec], snapshot: Snapshot) -> t.Dict[str, Standing]:
        labels = dict.fromkeys(one for spec in specs for one in (spec.label, *spec.after))
        attempts = self._ledger.attempts.latest(labels)
        host = evidence.host_of(self._instance)
        return standings(labels, snapshot, attempts, host=host)

    def _running(self, snapshot: Snapshot) -> t.List[JobSpec]:
        """What the ledger knows about tasks that are active; strangers' claims nobody knows."""
        found: t.List[JobSpec] = []
        for task in snapshot.tasks.values():
            if not (task.active and task.label and task.marker):
                continue
            job = self._ledger.submissions.job_of(task.label)
            if job is not None and job.task_key == task.marker.get(TASK_MARKER):
                found.append(parse_job(job.spec))
        return found

    def _require_room(self, scene: checks.Scene) -> t.Tuple[str, ...]:
        number, present = len(scene.specs), len(scene.snapshot.tasks)
        if number > self._wish.budget:
            raise Refused(
                f"{number} jobs would be queued, and budget allows {self._wish.budget} in one "
                "call. Raise budget, or submit them as a batch.",
                hazard="AP-18",
            )
        if present + number > self._wish.max_tasks:
            raise Refused(
                f"The queue has {present} tasks and would have {present + number}; max_tasks is "
                f"{self._wish.max_tasks}, because every change costs time for every task there "
                "is. Forget finished ones with pueue_clean, or submit the jobs as a batch.",
                hazard="AP-10",
            )
        growth = sum(_TASK_BYTES + 2 * len(" ".join(spec.argv)) for spec in scene.specs)
        return require_room(self._instance, floor=self._wish.disk_floor, growth=growth)

    def _paused(self, scene: checks.Scene) -> t.Tuple[str, ...]:
        """Whoever froze a group knows it; anybody else waits for ever without a word (G-5)."""
        if self._wish.lease_token is not None:
            return ()
        groups = scene.snapshot.groups
        names = sorted({spec.group for spec in scene.specs if not groups[spec.group].running})
        return tuple(
            f'The group "{name}" is paused: jobs queued there wait until it is resumed, for '
            "example with pueue_group (G-5)."
            for name in names
        )

    def _plan(self, scene: checks.Scene) -> t.List[PlannedJob]:
        prefix = secrets.token_hex(8)
        return [
            PlannedJob(
                spec=spec,
                task_key=f"{prefix}.{number}",
                inside=checks.inside(scene, spec),
                outside=checks.outside(scene, spec),
            )
            for number, spec in enumerate(scene.specs)
        ]

    def _commit(
        self,
        prepared: _Prepared,
        submission: str,
        jobs: t.Sequence[PlannedJob],
        placed: Placed,
    ) -> None:
        """From here on the set is queued; the lease is looked at once more."""
        with self._ledger.change(self._wish.lease_token):
            if not placed.tasks:
                self._ledger.submissions.abandon(submission)
                return
            dropped = [job.task_key for job in jobs if job.spec.label in placed.lost]
            self._ledger.submissions.drop(submission, dropped)
            for spec in prepared.specs:
                if spec.label in placed.tasks and checks.charged(prepared.scene, spec):
                    self._ledger.budgets.charge(
                        budgets.RESTART,
                        spec.label,
                        reason="queued again after a failure",
                        limit=self._wish.per_label_budget,
                        since=self._yesterday(),
                    )
            self._ledger.submissions.commit(submission)

    def _enqueue(self, submission: str, prepared: _Prepared, placed: Placed) -> Snapshot:
        record = self._ledger.submissions.get(submission)
        moments = leftovers.moments(record) if record else {}
        try:
            after = enqueue_all(self._session, submission, moments=moments)
            # A fact by now, whoever has taken the lease since the commit.
            with self._ledger.record():
                self._ledger.submissions.enqueued(submission)
        except FleetError as error:
            queued = {label: task.id for label, task in placed.tasks.items()}
            report = self._report(prepared, queued, [], placed=placed, submission=submission)
            details = {"changed": True, "actions": list(report.actions), **report.data()}
            raise FleetError(error.message, hazard=error.hazard, details=details) from error
        return after

    def _undone(
        self,
        error: t.Union[FleetError, OSError],
        placement: Placement,
        submission: str,
        prepared: _Prepared,
    ) -> FleetError:
        """The error to raise after everything that was added has been taken out again."""
        left = placement.undo()
        if left is None:
            # An open submission without tasks is closed by the next call.
            with contextlib.suppress(FleetError), self._ledger.record():
                self._ledger.submissions.abandon(submission)
        known = error if isinstance(error, FleetError) else FleetError(str(error))
        end = left or "Nothing was queued: what had been added was taken out again."
        report = Report(
            requested=len(prepared.specs) + len(prepared.skipped), skipped=prepared.skipped
        )
        return FleetError(
            f"{known.message} {end}",
            hazard=known.hazard,
            details={**known.details, **report.data(), "changed": left is not None},
        )

    def _report(
        self,
        prepared: _Prepared,
        queued: t.Mapping[str, t.Optional[int]],
        actions: t.Sequence[str],
        *,
        placed: t.Optional[Placed] = None,
        duplicates: t.Sequence[str] = (),
        submission: t.Optional[str] = None,
    ) -> Report:
        lost = placed.lost if placed else {}
        skipped = (
            *prepared.skipped,
            *(
                Skip(label, ACTIVE, f"{task.status}, added by somebody else at the same moment")
                for label, task in lost.items()
            ),
        )
        said = [f"queue {len(queued)} job(s)"] if queued else []
        return Report(
            requested=len(prepared.specs) + len(prepared.skipped),
            queued=queued,
            skipped=skipped,
            actions=(*actions, *said),
            warnings=prepared.warnings,
            duplicates=tuple(duplicates),
            submission=submission,
        )


def _submitted(job: PlannedJob) -> SubmittedJob:
    return SubmittedJob(
        label=job.spec.label,
        task_key=job.task_key,
        spec=job.spec.record(),
        overrides=job.spec.overrides,
    )
