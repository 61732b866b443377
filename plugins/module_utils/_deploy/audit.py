# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""AUDIT and DECIDE on one host: lease, freeze, look, decide, and wait in bounded slices."""

from __future__ import annotations

import contextlib
import time
import typing as t

from .._dataclass import dataclass, field
from .._errors import FleetError, Refused
from .._jobs import recovery
from .._jobs.bounded import bounded
from .._jobs.floor import require_room
from .._jobs.instance import Instance
from .._jobs.keeper import Keeper
from .._jobs.outlived import outlived
from .._ledger.lease import Lease
from .._ledger.store import Ledger
from .._pueue.client import Client
from .kill import owed, refuse_unsafe_kill
from .owner import person
from .plan import DONE
from .request import DeployRequest
from .sight import Sight, look, verification
from .survey import LISTED, survey

LONGEST_SLICE_SECONDS = 50
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class AuditOptions:
    """How the audit is made; nothing of it is part of the plan."""

    repository: str
    freeze: bool
    owner: str
    ttl: float
    take_over: bool
    drain_timeout: float
    slice_seconds: float
    state: t.Mapping[str, t.Any]
    check_mode: bool

    @classmethod
    def parse(cls, params: t.Mapping[str, t.Any], *, check_mode: bool) -> AuditOptions:
        """From the module's options."""
        return cls(
            repository=params["repository"],
            freeze=params["freeze"],
            owner=params["lease_owner"],
            ttl=params["lease_ttl"],
            take_over=params["take_over"],
            drain_timeout=params["drain_timeout"],
            slice_seconds=min(params["slice_seconds"], LONGEST_SLICE_SECONDS),
            state=params["state"],
            check_mode=check_mode,
        )


@dataclass
class Audit:
    """What came out; ``verdict`` is set where this host is through."""

    sight: Sight
    verdict: t.Optional[str] = None
    reason: str = ""
    proceed: bool = False
    finished: bool = True
    token: t.Optional[str] = None
    changed: bool = False
    frozen: t.Tuple[str, ...] = ()
    actions: t.List[str] = field(default_factory=list)
    state: t.Dict[str, t.Any] = field(default_factory=dict)

    def data(self) -> t.Dict[str, t.Any]:
        """The module's own part of its result."""
        return {
            "plan": self.sight.plan.summary(),
            "proceed": self.proceed,
            "verdict": self.verdict,
            "reason": self.reason,
            "lease_token": self.token,
            "frozen": list(self.frozen),
            "finished": self.finished,
            "state": self.state,
        }

    def difference(self) -> t.Tuple[t.Dict[str, t.Any], t.Dict[str, t.Any]]:
        """Before and after the whole deploy, as far as it goes on or would."""
        plan = self.sight.plan
        before: t.Dict[str, t.Any] = {
            "sha": plan.tree.before_sha,
            "version": plan.package.installed,
            "restarted": [],
        }
        if not self.proceed and self.verdict != "applied":
            return before, before
        return before, {
            "sha": plan.tree.sha,
            "version": plan.package.wanted or plan.package.installed,
            "restarted": bounded(plan.failures.restart[:LISTED], limit=700),
        }

    def warnings(self) -> t.List[str]:
        """What a person should know although the deploy goes on."""
        said = list(self.sight.source.notes)
        queue = self.sight.plan.survey
        if self.sight.plan.decision.action == "finish_old" and self.proceed:
            names = ", ".join(queue.running_labels()[:10])
            said.append(f"Running jobs import the new code from now on: {names}.")
        if queue.duplicates:
            names = ", ".join(queue.duplicates[:10])
            said.append(f"Labels that are active more than once: {names}.")
        return said


def audit(request: DeployRequest, instance: Instance, options: AuditOptions) -> Audit:
    """Look without a trace first; only a host with something to do takes the lease."""
    if options.state:
        # It is frozen: whatever fails from here on has to thaw it.
        with instance.ledger() as ledger:
            return _hold(request, instance, options, ledger, before=None)
    seen = look(
        request,
        instance,
        repository=options.repository,
        token=_present_token(request, instance, options),
    )
    if _is_noop(request, seen) and not _unfinished(request, instance, seen):
        return Audit(seen, verdict="noop", reason=_nothing(seen))
    # Asked again before anything is changed; but who cannot deploy should not be frozen first.
    require_room(instance)
    if options.check_mode or not options.freeze:
        return _foretold(seen, options)
    # Before a ledger is open.
    keeper = Keeper(instance)
    try:
        # One connection for all: the last one that closes copies the log back, which costs.
        with instance.ledger() as ledger:
            return _hold(request, instance, options, ledger, before=seen, keeper=keeper)
    finally:
        keeper.dismiss()


