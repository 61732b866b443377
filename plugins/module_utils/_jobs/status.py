# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Everything a digest needs, read from the daemon or its state file, and from the ledger."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import typing as t

from .._ledger.store import Ledger
from .._pueue.snapshot import Snapshot
from . import evidence
from .digest import Facts, Page
from .floor import REFUSE_STATE_BYTES, WARN_STATE_BYTES, state_size
from .instance import Instance

SOURCES = ("status", "state_file")


def survey(instance: Instance, *, source: str, page: t.Optional[Page] = None) -> Facts:
    """Look at the queue; nothing is written, also not below the state directory."""
    version: t.Optional[str] = None
    with _collector_at_rest():
        if source == "state_file":
            snapshot = Snapshot.from_state_file(instance.config.state_file)
        else:
            with instance.client() as client:
                snapshot, version = client.status(), client.daemon_version
        with instance.ledger(read_only=True) as ledger:
            return _facts(instance, snapshot, ledger, source=source, version=version, page=page)


@contextlib.contextmanager
def _collector_at_rest() -> t.Iterator[None]:
    """Decoding makes a few hundred thousand objects and no cycle; looking for one costs a fifth.

    What stays of them stays to the end of this process, so it is not looked at later either.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.freeze()
            gc.enable()


def _facts(
    instance: Instance,
    snapshot: Snapshot,
    ledger: Ledger,
    *,
    source: str,
    version: t.Optional[str],
    page: t.Optional[Page],
) -> Facts:
    labels = {task.label for task in snapshot.tasks.values() if task.failed and task.label}
    if page is not None and page.size:
        labels.update(task.label for task in page.tasks(snapshot) if task.label)
    attempts = ledger.attempts.latest(labels) if labels else {}
    host = evidence.host_of(instance)
    return Facts(
        snapshot=snapshot,
        source=source,
        daemon_version=version,
        classes=evidence.classes(snapshot, ledger, attempts=attempts, host=host),
        attempts=attempts,
        leftovers=_leftovers(instance, snapshot, ledger),
        lease=ledger.lease.current(),
        state_file=_state_file(instance),
    )


def _leftovers(instance: Instance, snapshot: Snapshot, ledger: Ledger) -> t.Tuple[str, ...]:
    """Stashed jobs of a submission whose client died before it enqueued them."""
    unfinished = ledger.submissions.unfinished()
    if not unfinished or _somebody_changes(instance):
        return ()
    # Brings in all that queues and runs jobs, which would be half of what a plain look imports.
    from . import leftovers

    found = leftovers.plan(unfinished, snapshot)
    return tuple(task.label or "(no label)" for one in found for task in one.tasks)


def _somebody_changes(instance: Instance) -> bool:
    """Whether the instance's lock is held: then an unfinished submission is still at work."""
    try:
        handle = os.open(str(instance.state_dir / "instance.lock"), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _state_file(instance: Instance) -> t.Dict[str, t.Any]:
    """How big pueue's state file is, and what AP-10 says about that."""
    size = state_size(instance.config)
    level = "ok"
    if size > REFUSE_STATE_BYTES:
        level = "refuse"
    elif size > WARN_STATE_BYTES:
        level = "warn"
    return {"bytes": size, "level": level}
