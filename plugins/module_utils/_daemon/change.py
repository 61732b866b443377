# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""A daemon as wished: look, plan, and in real mode carry it out under the lease."""

from __future__ import annotations

import os
import time
import typing as t
from pathlib import Path

from .._dataclass import dataclass, field, replace
from .._errors import FleetError, told
from .._files import locked, private_directory
from .._jobs import keeper
from .._jobs.floor import require_room
from .._jobs.instance import LOCK_SECONDS, Instance
from .._ledger.store import Ledger
from .._pueue.config import Config
from .._pueue.snapshot import Snapshot
from . import binaries, drain, unit_steps
from .manager import Manager
from .plan import plan
from .residents import Resident
from .sight import Sight, existing, jobs_run, look, read, running
from .steps import DaemonPlan
from .survivors import at_risk
from .swap import Swap
from .wish import Account, DaemonWish

# A stop and a start of somebody else's change.
_OTHERS_SECONDS = 300.0


@dataclass(frozen=True)
class Report:
    """What was done or would be."""

    plan: DaemonPlan
    daemon: t.Mapping[str, t.Any]
    tasks: t.Mapping[str, t.Any]
    warnings: t.Tuple[str, ...]
    waiting: t.Mapping[str, t.Any] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """False while running jobs are waited for: call again with ``waiting``."""
        return not self.waiting


def change(
    wish: DaemonWish,
    account: Account,
    *,
    environ: t.Mapping[str, str],
    token: t.Optional[str],
    check_mode: bool,
) -> Report:
    """Have it as wished. In check mode what is missing for it is a warning: what makes it, such
    as a role, only says so then as well."""
    try:
        return _change(wish, account, environ=environ, token=token, check_mode=check_mode)
    except (FleetError, OSError) as error:
        owner = wish.earlier.token or token
        if wish.earlier.since is None or owner is None:
            raise
        # An earlier slice has frozen groups, and no later one will come.
        config = existing(wish, read(wish.config_path), environ=account.environ(environ))
        hold = drain.Hold(owner, mine=wish.earlier.token is not None, frozen=wish.earlier.frozen)
        raise _released(error, wish, hold, config=config) from error


def _change(
    wish: DaemonWish,
    account: Account,
    *,
    environ: t.Mapping[str, str],
    token: t.Optional[str],
    check_mode: bool,
) -> Report:
    manager = Manager(account, environ=environ)
    if not check_mode:
        _after_others(wish)
    sight = look(wish, account, manager, environ=environ)
    if sight.problem and wish.present and not check_mode:
        raise FleetError(sight.problem, hazard="G-4")
    risk = at_risk(sight.snapshot, state_dir=wish.state_dir) if sight.snapshot else None
    made = plan(wish, sight, risk=risk)
    kept = made.kept
    config = kept.config if kept else _config(wish, sight, account, environ=environ)
    if not made.changed:
        return _report(wish, manager, made, config, before=sight.snapshot, after=sight.snapshot)
    with Ledger.open(wish.state_dir, read_only=True) as ledger:
        resumes = _resumes(ledger, wish)
        if not resumes:
            ledger.lease.require(token)
    if check_mode:
        said = (f"A real run would fail now: {sight.problem}",) if sight.problem else ()
        foretold = replace(made, warnings=(*made.warnings, *said))
        return _foretold(wish, foretold, config, sight)
    if sight.problem:
        raise FleetError(sight.problem, hazard="G-4")
    return _carry_out(wish, manager, made, config, sight, token=token)


def _config(
    wish: DaemonWish, sight: Sight, account: Account, *, environ: t.Mapping[str, str]
) -> t.Optional[Config]:
    if sight.config is not None:
        return sight.config.config
    return existing(wish, read(wish.config_path), environ=account.environ(environ))


def _purpose(wish: DaemonWish) -> str:
    return f"change the unit {wish.unit}"


def _resumes(ledger: Ledger, wish: DaemonWish) -> bool:
    held = ledger.lease.current()
    return held is not None and (held.owner, held.purpose) == (drain.OWNER, _purpose(wish))


def _carry_out(
    wish: DaemonWish,
    manager: Manager,
    made: DaemonPlan,
    config: t.Optional[Config],
    sight: Sight,
    *,
    token: t.Optional[str],
) -> Report:
    private_directory(wish.state_dir)
    old = made.stop.config if made.stop else config
    if old is not None and made.stop is not None:
        require_room(Instance(old, wish.state_dir))
    with Ledger.open(wish.state_dir) as ledger:
        hold = drain.take(ledger, purpose=_purpose(wish), token=token, earlier=wish.earlier)
    before = sight.snapshot
    current = old
    try:
        if made.stop is not None and old is not None:
            hold = _freeze(Instance(old, wish.state_dir), hold, new=wish.earlier.token is None)
            rests, before = _at_rest(Instance(old, wish.state_dir), wish)
            if not rests:
                return _waiting(wish, made, config, before, hold)
        with locked(wish.state_dir / "instance.lock", timeout=LOCK_SECONDS):
            with Ledger.open(wish.state_dir) as ledger:
                ledger.lease.require(hold.token)
            if made.stop is not None and old is not None:
                rests, before = _still_at_rest(Instance(old, wish.state_dir), wish)
                if not rests:
                    return _waiting(wish, made, config, before, hold)
            after = Swap(wish, made, manager, config).run(before)
        current = config
    except (FleetError, OSError) as error:
        raise _released(error, wish, hold, config=current) from error
    _release(wish, hold, config=config if wish.present else None)
    return _report(wish, manager, made, config, before=before, after=after)


