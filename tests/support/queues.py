# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots and attempts in one line each, for tables."""

from __future__ import annotations

import typing as t

from ansible_collections.fleet.jobs.plugins.module_utils._ledger.attempts import Attempt
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.snapshot import (
    Group,
    Snapshot,
    Task,
)

BEGAN = 1_700_000_000.0


def task(
    number: int,
    label: t.Optional[str] = "",
    status: str = "Queued",
    *,
    after: t.Sequence[int] = (),
    group: str = "default",
    ours: bool = True,
    code: t.Optional[int] = None,
    **more: t.Any,
) -> Task:
    """A task; ``status`` may be a result, which makes it a finished one."""
    result = None if status in _ACTIVE else status
    done = result is not None
    times = {
        "created": BEGAN + number,
        "enqueued": BEGAN + number,
        "started": BEGAN + 100 if done or status in ("Running", "Paused") else None,
        "ended": BEGAN + 200 if done else None,
        "enqueue_at": None,
    }
    fields: t.Dict[str, t.Any] = {
        "id": number,
        "label": f"bars/{number}" if label == "" else label,
        "group": group,
        "status": "Done" if done else status,
        "result": result,
        "exit_code": 0 if result == "Success" else code,
        "command": f"job {number}",
        "path": "/srv",
        "priority": 0,
        "dependencies": tuple(after),
        "created_at": f"2026-01-01T00:00:00.{number:06d}Z",
        "marker": {"FLEET_JOBS_TASK": f"key-{number}"} if ours else {},
        **times,
        **more,
    }
    return Task(**fields)


_ACTIVE = ("Queued", "Stashed", "Running", "Paused", "Locked")


def snapshot(
    *tasks: Task, paused: t.Sequence[str] = (), parallel: t.Optional[t.Mapping[str, int]] = None
) -> Snapshot:
    """A queue with these tasks and the groups they name."""
    names = {"default", *paused, *(parallel or {}), *(one.group for one in tasks)}
    groups = {
        name: Group(
            name=name,
            status="Paused" if name in paused else "Running",
            parallel=(parallel or {}).get(name, 1),
        )
        for name in sorted(names)
    }
    return Snapshot(tasks={one.id: one for one in tasks}, groups=groups)


def attempt(
    label: str,
    number: int = 1,
    class_: t.Optional[str] = "app",
    *,
    code: t.Optional[int] = 1,
    release: t.Optional[str] = None,
    task_key: str = "",
    **more: t.Any,
) -> Attempt:
    """A run of a label, finished unless ``class_`` is None."""
    return Attempt(
        id=number,
        label=label,
        task_key=task_key or f"key-{label.rpartition('/')[2]}",
        number=number,
        started=BEGAN + 100,
        ended=None if class_ is None else BEGAN + 200,
        class_=class_,
        exit_code=code,
        release=release,
        **more,
    )
