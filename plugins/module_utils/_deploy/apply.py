# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""PULL, UPGRADE, VERIFY, RESTART, RELEASE on one host, by a plan's id, in one call.

The steps are the functions of the single modules. Each proven step is in the journal before the
next one begins; whatever fails, the queue is thawed and the lease given back.
"""

from __future__ import annotations

import contextlib
import sys
import typing as t

from .._dataclass import dataclass, field
from .._errors import FleetError, Refused, told
from .._jobs import recovery
from .._jobs.bounded import bounded
from .._jobs.floor import require_room
from .._jobs.instance import Instance
from .._jobs.rerun import Report, rerun
from .._jobs.restart import Wish
from .._ledger.store import Ledger
from .._pueue.selection import Selection
from . import source, wheel
from .kill import kill_running, owed, refuse_unsafe_kill
from .plan import DONE, deploy_of, moved_subjects
from .request import DeployRequest
from .sight import Sight, look, plan_wheel, restart_wish, verification
from .uv import Index

LISTED = 50


@dataclass(frozen=True)
class ApplyOptions:
    """What a plan never holds, because it may carry a credential or ends with the lease."""

    plan_id: str
    repository: str
    token: str
    ttl: float
    index: Index


@dataclass
class Applied:
    """What was done, phase by phase."""

    request: DeployRequest
    verdict: str = "failed"
    reason: str = ""
    changed: bool = False
    before_sha: t.Optional[str] = None
    after_sha: t.Optional[str] = None
    killed: t.List[str] = field(default_factory=list)
    restarted: t.List[str] = field(default_factory=list)
    skipped: t.List[t.Dict[str, t.Any]] = field(default_factory=list)
    phases: t.Dict[str, str] = field(default_factory=dict)
    actions: t.List[str] = field(default_factory=list)
    warnings: t.List[str] = field(default_factory=list)

    def details(self) -> t.Dict[str, t.Any]:
        """The part of a result that holds in success and in failure."""
        return {
            "verdict": self.verdict,
            "reason": self.reason,
            "changed": self.changed,
            "before_sha": self.before_sha,
            "after_sha": self.after_sha,
            "killed": bounded(self.killed[:LISTED], limit=800),
            "restarted": bounded(self.restarted[:LISTED], limit=1500),
            "restarted_count": len(self.restarted),
            "skipped_jobs": bounded(self.skipped[:LISTED], limit=2000),
            "skipped_count": len(self.skipped),
            "phases": self.phases,
            "actions": bounded(self.actions[:LISTED], limit=1500),
        }


class Deployment:
    """One deploy on one host, from the plan to the release."""

    def __init__(
        self,
        instance: Instance,
        ledger: Ledger,
        options: ApplyOptions,
        *,
        check_mode: bool = False,
    ) -> None:
        self.instance = instance
        # One for all phases: the last connection that closes copies the log back, which costs.
        self.ledger = ledger
        self.options = options
        self.check_mode = check_mode
        self.record = self._recorded()
        self.request = DeployRequest.from_dict(self.record["request"])
        self.done = Applied(self.request, before_sha=self.record["before_sha"])
        self._owed: t.List[str] = []
        # Whether something ran at the look, which a kill of ours or of a dead deploy may end.
        self._ran = False
        self._fetched = False
        # Whether there may be something to take back, also where a step died half-way.
        self._touched = False

    def run(self) -> Applied:
        """All phases; an error carries what was done until then."""
        try:
            seen = self._still_true()
            self._kill(seen)
            self._change_code(seen)
            self._restart()
            self._release(seen)
        except Exception as error:
            said = self._ended(told(error))
            if isinstance(error, (FleetError, OSError)):
                raise said from error
            # Nobody foresaw it, so its traceback is shown; but the host was put back all the same.
            raise
        return self.done

    def _ended(self, error: FleetError) -> FleetError:
        """Nobody's job is lost and nothing stays frozen; the error says what was done."""
        self.done.changed = self.done.changed or bool(error.details.get("changed"))
        self._run_killed_again(error)
        error, thawed = recovery.given_back(self.instance, self.options.token, error)
        self.done.actions += [f'Thawed group "{name}".' for name in thawed]
        error.details = {**error.details, **self.done.details()}
        return error

    def foretell(self) -> Applied:
        """What ``run`` would do now; changes nothing."""
        seen = self._still_true()
        self.done.changed = seen.changes or bool(seen.restart.restarted)
        self.done.verdict = "mixed" if seen.plan.decision.action == "finish_old" else "applied"
        self.done.reason = f"Check mode: would {seen.plan.decision.action}."
        self.done.after_sha = self.request.sha
        self.done.restarted = [task.label or "" for task in seen.restart.restarted]
        self.done.actions = seen.actions()
        return self.done

    # -- the plan -----------------------------------------------------------------------------

    def _recorded(self) -> t.Dict[str, t.Any]:
        self.ledger.lease.require(self.options.token)
        record = self.ledger.journal.plan(self.options.plan_id)
        if record is None:
            raise FleetError(
                f'There is no plan "{self.options.plan_id}" on this host. Run deploy_audit first '
                "and give the plan_id that it returns."
            )
        return record

    def _still_true(self) -> Sight:
        """A plan is applied to what was audited, and to nothing else."""
        self.ledger.lease.require(self.options.token)
        require_room(self.instance)
        seen = look(
            self.request,
            self.instance,
            repository=self.options.repository,
            token=self.options.token,
            ledger=None if self.check_mode else self.ledger,
        )
        moved = moved_subjects(self.record, self.options.plan_id, seen.plan)
        if moved:
            raise Refused(
                f'The plan "{self.options.plan_id}" does not hold any more; it changed in: '
                f"{', '.join(moved)}. Nothing was changed. Audit again, and apply the new plan "
                f'"{seen.plan.plan_id}" if it is what you want.',
                hazard="AP-1",
            )
        return seen

    # -- the phases ---------------------------------------------------------------------------

    def _kill(self, seen: Sight) -> None:
        self._owed = owed(seen.queue, self.ledger)
        self._ran = bool(seen.plan.survey.running)
        if seen.plan.decision.action != "kill":
            return
        # Asked in the audit; but pueued may have died since, and its jobs live.
        refuse_unsafe_kill(seen.plan.survey, self.ledger)
        self.done.killed = kill_running(
            self.instance,
            seen.plan.survey.running,
            token=self.options.token,
            by=f"deploy {deploy_of(self.options.plan_id)}",
        )
        self.done.changed = self.done.changed or bool(self.done.killed)
        self.done.actions += [f'Killed "{name}".' for name in self.done.killed]
        self._mark("kill", f"{len(self.done.killed)} jobs", {"killed": self.done.killed})

    def _change_code(self, seen: Sight) -> None:
        """PULL, UPGRADE and VERIFY stand or fall together."""
        try:
            self._pull(seen)
            self._upgrade()
            self._verify()
        except Exception as error:
            said = told(error)
            if self.request.rollback and (self._touched or self._resumed):
                self._roll_back(said)
            if isinstance(error, (FleetError, OSError)):
                raise said from error
            raise

    def _pull(self, seen: Sight) -> None:
        # A kill takes its time, and what was killed may have written on into the checkout.
        plan = self._source_plan(self.request.sha) if self.done.killed else seen.source
        result = source.apply(plan, repository=self.options.repository, guard=self._moving)
        self.done.changed = self.done.changed or result.changed
        self.done.after_sha = result.after_sha
        self.done.actions += list(result.actions)
        self.done.warnings += list(result.notes)
        self._mark("pull", "moved" if result.changed else "there already", {"sha": plan.sha})

    @contextlib.contextmanager
    def _guard(self) -> t.Iterator[None]:
        """Nothing is changed once somebody else has the lease."""
        with self.ledger.change(self.options.token):
            pass
        yield

    @contextlib.contextmanager
    def _moving(self) -> t.Iterator[None]:
        """The guard of ``source.apply``, which enters it before the fetch and before the move."""
        with self._guard():
            self._touched = self._fetched
            self._fetched = True
            yield

    def _upgrade(self) -> None:
        plan = plan_wheel(self.request)
        if plan is None:
            self._mark("upgrade", "no package", {})
            return
        self._touched = self._touched or plan.changed
        result = wheel.apply(plan, index=self.options.index, guard=self._guard)
        self.done.changed = self.done.changed or result.changed
        self.done.actions += list(result.actions)
        said = "installed" if result.changed else "there already"
        self._mark("upgrade", said, {"version": result.after_version})

    def _verify(self) -> None:
        found = verification(self.request)
        if not found.ok:
            raise FleetError(
                f"What the jobs would import is not what was deployed: {' '.join(found.findings)}"
            )
        self._mark("verify", "proven", {"origin": found.origin, "version": found.version})

    def _restart(self) -> None:
        wish = restart_wish(self.request, self.request.groups)
        reports = [self._rerun(wish), *self._restart_killed()]
        self.done.skipped = _remarks(reports, but=self.done.restarted)
        self.done.changed = self.done.changed or bool(self.done.restarted)
        self.done.actions += [f'Restarted "{label}".' for label in self.done.restarted]
        self._mark(
            "restart", f"{len(self.done.restarted)} jobs", {"restarted": self.done.restarted}
        )

    def _release(self, seen: Sight) -> None:
        verdict = "mixed" if seen.plan.decision.action == "finish_old" else "applied"
        with self.ledger.change(self.options.token):
            self.ledger.releases.record(
                self.request.sha,
                project=self.request.project,
                version=self.request.version or "",
                deploy_id=deploy_of(self.options.plan_id),
            )
            self.ledger.journal.mark(self.options.plan_id, DONE, {"verdict": verdict})
        thawed = recovery.give_back(self.instance, self.ledger, self.options.token)
        self.done.verdict, self.done.reason = verdict, f"{seen.plan.decision.reason}."
        self.done.phases[DONE] = f"thawed {', '.join(thawed) or 'nothing'}"
        self.done.actions += [f'Thawed group "{name}".' for name in thawed]

    def _restart_killed(self) -> t.List[Report]:
        """What a deploy killed runs again, whatever else may be restarted and however often."""
        if self._ran:
            with self.instance.client() as client:
                self._owed = owed(client.status(), self.ledger)
        labels = tuple(label for label in self._killed if label not in self.done.restarted)
        if not labels:
            return []
        # With their dependants, which may be any number.
        wish = Wish(
            selection=Selection(labels=labels),
            classes=("killed",),
            budget=sys.maxsize,
            per_label_budget=sys.maxsize,
        )
        return [self._rerun(wish)]

    @property
    def _killed(self) -> t.List[str]:
        """By this deploy, or by one that did not live to restart them."""
        return list(dict.fromkeys([*self.done.killed, *self._owed]))

    def _rerun(self, wish: Wish) -> Report:
        try:
            report = rerun(self.instance, wish, lease_token=self.options.token, ledger=self.ledger)
        except FleetError as error:
            self.done.restarted += error.details.get("restarted", [])
            raise
        self.done.restarted += [task.label or "" for task in report.restarted]
        return report

    # -- the way back -------------------------------------------------------------------------

    def _roll_back(self, error: FleetError) -> None:
        """Code that is not proven must not be met by the jobs that the thaw lets start."""
        before = self._before()
        if before is None:
            error.message += " The checkout is new, so there is no release to go back to."
            return
        try:
            source.apply(self._source_plan(before), guard=self._guard)
            self._downgrade()
        except FleetError as second:
            error.message += f" Going back to {before[:12]} failed as well: {second.message}"
            return
        self.done.verdict = "rolled_back"
        self.done.after_sha = before
        self.done.actions.append(f"Went back to {before}.")
        error.message += f" The host is back at {before[:12]}."
        self._mark("rollback", f"to {before[:12]}", {"sha": before})

    @property
    def _resumed(self) -> bool:
        """The code is here already, and it was an earlier run of this deploy that brought it."""
        return bool(self.record["before_sha"] == self.request.sha != self._before())

    def _before(self) -> t.Optional[str]:
        """Where the checkout stood before this deploy, also if an earlier run of it was cut off."""
        return self._found_first("before_sha", but=(self.request.sha,))

    def _found_first(self, key: str, *, but: t.Collection[t.Any]) -> t.Optional[str]:
        """What the audit found, or what that of an earlier run found that never came to its end."""
        found = t.cast(t.Optional[str], self.record[key])
        if found not in but:
            return found
        for deploy in self.ledger.journal.history():
            asked = deploy.plan["request"]
            same = (asked["project"], asked["sha"]) == (self.request.project, self.request.sha)
            if same and DONE in deploy.phases:
                break
            if same and deploy.plan[key] not in but:
                return t.cast(t.Optional[str], deploy.plan[key])
        return found

    def _run_killed_again(self, error: FleetError) -> None:
        """A deploy that failed must not have cost anybody a job."""
        try:
            self._restart_killed()
        except (FleetError, OSError) as second:
            names, why = ", ".join(self._killed[:5]), told(second).message
            error.message += f" The killed jobs ({names}) were not restarted: {why}"

    def _downgrade(self) -> None:
        installed = self._found_first("installed", but=(None, self.request.version))
        if self.request.package is None or installed is None:
            return
        plan = wheel.plan(
            python=self.request.python,
            package=self.request.package,
            version=installed,
            chdir=self.request.project,
        )
        wheel.apply(plan, index=self.options.index, guard=self._guard)

    # -- small things -------------------------------------------------------------------------

    def _source_plan(self, sha: str) -> source.SourcePlan:
        return source.plan(
            project=self.request.project,
            repository=self.options.repository,
            sha=sha,
            state_dir=self.instance.state_dir,
        )

    def _mark(self, phase: str, said: str, data: t.Mapping[str, t.Any]) -> None:
        with self.ledger.change(self.options.token):
            self.ledger.journal.mark(self.options.plan_id, phase, data)
            self.ledger.lease.renew(self.options.token, self.options.ttl)
        self.done.phases[phase] = said


def _remarks(reports: t.Iterable[Report], *, but: t.Collection[str]) -> t.List[t.Dict[str, t.Any]]:
    """What stays; where two reports name a job, the later one knows why."""
    stay = {
        one.label: {"label": one.label, "why": one.why, "hazard": one.hazard or ""}
        for report in reports
        for one in (*report.skipped, *report.refused, *report.left)
        if one.label not in but
    }
    return list(stay.values())
