# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The queue held still for a restart of its daemon: lease, freeze, wait, and the way back."""

from __future__ import annotations

import contextlib
import time
import typing as t

from .._dataclass import dataclass, replace
from .._errors import FleetError
from .._jobs import recovery
from .._jobs.instance import Instance
from .._ledger.store import Ledger
from .._pueue.client import Client
from .._pueue.snapshot import Snapshot
from .sight import jobs_run, running
from .wish import NOTHING_EARLIER, Earlier

OWNER = "pueue_daemon"
# Longer than a slice, a stop and a start together may take.
_TTL_SECONDS = 900.0
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Hold:
    """The right to change: a lease of our own, or the caller's.

    ``frozen`` is what was frozen for this change so far, ``kept`` what the caller had frozen.
    """

    token: str
    mine: bool
    frozen: t.Tuple[str, ...] = ()
    kept: t.Tuple[str, ...] = ()


def take(
    ledger: Ledger, *, purpose: str, token: t.Optional[str], earlier: Earlier = NOTHING_EARLIER
) -> Hold:
    """The caller's lease where a ``token`` is given, else one of our own.

    A run of the same purpose whose controller has gone is succeeded, with what it has frozen; its
    late steps are refused then.
    """
    held = ledger.lease.current()
    if token is not None:
        ledger.lease.require(token)
        kept = set(held.frozen if held else ()) - set(earlier.frozen)
        return Hold(token, mine=False, frozen=earlier.frozen, kept=tuple(sorted(kept)))
    resumes = held is not None and (held.owner, held.purpose) == (OWNER, purpose)
    if earlier.token is not None:
        lease = ledger.lease.take(OWNER, purpose, _TTL_SECONDS, token=earlier.token)
    else:
        lease = ledger.lease.take(OWNER, purpose, _TTL_SECONDS, take_over=resumes)
    ledger.lease.inherit(lease.token)
    now = ledger.lease.current()
    return Hold(lease.token, mine=True, frozen=now.frozen if now else ())


def freeze(ledger: Ledger, client: Client, hold: Hold) -> Hold:
    """Pause what runs, on record first, so that a death in between is thawed by the next one."""
    names = sorted(name for name, group in client.groups().items() if group.running)
    held = ledger.lease.current()
    ledger.lease.set_frozen(hold.token, {*names, *(held.frozen if held else ())})
    # A pause also saves what pueued so far has in memory only, so there is always one.
    for name in names or sorted(client.groups())[:1]:
        client.pause_group(name, wait=True)
    return replace(hold, frozen=tuple(sorted({*hold.frozen, *names})))


def wait(
    instance: Instance,
    *,
    since: float,
    timeout: float,
    slice_seconds: float,
    now: t.Callable[[], float] = time.time,
) -> t.Tuple[bool, Snapshot]:
    """For one slice, until no task has a process; whether that is so, and the queue then."""
    limit = min(now() + slice_seconds, since + timeout)
    with instance.client() as client:
        while True:
            snapshot = client.status()
            left = running(snapshot)
            if not left:
                return True, snapshot
            if now() >= since + timeout:
                raise FleetError(
                    f"After {timeout:g} s {jobs_run(left)}, and a restart of pueued would kill "
                    "that: nothing was changed, and what was frozen runs again. Run this again "
                    "later, or with a longer drain_timeout."
                )
            if now() >= limit:
                return False, snapshot
            time.sleep(_POLL_SECONDS)


def release(instance: Instance, hold: Hold) -> t.Tuple[str, ...]:
    """Thaw what was frozen here, and give back a lease of our own."""
    with instance.ledger() as ledger:
        if hold.mine:
            return recovery.give_back(instance, ledger, hold.token)
        held = ledger.lease.held()
        # Where the lease has gone to somebody else, what is frozen is frozen for them.
        if not hold.frozen or held is None or held.token != hold.token:
            return ()
        with instance.client() as client:
            thawed = recovery.thaw(client, hold.frozen)
        with contextlib.suppress(FleetError):
            ledger.lease.set_frozen(hold.token, hold.kept)
        return thawed
