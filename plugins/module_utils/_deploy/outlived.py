# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Jobs that run on although pueue calls their task ended, as after a crash of pueued."""

from __future__ import annotations

import typing as t

from .._jobs import evidence
from .._jobs.instance import Instance
from .._pueue.snapshot import Snapshot, Task


def outlived(instance: Instance, snapshot: Snapshot) -> t.Tuple[Task, ...]:
    """The finished tasks whose process is still there: a change of code would meet them."""
    host = evidence.this_host(instance.config.pid_path)
    latest = snapshot.latest()
    with instance.ledger(read_only=True) as ledger:
        attempts = ledger.attempts.open_attempts()
    alive = {
        attempt.label
        for attempt in attempts
        if attempt.label in latest
        and latest[attempt.label].done
        and evidence.living_process(attempt, host=host) is not None
    }
    return tuple(latest[label] for label in sorted(alive))
