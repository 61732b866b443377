# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""One bounded slice of waiting for a selection of jobs to drain or to finish."""

from __future__ import annotations

import collections
import os
import time
import typing as t
from pathlib import Path

from .._dataclass import dataclass, field, replace
from .._errors import FleetError
from .._pueue.selection import Selection
from .._pueue.snapshot import Snapshot, Task
from .instance import Instance

GOALS = ("drained", "finished")
MAX_SLICE_SECONDS = 50.0
_TICK_SECONDS = 0.25
# What pueue does not save (Enqueue, Restart, DependencyFailed) is seen this late at most.
_UNSAVED_SECONDS = 5.0
# A big queue may be read for this share of the time and no more.
_READING_SHARE = 0.1
_SHOWN = 10


@dataclass(frozen=True)
class Wish:
    """What is waited for; ``timeout`` counts over all slices."""

    selection: Selection
    until: str = "finished"
    timeout: float = 3600.0
    slice_seconds: float = 45.0


@dataclass(frozen=True)
class Observation:
    """The selection at one moment."""

    reached: bool
    counts: t.Mapping[str, int] = field(default_factory=dict)
    busy: t.Tuple[str, ...] = ()
    stuck: t.Tuple[str, ...] = ()


@dataclass(frozen=True)
class Slice:
    """What one slice saw; ``state`` goes into the next one."""

    seen: Observation
    finished: bool
    waited: float
    state: t.Dict[str, float]


class Clock(t.Protocol):
    """Time that goes forward, and a way to let it pass."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's monotonic clock, which is the same for all processes of one boot."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def observe(snapshot: Snapshot, selection: Selection, *, until: str) -> Observation:
    """Count the selection, and say whether the goal is reached.

    ``drained`` means that nothing runs or is paused; ``finished`` that nothing is active at all.
    """
    selection.require_groups(snapshot)
    tasks = selection.select(snapshot)
    counts: t.Dict[str, int] = collections.Counter(_word(task) for task in tasks)
    running = [task for task in tasks if task.status in ("Running", "Paused")]
    active = [task for task in tasks if task.active]
    waiting_for = running if until == "drained" else active
    busy = sorted({task.label or f"(no label, group {task.group})" for task in waiting_for})
    stuck = [] if running or until == "drained" else _stuck(snapshot, active)
    return Observation(
        reached=not waiting_for, counts=dict(counts), busy=tuple(busy), stuck=tuple(stuck)
    )


def _word(task: Task) -> str:
    return "ok" if task.ok else "failed" if task.failed else task.status.lower()


def _stuck(snapshot: Snapshot, active: t.Sequence[Task]) -> t.List[str]:
    """Groups whose queued jobs nobody will start: paused, with nothing of ours running."""
    groups = {task.group for task in active if task.status == "Queued"}
    return sorted(
        name
        for name in groups
        if name in snapshot.groups and snapshot.groups[name].status == "Paused"
    )


def wait_slice(
    wish: Wish,
    *,
    read: t.Callable[[], Snapshot],
    fingerprint: t.Callable[[], t.Hashable],
    state: t.Optional[t.Mapping[str, t.Any]] = None,
    clock: t.Optional[Clock] = None,
) -> Slice:
    """Wait until the goal, the end of the slice, or the end of the whole time-out.

    ``read`` asks the daemon; ``fingerprint`` is cheap and changes when pueue saves its state.
    """
    watch = clock or SystemClock()
    begun = watch.now()
    earlier = _waited_before(state, begun)
    budget = max(0.0, min(wish.slice_seconds, MAX_SLICE_SECONDS, wish.timeout - earlier))
    mark = fingerprint()
    seen = observe(read(), wish.selection, until=wish.until)
    last, cost = watch.now(), watch.now() - begun
    while not seen.reached and watch.now() - begun < budget:
        watch.sleep(min(_TICK_SECONDS, max(0.0, budget - (watch.now() - begun))))
        idle = watch.now() - last
        over = watch.now() - begun >= budget
        changed = fingerprint() != mark and idle >= cost / _READING_SHARE
        if not (changed or over or idle >= max(_UNSAVED_SECONDS, cost / _READING_SHARE)):
            continue
        mark = fingerprint()
        before = watch.now()
        seen = observe(read(), wish.selection, until=wish.until)
        last, cost = watch.now(), watch.now() - before
    waited = earlier + watch.now() - begun
    return Slice(
        seen=seen,
        finished=seen.reached or waited >= wish.timeout,
        waited=waited,
        state={"waited": waited, "clock": watch.now()},
    )


def _waited_before(state: t.Optional[t.Mapping[str, t.Any]], now: float) -> float:
    """Seconds since the first slice began, the gaps between slices included."""
    if not state:
        return 0.0
    gap = now - float(state.get("clock", now))
    # After a reboot the clock starts again below what the state says.
    return float(state.get("waited", 0.0)) + max(0.0, gap)


def state_file_fingerprint(path: Path) -> t.Hashable:
    """Changes with each save of pueue; None while there is no file."""
    try:
        found = os.stat(str(path))
    except FileNotFoundError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino)


def watch(
    instance: Instance,
    wish: Wish,
    *,
    state: t.Optional[t.Mapping[str, t.Any]] = None,
    once: bool = False,
) -> Slice:
    """One slice on a real queue; ``once`` looks and does not wait."""
    if not 0 < wish.slice_seconds <= MAX_SLICE_SECONDS:
        raise FleetError(
            f"slice_seconds: {wish.slice_seconds:g} is refused; give more than 0 and at most "
            f"{MAX_SLICE_SECONDS:g}, and use timeout for the whole wait."
        )
    with instance.client() as client:
        if once:
            wish = replace(wish, timeout=0.0)
        return wait_slice(
            wish,
            read=client.status,
            fingerprint=lambda: state_file_fingerprint(instance.config.state_file),
            state=state,
        )


def report(seen: Slice) -> t.Dict[str, t.Any]:
    """A slice as results show it."""
    busy = seen.seen.busy
    return {
        "reached": seen.seen.reached,
        "finished": seen.finished,
        "counts": dict(seen.seen.counts),
        "running": {"count": len(busy), "labels": [label[:200] for label in busy[:_SHOWN]]},
        "stuck": list(seen.seen.stuck[:_SHOWN]),
        "waited": round(seen.waited, 3),
        "state": seen.state,
    }


def too_late(wish: Wish, seen: Slice) -> str:
    """Why the wait failed, and what would end it."""
    busy = seen.seen.busy
    more = f" and {len(busy) - 3} more" if len(busy) > 3 else ""
    said = (
        f"{len(busy)} jobs are not {wish.until} after {seen.waited:.0f} s: "
        f"{', '.join(busy[:3])}{more}."
    )
    if seen.seen.stuck:
        groups = ", ".join(seen.seen.stuck[:3])
        return (
            f"{said} Nothing runs, and the jobs are queued in paused groups ({groups}), as after "
            "a pueue kill: resume them with pueue_group status: running."
        )
    return f"{said} Look at them with pueue_status, or raise timeout."