def purpose_of(request: DeployRequest) -> str:
    """What the lease is for; the same deploy resumes, another one has to wait."""
    return f"deploy {request.sha[:12]} to {request.project}"


def _present_token(
    request: DeployRequest, instance: Instance, options: AuditOptions
) -> t.Optional[str]:
    """The token that lets this deploy look on: its own, or one that it may take from a holder."""
    with instance.ledger(read_only=True) as ledger:
        held = ledger.lease.current()
        if held is None:
            return None
        if not _may_take(request, held, options):
            raise _locked(ledger.lease.refusal(held, token=options.state.get("token")))
        return held.token


def _may_take(request: DeployRequest, held: Lease, options: AuditOptions) -> bool:
    # Whoever starts the same deploy again after a crash goes on with it; the late steps of the
    # dead controller carry the old token and are refused.
    same = person(held.owner) == person(options.owner)
    resumes = same and held.purpose == purpose_of(request)
    return held.token == options.state.get("token") or options.take_over or resumes


def _locked(error: Refused) -> Refused:
    details = {**error.details, "verdict": "locked"}
    return Refused(error.message, hazard=error.hazard, details=details)


def _is_noop(request: DeployRequest, seen: Sight) -> bool:
    """Nothing to move, nothing to restart, and what the jobs import is proven to be right."""
    if seen.changes or seen.plan.failures.restart:
        return False
    return verification(request).ok


def _unfinished(request: DeployRequest, instance: Instance, seen: Sight) -> bool:
    """A deploy was cut off: its lease, its freeze or the jobs that it killed are still there."""
    with instance.ledger(read_only=True) as ledger:
        held = ledger.lease.held()
        mine = held is not None and held.purpose == purpose_of(request)
        return mine or bool(ledger.lease.expired_frozen() or owed(seen.queue, ledger))


def _nothing(seen: Sight) -> str:
    kept = len(seen.plan.failures.kept)
    stay = f"; {kept} failed jobs stay as they are" if kept else ""
    return f"The host has this release already and no failed job may be restarted{stay}."


def _foretold(seen: Sight, options: AuditOptions) -> Audit:
    decision = seen.plan.decision
    why = "Check mode" if options.check_mode else "Audited without a freeze"
    actions = [f'Freeze group "{name}".' for name in seen.plan.survey.to_freeze]
    return Audit(
        seen,
        verdict="deferred" if decision.action in ("wait", "abort") else "applied",
        reason=f"{why}: would {decision.action}, since {decision.reason}.",
        changed=True,
        actions=[*actions, *seen.actions()],
    )


def _hold(
    request: DeployRequest,
    instance: Instance,
    options: AuditOptions,
    ledger: Ledger,
    *,
    before: t.Optional[Sight],
    keeper: t.Optional[Keeper] = None,
) -> Audit:
    """Take or renew the lease, freeze, wait for one slice, and decide."""
    held = _thawing(instance, options.state.get("token"))
    with held, instance.lock(), instance.client() as client:
        token, said = _take(request, ledger, options)
        with _thawing(instance, token):
            frozen = _freeze(request, ledger, client, token, keeper=keeper)
    said += [f'Froze group "{name}".' for name in frozen]
    with _thawing(instance, token):
        _wait_for_drain(request, instance, options, ledger)
        result = _decide(request, instance, options, ledger, token, before=before)
    result.token = token
    result.frozen = frozen
    # A host that only waits, or is thawed in the end, is what it was.
    result.changed = result.finished and result.proceed
    result.actions = [*said, *result.actions]
    result.state.update({"token": token, "since": options.state.get("since") or time.time()})
    if result.finished and not result.proceed:
        thawed = recovery.give_back(instance, ledger, token)
        result.actions += [f'Thawed group "{name}".' for name in thawed]
        result.token = None
    return result


