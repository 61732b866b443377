# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The lease, checked right before each change and again where the change is recorded."""

from __future__ import annotations

import contextlib
import typing as t

from .._jobs.instance import Instance


def guard(instance: Instance, token: t.Optional[str]) -> t.Callable[[], t.ContextManager[None]]:
    """What ``source.apply`` and ``wheel.apply`` enter; refuses while somebody else has the lease.

    The ledger is not held during the change: jobs that end meanwhile must be able to say so.
    """

    @contextlib.contextmanager
    def entered() -> t.Iterator[None]:
        with instance.ledger() as ledger, ledger.change(token):
            pass
        yield

    return entered


def record(
    instance: Instance,
    token: t.Optional[str],
    *,
    project: str,
    sha: t.Optional[str] = None,
    version: t.Optional[str] = None,
) -> None:
    """Note what the project is at now; what the ledger knows already takes no lease and no write.

    Only what changed is given: the other half is kept as it was recorded.
    """
    with instance.ledger(read_only=True) as ledger:
        known = ledger.releases.current(project)
    sha = sha or (known.sha if known else None)
    version = version or (known.version if known else "")
    if sha is None or (known and (known.sha, known.version) == (sha, version)):
        return
    with instance.ledger() as ledger, ledger.change(token):
        ledger.releases.record(sha, project=project, version=version)
