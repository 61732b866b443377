# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What a deploy has to know about the queue, taken from one snapshot."""

from __future__ import annotations

import typing as t

from .._dataclass import dataclass
from .._jobs.ending import name_of
from .._pueue.selection import Selection
from .._pueue.snapshot import Snapshot, Task

LISTED = 50


@dataclass(frozen=True)
class Survey:
    """The deploy's part of the queue."""

    groups: t.Tuple[str, ...]
    to_freeze: t.Tuple[str, ...]
    running: t.Tuple[Task, ...]
    queued: int
    duplicates: t.Tuple[str, ...]
    strangers: int

    def running_labels(self) -> t.List[str]:
        """Names of what runs, for people; bounded."""
        return [name_of(task) for task in self.running[:LISTED]]


def survey(
    snapshot: Snapshot, *, groups: t.Sequence[str], outlived: t.Sequence[Task] = ()
) -> Survey:
    """Look at the named groups, or at all of them; what outlived its task runs as well."""
    Selection(groups=tuple(groups)).require_groups(snapshot, option="deploy_groups")
    chosen = tuple(sorted(groups or snapshot.groups))
    tasks = Selection(groups=chosen, states=("active",)).select(snapshot)
    return Survey(
        groups=chosen,
        to_freeze=tuple(name for name in chosen if snapshot.groups[name].running),
        running=(
            *(task for task in tasks if task.status in ("Running", "Paused")),
            *(task for task in outlived if task.group in chosen),
        ),
        queued=sum(task.status == "Queued" for task in tasks),
        duplicates=tuple(sorted(snapshot.duplicates()))[:LISTED],
        strangers=sum(not task.marker for task in tasks),
    )