@contextlib.contextmanager
def _thawing(instance: Instance, token: t.Optional[str]) -> t.Iterator[None]:
    """Whatever fails behind the freeze puts the host back to where it was."""
    try:
        yield
    except (FleetError, OSError) as error:
        if token is None:
            raise
        told, _thawed = recovery.given_back(instance, token, error)
        raise told from error


def _take(
    request: DeployRequest, ledger: Ledger, options: AuditOptions
) -> t.Tuple[str, t.List[str]]:
    purpose = purpose_of(request)
    held = ledger.lease.current()
    token = options.state.get("token")
    takes = held is not None and held.token != token and _may_take(request, held, options)
    try:
        lease = ledger.lease.take(options.owner, purpose, options.ttl, take_over=takes, token=token)
    except Refused as error:
        raise _locked(error) from error
    if lease.token == token:
        return lease.token, []
    return lease.token, [f'Took the lease for "{purpose}" until {_clock(lease.expires)}.']


def _freeze(
    request: DeployRequest,
    ledger: Ledger,
    client: Client,
    token: str,
    *,
    keeper: t.Optional[Keeper],
) -> t.Tuple[str, ...]:
    """On record before the queue is told, so that a death in between is thawed by the next one.

    Where there is none, the keeper of the lease does that.
    """
    ledger.lease.inherit(token)
    held = ledger.lease.current()
    queue = survey(client.status(), groups=request.groups)
    frozen = sorted({*queue.to_freeze, *(held.frozen if held else ())})
    ledger.lease.set_frozen(token, frozen)
    if keeper is not None and frozen:
        keeper.tell(token)
    for name in queue.to_freeze:
        client.pause_group(name, wait=True)
    return tuple(frozen)


def _wait_for_drain(
    request: DeployRequest, instance: Instance, options: AuditOptions, ledger: Ledger
) -> None:
    """At most one slice; the controller asks again, so that progress shows."""
    if request.when_running != "wait" or not options.state:
        return
    limit = min(
        time.time() + options.slice_seconds,
        float(options.state["since"]) + options.drain_timeout,
    )
    with instance.client() as client:
        while time.time() < limit:
            snapshot = client.status()
            running = survey(snapshot, groups=request.groups).running
            if not running:
                # Asked last, since it reads the ledger.
                left = outlived(instance, snapshot, ledger)
                running = survey(snapshot, groups=request.groups, outlived=left).running
            if not running:
                return
            time.sleep(_POLL_SECONDS)


def _decide(
    request: DeployRequest,
    instance: Instance,
    options: AuditOptions,
    ledger: Ledger,
    token: str,
    *,
    before: t.Optional[Sight],
) -> Audit:
    """Look again behind the freeze: what was seen before it may be over."""
    seen = look(
        request,
        instance,
        repository=options.repository,
        token=token,
        ledger=ledger,
        before=before,
    )
    decision = seen.plan.decision
    if decision.action == "wait":
        return _waiting(seen, options)
    if decision.action == "abort":
        names = ", ".join(seen.plan.survey.running_labels()[:5])
        raise FleetError(
            f"{len(seen.plan.survey.running)} jobs are running ({names}) and deploy_when_running "
            f"is abort; nothing was changed. {decision.override} goes on.",
            details={"verdict": "failed", "plan": seen.plan.summary()},
        )
    if decision.action == "kill":
        refuse_unsafe_kill(seen.plan.survey, ledger)
    with ledger.change(token):
        ledger.journal.begin(seen.plan.plan_id, seen.plan.record(), last=DONE)
    return Audit(seen, reason=decision.reason, proceed=True, actions=[])


def _waiting(seen: Sight, options: AuditOptions) -> Audit:
    since = float(options.state.get("since") or time.time())
    names = ", ".join(seen.plan.survey.running_labels()[:5])
    running = len(seen.plan.survey.running)
    if time.time() - since < options.drain_timeout:
        waited = f"{time.time() - since:.0f}/{options.drain_timeout:.0f} s"
        state = {"progress": f"waiting for {running} running jobs ({names}) {waited}"}
        return Audit(seen, finished=False, state=state)
    return Audit(
        seen,
        verdict="deferred",
        reason=f"{running} jobs still run after {options.drain_timeout:.0f} s ({names}): thawed "
        "and unchanged. Deploy again later, or choose another deploy_when_running.",
    )


def _clock(moment: float) -> str:
    return time.strftime("%H:%M:%SZ", time.gmtime(moment))
