# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What a dead owner of a lease left behind in the queue, and how a live one leaves nothing."""

from __future__ import annotations

import typing as t

from .._dataclass import replace
from .._errors import FleetError, told
from .._ledger.store import Ledger
from .._pueue.client import Client
from .._pueue.snapshot import Snapshot
from .instance import Instance


def thaw(client: Client, groups: t.Iterable[str]) -> t.Tuple[str, ...]:
    """Let exactly these groups run again; the ones that were paused until now.

    Groups that are gone or run already are passed over, so that a repetition does no harm.
    """
    wanted = sorted(set(groups))
    paused = _paused(client, wanted)
    for name in paused:
        client.start_group(name)
    still = _paused(client, paused) if paused else ()
    if still:
        raise FleetError(
            f"pueue still has the frozen groups paused: {', '.join(still)}. Look at them with "
            "pueue_status and run this again."
        )
    return paused


def thaw_expired(
    instance: Instance,
    client: t.Optional[Client],
    ledger: Ledger,
    *,
    token: t.Optional[str] = None,
) -> t.Tuple[str, ...]:
    """Thaw what leases froze that expired, were taken over, or ended without a thaw.

    Nothing is done under a live lease of which ``token`` is not the token: the queue is its
    owner's. Without a ``client`` one is opened where there is something to thaw.
    """
    if not _left_frozen(ledger, token):
        return ()
    with ledger.change(token):
        return thaw_recorded(instance, ledger, ledger.lease.expired_frozen(), client=client)


def foresee_thaw(
    snapshot: Snapshot, ledger: Ledger, *, token: t.Optional[str] = None
) -> t.Tuple[t.Tuple[str, ...], Snapshot]:
    """For check mode: what ``thaw_expired`` would thaw, and the queue as it would be then."""
    frozen = _left_frozen(ledger, token)
    groups = dict(snapshot.groups)
    thawed = tuple(name for name in frozen if name in groups and groups[name].status == "Paused")
    groups.update({name: replace(groups[name], status="Running") for name in thawed})
    return thawed, replace(snapshot, groups=groups)


def thaw_sentences(groups: t.Iterable[str]) -> t.List[str]:
    """For ``actions``."""
    return [f'Thaw group "{name}", which a lease that ended left frozen.' for name in groups]


def _left_frozen(ledger: Ledger, token: t.Optional[str]) -> t.Tuple[str, ...]:
    live = ledger.lease.current()
    if live is not None and live.token != token:
        return ()
    return tuple(ledger.lease.expired_frozen())


def give_back(
    instance: Instance, ledger: Ledger, token: str, *, client: t.Optional[Client] = None
) -> t.Tuple[str, ...]:
    """Thaw what the lease of ``token`` froze and end it; nothing if it is gone."""
    with ledger.record(durable=True):
        held = ledger.lease.held()
        if held is None or held.token != token:
            return ()
        thawed = thaw_recorded(instance, ledger, held.frozen, client=client)
        ledger.lease.release(token)
        return thawed


def given_back(
    instance: Instance, token: str, error: t.Union[FleetError, OSError]
) -> t.Tuple[FleetError, t.Tuple[str, ...]]:
    """An error after the host was put back to where it was; and the groups that were thawed."""
    first = told(error)
    try:
        with instance.ledger() as ledger:
            return first, give_back(instance, ledger, token)
    except (FleetError, OSError) as second:
        first.message += (
            f" Afterwards the frozen groups could not be thawed either: {second} The next call of "
            "the collection thaws them once the lease has expired."
        )
        return first, ()


def thaw_recorded(
    instance: Instance,
    ledger: Ledger,
    groups: t.Iterable[str],
    *,
    client: t.Optional[Client] = None,
) -> t.Tuple[str, ...]:
    """Thaw groups and forget that a lease froze them, inside the ledger's open transaction.

    The queue is told within the transaction: so nobody can take the lease between the look at it
    and the thaw. If the daemon does not answer, the record stays for the next one who tries.
    """
    names = tuple(groups)
    if not names:
        return ()
    if client is None:
        with instance.client() as opened:
            thawed = thaw(opened, names)
    else:
        thawed = thaw(client, names)
    ledger.lease.thawed(names)
    return thawed


def _paused(client: Client, names: t.Iterable[str]) -> t.Tuple[str, ...]:
    found = client.groups()
    return tuple(name for name in names if name in found and found[name].status == "Paused")
