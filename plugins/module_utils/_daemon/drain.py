# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The queue held still for a restart of its daemon: lease, freeze, wait, and the way back."""

from __future__ import annotations

import contextlib
import time
import typing as t

from .._dataclass import dataclass
from .._errors import FleetError
from .._jobs import recovery
from .._jobs.instance import Instance
from .._ledger.store import Ledger
from .._pueue.client import Client
from .._pueue.snapshot import Snapshot
from .sight import jobs_run, running

OWNER = "pueue_daemon"
# Longer than a stop and a start together may take.
_TTL_SECONDS = 900.0
_POLL_SECONDS = 0.5
_RENEW_SECONDS = 30.0


@dataclass(frozen=True)
class Hold:
    """The right to change: a lease of our own, or the caller's with what that one has frozen."""

    token: str
    mine: bool
    kept: t.Tuple[str, ...] = ()


def take(ledger: Ledger, *, purpose: str, token: t.Optional[str]) -> Hold:
    """The caller's lease where a token is given, else one of our own.

    A run of the same purpose that was cut off is succeeded; its late steps are refused then.
    """
    if token is not None:
        ledger.lease.require(token)
        held = ledger.lease.current()
        return Hold(token, mine=False, kept=held.frozen if held else ())
    held = ledger.lease.current()
    resumes = held is not None and (held.owner, held.purpose) == (OWNER, purpose)
    lease = ledger.lease.take(OWNER, purpose, _TTL_SECONDS, take_over=resumes)
    ledger.lease.inherit(lease.token)
    return Hold(lease.token, mine=True)


def freeze(ledger: Ledger, client: Client, hold: Hold) -> t.Tuple[str, ...]:
    """Pause what runs, on record first, so that a death in between is thawed by the next one."""
    names = sorted(name for name, group in client.groups().items() if group.running)
    held = ledger.lease.current()
    ledger.lease.set_frozen(hold.token, {*names, *(held.frozen if held else ())})
    # A pause also saves what pueued so far has in memory only, so there is always one.
    for name in names or sorted(client.groups())[:1]:
        client.pause_group(name, wait=True)
    return tuple(names)


def wait(
    instance: Instance, hold: Hold, *, seconds: float, now: t.Callable[[], float] = time.monotonic
) -> Snapshot:
    """Until no task has a process; the queue as it stands then."""
    started = renewed = now()
    with instance.client() as client:
        while True:
            snapshot = client.status()
            left = running(snapshot)
            if not left:
                return snapshot
            if now() - started >= seconds:
                raise FleetError(
                    f"After {seconds:g} s {jobs_run(left)}, and a restart of "
                    "pueued would kill them: nothing was changed, and what was frozen runs again. "
                    "Run this again later, or with a longer drain_timeout.",
                )
            if now() - renewed >= _RENEW_SECONDS:
                renewed = now()
                _renew(instance, hold)
            time.sleep(_POLL_SECONDS)


def _renew(instance: Instance, hold: Hold) -> None:
    with instance.ledger() as ledger:
        if hold.mine:
            ledger.lease.renew(hold.token, _TTL_SECONDS)
        else:
            ledger.lease.require(hold.token)


def release(instance: Instance, hold: Hold, frozen: t.Sequence[str]) -> t.Tuple[str, ...]:
    """Thaw what was frozen here, and give back a lease of our own."""
    with instance.ledger() as ledger:
        if hold.mine:
            return recovery.give_back(instance, ledger, hold.token)
        if not frozen:
            return ()
        with instance.client() as client:
            thawed = recovery.thaw(client, frozen)
        with contextlib.suppress(FleetError):
            ledger.lease.set_frozen(hold.token, hold.kept)
        return thawed
