# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The lease, checked right before each change and again where the change is recorded."""

from __future__ import annotations

import contextlib
import os
import typing as t
from pathlib import Path

from .._errors import FleetError
from .._files import private_directory
from .._ledger.store import Ledger


def state_directory(state_dir: str) -> Path:
    """The directory of the ledger; code may be deployed before the host has a queue at all."""
    path = Path(os.path.expanduser(state_dir))
    if not path.is_absolute():
        raise FleetError(
            f'state_dir "{state_dir}" is relative; give an absolute path or one that starts '
            'with "~".'
        )
    return path


def guard(state_dir: Path, token: t.Optional[str]) -> t.Callable[[], t.ContextManager[None]]:
    """What ``source.apply`` and ``wheel.apply`` enter; refuses while somebody else has the lease.

    The ledger is not held during the change: jobs that end meanwhile must be able to say so.
    """

    @contextlib.contextmanager
    def entered() -> t.Iterator[None]:
        with _ledger(state_dir) as ledger, ledger.change(token):
            pass
        yield

    return entered


def record(
    state_dir: Path,
    token: t.Optional[str],
    *,
    project: str,
    sha: t.Optional[str] = None,
    version: t.Optional[str] = None,
    changed: bool = True,
) -> None:
    """Note what the project is at now; what the ledger knows already takes no lease and no write.

    Only what changed is given: the other half is kept as it was recorded. ``changed`` is what was
    done before: an error must not hide that.
    """
    with Ledger.open(state_dir, read_only=True) as ledger:
        known = ledger.releases.current(project)
    sha = sha or (known.sha if known else None)
    version = version or (known.version if known else "")
    if sha is None or (known and (known.sha, known.version) == (sha, version)):
        return
    try:
        with _ledger(state_dir) as ledger, ledger.change(token):
            ledger.releases.record(sha, project=project, version=version)
    except FleetError as error:
        error.details["changed"] = changed
        raise


def _ledger(state_dir: Path) -> Ledger:
    return Ledger.open(private_directory(state_dir))