def _after_others(wish: DaemonWish) -> None:
    """A change of the same daemon that is under way, as behind a cut connection, ends first."""
    if wish.state_dir.is_dir():
        with locked(wish.state_dir / "instance.lock", timeout=_OTHERS_SECONDS):
            pass


def _freeze(instance: Instance, hold: drain.Hold, *, new: bool) -> drain.Hold:
    if hold.mine and new:
        keeper.leave(instance, hold.token)
    with instance.lock(), instance.ledger() as ledger, instance.client() as client:
        return drain.freeze(ledger, client, hold)


def _at_rest(instance: Instance, wish: DaemonWish) -> t.Tuple[bool, Snapshot]:
    if wish.upgrade == "freeze":
        return True, _spared(instance)
    return drain.wait(
        instance,
        since=wish.earlier.since or time.time(),
        timeout=wish.drain_timeout,
        slice_seconds=wish.slice_seconds,
    )


def _still_at_rest(instance: Instance, wish: DaemonWish) -> t.Tuple[bool, Snapshot]:
    """Behind the lock, right before the stop: the plain command line asks no lock."""
    if wish.upgrade == "freeze":
        return True, _spared(instance)
    with instance.client() as client:
        snapshot = client.status()
    return not running(snapshot), snapshot


def _waiting(
    wish: DaemonWish,
    made: DaemonPlan,
    config: t.Optional[Config],
    snapshot: Snapshot,
    hold: drain.Hold,
) -> Report:
    """Frozen and not at rest yet: the next call goes on from here."""
    since = wish.earlier.since or time.time() - wish.slice_seconds
    waited = f"{time.time() - since:.0f}/{wish.drain_timeout:.0f} s"
    waiting = {
        "since": since,
        "token": hold.token if hold.mine else None,
        "frozen": list(hold.frozen),
        "progress": f"{wish.unit}: {jobs_run(running(snapshot))}, waited {waited}",
    }
    still = replace(made, sentences=(), before={}, after={})
    count = len(snapshot.tasks)
    daemon = _daemon(wish, config, pid=None)
    return Report(still, daemon, {"before": count, "after": count}, (), waiting)


def _spared(instance: Instance) -> Snapshot:
    """Looked at again behind the freeze: what was started until then may be bound to the daemon."""
    with instance.client() as client:
        snapshot = client.status()
    risk = at_risk(snapshot, state_dir=instance.state_dir)
    if risk is not None:
        raise FleetError(f"{risk[0].upper()}{risk[1:]}: nothing was changed. Run this again.")
    return snapshot


def _release(wish: DaemonWish, hold: drain.Hold, *, config: t.Optional[Config]) -> None:
    if config is not None:
        drain.release(Instance(config, wish.state_dir), hold)
        return
    # Without a daemon there is nothing to thaw; its unit resumes them when there is one again.
    if hold.frozen:
        unit_steps.note_running(wish.notes, hold.frozen)
    with Ledger.open(wish.state_dir) as ledger:
        if hold.mine:
            held = ledger.lease.held()
            if held is not None and held.token == hold.token:
                ledger.lease.thawed(held.frozen)
            ledger.lease.release(hold.token)


def _released(
    error: t.Union[FleetError, OSError],
    wish: DaemonWish,
    hold: drain.Hold,
    *,
    config: t.Optional[Config],
) -> FleetError:
    first = told(error)
    try:
        _release(wish, hold, config=config)
    except (FleetError, OSError) as second:
        first.message += (
            f" Afterwards the frozen groups could not be thawed: {second} The next call of the "
            "collection thaws them once the lease has expired."
        )
    return first


def _foretold(
    wish: DaemonWish, made: DaemonPlan, config: t.Optional[Config], sight: Sight
) -> Report:
    count = len(sight.snapshot.tasks) if sight.snapshot else 0
    daemon = _kept(made.kept) if made.kept else _daemon(wish, config, pid=None)
    return Report(made, daemon, {"before": count, "after": count}, made.warnings)


def _report(
    wish: DaemonWish,
    manager: Manager,
    made: DaemonPlan,
    config: t.Optional[Config],
    *,
    before: t.Optional[Snapshot],
    after: t.Optional[Snapshot],
) -> Report:
    count = len(before.tasks) if before else 0
    if made.kept:
        daemon = _kept(made.kept)
    else:
        pid = manager.state(wish.unit).pid if wish.present else 0
        daemon = _daemon(wish, config, pid=pid or None)
    tasks = {"before": count, "after": len(after.tasks) if after else count}
    return Report(made, daemon, tasks, made.warnings)


def _daemon(
    wish: DaemonWish, config: t.Optional[Config], *, pid: t.Optional[int]
) -> t.Dict[str, t.Any]:
    return {
        "version": wish.version if wish.present else None,
        "pid": pid,
        "unit": wish.unit,
        "socket": config.address if config else None,
        "config": str(wish.config_path),
    }


def _kept(one: Resident) -> t.Dict[str, t.Any]:
    """Somebody else's daemon, which runs in check mode as well."""
    return {
        "version": binaries.version(Path(f"/proc/{one.pid}/exe"), environ=os.environ),
        "pid": one.pid,
        "unit": None,
        "socket": one.config.address if one.config else None,
        "config": str(one.config.path) if one.config else None,
    }
