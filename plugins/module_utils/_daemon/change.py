# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""A daemon as wished: look, plan, and in real mode carry it out under the lease."""

from __future__ import annotations

import typing as t

from .._dataclass import dataclass, replace
from .._errors import FleetError, from_os_error
from .._files import private_directory
from .._jobs.floor import require_room
from .._jobs.instance import Instance
from .._ledger.store import Ledger
from .._pueue.config import Config
from .._pueue.snapshot import Snapshot
from . import drain, unit_steps
from .manager import Manager
from .plan import DaemonPlan, plan
from .sight import Sight, existing, look, read
from .survivors import at_risk
from .swap import Swap
from .wish import Account, DaemonWish


@dataclass(frozen=True)
class Report:
    """What was done or would be."""

    plan: DaemonPlan
    daemon: t.Mapping[str, t.Any]
    tasks: t.Mapping[str, t.Any]
    warnings: t.Tuple[str, ...]


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
    manager = Manager(account, environ=environ)
    sight = look(wish, account, manager, environ=environ)
    if sight.problem and wish.present and not check_mode:
        raise FleetError(sight.problem, hazard="G-4")
    risk = at_risk(sight.snapshot, state_dir=wish.state_dir) if sight.snapshot else None
    made = plan(wish, sight, risk=risk)
    config = _config(wish, sight, account, environ=environ)
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
        hold = drain.take(ledger, purpose=_purpose(wish), token=token)
    frozen: t.Tuple[str, ...] = ()
    before = sight.snapshot
    current = old
    try:
        if made.stop is not None and old is not None:
            frozen, before = _still(Instance(old, wish.state_dir), hold, wish)
        with Ledger.open(wish.state_dir) as ledger:
            ledger.lease.require(hold.token)
        after = Swap(wish, made, manager, config).run(before)
        current = config
    except (FleetError, OSError) as error:
        raise _released(error, wish, hold, frozen, config=current) from error
    _release(wish, hold, frozen, config=config if made.start else None)
    return _report(wish, manager, made, config, before=before, after=after)


def _still(
    instance: Instance, hold: drain.Hold, wish: DaemonWish
) -> t.Tuple[t.Tuple[str, ...], Snapshot]:
    with instance.lock(), instance.ledger() as ledger, instance.client() as client:
        frozen = drain.freeze(ledger, client, hold)
    try:
        if wish.upgrade == "freeze":
            return frozen, _spared(instance)
        return frozen, drain.wait(instance, hold, seconds=wish.drain_timeout)
    except (FleetError, OSError) as error:
        raise _released(error, wish, hold, frozen, config=instance.config) from error


def _spared(instance: Instance) -> Snapshot:
    """Looked at again behind the freeze: what was started until then may be bound to the daemon."""
    with instance.client() as client:
        snapshot = client.status()
    risk = at_risk(snapshot, state_dir=instance.state_dir)
    if risk is not None:
        raise FleetError(f"{risk[0].upper()}{risk[1:]}: nothing was changed. Run this again.")
    return snapshot


def _release(
    wish: DaemonWish, hold: drain.Hold, frozen: t.Sequence[str], *, config: t.Optional[Config]
) -> None:
    if config is not None:
        drain.release(Instance(config, wish.state_dir), hold, frozen)
        return
    # Without a daemon there is nothing to thaw; its unit resumes them when there is one again.
    if frozen:
        unit_steps.note_running(wish.notes, frozen)
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
    frozen: t.Sequence[str],
    *,
    config: t.Optional[Config],
) -> FleetError:
    told = error if isinstance(error, FleetError) else from_os_error(error)
    try:
        _release(wish, hold, frozen, config=config if frozen else None)
    except (FleetError, OSError) as second:
        told.message += (
            f" Afterwards the frozen groups could not be thawed: {second} The next call of the "
            "collection thaws them once the lease has expired."
        )
    return told


def _foretold(
    wish: DaemonWish, made: DaemonPlan, config: t.Optional[Config], sight: Sight
) -> Report:
    count = len(sight.snapshot.tasks) if sight.snapshot else 0
    daemon = _daemon(wish, config, version=wish.version if wish.present else None, pid=None)
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
    pid = manager.state(wish.unit).pid if wish.present else 0
    daemon = _daemon(wish, config, version=wish.version if wish.present else None, pid=pid or None)
    tasks = {"before": count, "after": len(after.tasks) if after else count}
    return Report(made, daemon, tasks, made.warnings)


def _daemon(
    wish: DaemonWish,
    config: t.Optional[Config],
    *,
    version: t.Optional[str],
    pid: t.Optional[int],
) -> t.Dict[str, t.Any]:
    return {
        "version": version,
        "pid": pid,
        "unit": wish.unit,
        "socket": config.address if config else None,
        "config": str(wish.config_path),
    }
