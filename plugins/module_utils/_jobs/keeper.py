# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Nothing stays frozen longer than its lease, also where nobody calls again and no job ends.

A controller that is cancelled ends by SIGKILL. So whoever freezes leaves a process on the host
that waits for the end of the lease. Until then it leaves no trace, keeps nobody waiting, and reads
the ledger, which takes a copy of it, only when somebody has changed it.
"""

from __future__ import annotations

import contextlib
import os
import time
import typing as t

from .._errors import FleetError
from .._host.detached import detach
from .._ledger.store import FILE_NAME
from . import recovery
from .instance import Instance

_POLL_SECONDS = 5.0
# Most leases are given back before the first look, which would only be in their way.
_FIRST_LOOK_SECONDS = 2.0
# For a pueued that is down when the lease expires; after that the next call thaws.
_PATIENCE_SECONDS = 600.0


class Keeper:
    """A process that waits to be told of a lease, and is gone with us if it never is.

    SQLite must not be carried into another process: hire it before the ledger is opened.
    """

    def __init__(self, instance: Instance) -> None:
        reader, self._writer = os.pipe()
        try:
            child = os.fork()
        except OSError:
            # No room for one process more: the next call thaws.
            os.close(reader)
            return
        if child == 0:
            _be_keeper(instance, reader)
        os.close(reader)
        os.waitpid(child, 0)

    def tell(self, token: str) -> None:
        """From now on it thaws what this lease froze, unless somebody has before the expiry."""
        if self._writer >= 0:
            with contextlib.suppress(BrokenPipeError):
                os.write(self._writer, token.encode())
        self.dismiss()

    def dismiss(self) -> None:
        """It has heard all that it will hear."""
        if self._writer >= 0:
            os.close(self._writer)
            self._writer = -1


def leave(instance: Instance, token: str) -> None:
    """Hire and tell at once, where no ledger is open."""
    Keeper(instance).tell(token)


def _be_keeper(instance: Instance, reader: int) -> None:
    try:
        # The parent of the second one is gone at once, so nobody has to look after it.
        if os.fork() == 0:
            detach(keep=reader)
            os.chdir("/")
            with os.fdopen(reader, encoding="ascii") as stream:
                token = stream.read()
            if token:
                keep(instance, token)
    finally:
        os._exit(0)


def keep(instance: Instance, token: str) -> None:
    """Wait for the end of the lease, then thaw what it left frozen."""
    time.sleep(_FIRST_LOOK_SECONDS)
    seen, expires = _state(instance), _expiry(instance, token)
    while expires is not None and expires > time.time():
        time.sleep(min(_POLL_SECONDS, expires - time.time() + 0.05))
        before, seen = seen, _state(instance)
        if seen != before or expires <= time.time():
            expires = _expiry(instance, token)
    until = time.time() + _PATIENCE_SECONDS
    while expires is not None and time.time() < until:
        if _thawed(instance):
            return
        time.sleep(_POLL_SECONDS)
        expires = _expiry(instance, token)


def _state(instance: Instance) -> t.List[t.Tuple[int, int]]:
    """What tells a change of the ledger without reading it, however large it is."""
    found = []
    for name in (FILE_NAME, f"{FILE_NAME}-wal"):
        with contextlib.suppress(OSError):
            status = (instance.state_dir / name).stat()
            found.append((status.st_mtime_ns, status.st_size))
    return found


def _expiry(instance: Instance, token: str) -> t.Optional[float]:
    """When the lease ends; None where it has been given back, or taken over with its freeze."""
    try:
        if not (instance.state_dir / FILE_NAME).exists():
            return None
        with instance.ledger(read_only=True) as ledger:
            held = ledger.lease.held()
            return held.expires if held is not None and held.token == token else None
    except (FleetError, OSError):
        # In the middle of somebody's change; look again.
        return time.time() + _POLL_SECONDS


def _thawed(instance: Instance) -> bool:
    try:
        with instance.ledger() as ledger:
            recovery.thaw_expired(instance, None, ledger)
    except (FleetError, OSError):
        return False
    return True
