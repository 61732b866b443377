# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Minutes of watching after a change (INV-6), in slices: ok, bad, or inconclusive.

``judge`` is pure. What one slice learnt goes through a small ``State`` into the next one.
"""

from __future__ import annotations

import time
import typing as t

from .._dataclass import asdict, dataclass, field, fields, replace
from .._errors import FleetError

MAX_SLICE_SECONDS = 50.0
LOAD_SHARE = 0.9
# Percent of the last 10 s in which every process waited for memory.
PRESSURE_FULL = 2.0
# More failed measurements than this share leave too much unseen.
MISSED_SHARE = 0.1


@dataclass(frozen=True)
class Violation:
    """One thing that is not as it must be; ``value`` and ``bound`` where it is a number."""

    kind: str
    message: str
    value: t.Optional[float] = None
    bound: t.Optional[float] = None
    label: t.Optional[str] = None


@dataclass(frozen=True)
class Sample:
    """One look at the host. Swap counts are pages since boot; no pressure where none is kept."""

    load: float
    cores: float
    swapped_in: int
    swapped_out: int
    pressure_full: t.Optional[float]
    boot_id: str


@dataclass(frozen=True)
class State:
    """What is known so far; plain values, so that it survives the way over the controller.

    ``load_armed``: load was seen within its bound. Until then it is somebody else's load.
    """

    started: float
    elapsed: float = 0.0
    samples: int = 0
    missed: int = 0
    boot_id: str = ""
    swapped_in: int = 0
    swapped_out: int = 0
    load_armed: bool = False
    pressure_armed: bool = False
    load_max: float = 0.0
    pressure_max: float = 0.0
    last_problem: str = ""

    def to_plain(self) -> t.Dict[str, t.Any]:
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: t.Mapping[str, t.Any]) -> State:
        """Read back what ``to_plain`` wrote; anything else is named and refused."""
        kinds = {"str": str, "bool": bool, "int": int, "float": float}
        try:
            values = {
                item.name: _as(kinds[str(item.type)], plain[item.name]) for item in fields(cls)
            }
        except (KeyError, TypeError, ValueError) as error:
            raise FleetError(
                f"The state of the watch cannot be continued ({error}); pass exactly the state "
                "that the slice before returned, or none to begin again."
            ) from error
        return cls(**values)


def _as(kind: type, value: t.Any) -> t.Any:
    """Templating may have turned values into text on the way."""
    if kind is bool:
        if str(value).lower() not in ("true", "false"):
            raise ValueError(f"{value!r} is neither true nor false")
        return str(value).lower() == "true"
    return kind(value)


@dataclass(frozen=True)
class Bounds:
    """When a sample is bad."""

    load_share: float = LOAD_SHARE
    pressure_full: float = PRESSURE_FULL


@dataclass(frozen=True)
class Plan:
    """How long to watch in all, how long per slice, how often to look."""

    seconds: float = 300.0
    slice_seconds: float = 45.0
    interval: float = 5.0
    bounds: Bounds = field(default_factory=Bounds)

    def __post_init__(self) -> None:
        wrong = [
            f"{name} is {value:g}"
            for name, value in (
                ("seconds", self.seconds),
                ("slice_seconds", self.slice_seconds),
                ("interval", self.interval),
                ("load_share", self.bounds.load_share),
            )
            if value <= 0
        ]
        if self.slice_seconds > MAX_SLICE_SECONDS:
            wrong.append(f"slice_seconds is {self.slice_seconds:g}, at most 50 are allowed")
        if wrong:
            raise FleetError(f"The watch cannot be planned: {', '.join(wrong)}.")


@dataclass(frozen=True)
class Slice:
    """How it stands; ``verdict`` is final when ``finished``."""

    verdict: str
    finished: bool
    reason: str
    violation: t.Optional[Violation]
    state: State


def judge(state: State, sample: Sample, *, bounds: Bounds) -> t.Tuple[State, t.Optional[Violation]]:
    """Take in one sample; the first thing wrong with it, if any."""
    first = state.samples == 0
    if first:
        state = replace(
            state,
            boot_id=sample.boot_id,
            swapped_in=sample.swapped_in,
            swapped_out=sample.swapped_out,
        )
    bound = bounds.load_share * sample.cores
    pressure = sample.pressure_full
    calm = pressure is None or pressure <= bounds.pressure_full
    violation = _reboot(state, sample) or _swap(state, sample)
    if violation is None and state.load_armed and sample.load >= bound:
        violation = Violation(
            "load",
            f"the 1-minute load is {sample.load:.2f}, the bound is {bound:.2f} "
            f"({bounds.load_share:g} of {sample.cores:g} cores)",
            sample.load,
            bound,
        )
    if violation is None and state.pressure_armed and pressure is not None and not calm:
        violation = Violation(
            "pressure",
            f"all processes waited for memory in {pressure:.1f} % of the last 10 s, the bound is "
            f"{bounds.pressure_full:g} %",
            pressure,
            bounds.pressure_full,
        )
    state = replace(
        state,
        samples=state.samples + 1,
        load_armed=state.load_armed or sample.load < bound,
        pressure_armed=state.pressure_armed or calm,
        load_max=max(state.load_max, sample.load),
        pressure_max=max(state.pressure_max, pressure or 0.0),
    )
    return state, violation


def _reboot(state: State, sample: Sample) -> t.Optional[Violation]:
    if state.boot_id == sample.boot_id:
        return None
    return Violation("reboot", "the host was restarted during the watch")


def _swap(state: State, sample: Sample) -> t.Optional[Violation]:
    moved_in = sample.swapped_in - state.swapped_in
    moved_out = sample.swapped_out - state.swapped_out
    if moved_in <= 0 and moved_out <= 0:
        return None
    message = f"{moved_in} pages were swapped in and {moved_out} out since the watch began"
    return Violation("swap", message, float(moved_in + moved_out), 0.0)


def conclude(state: State, *, bounds: Bounds) -> t.Tuple[str, str]:
    """The verdict at the end of a watch that saw nothing bad, and why."""
    looks = state.samples + state.missed
    if state.samples == 0 or state.missed > MISSED_SHARE * looks:
        reason = f"{state.missed} of {looks} measurements failed: {state.last_problem}"
        return "inconclusive", reason
    if not state.load_armed:
        reason = (
            "the load was above its bound before the watch began and never fell below it "
            f"(highest {state.load_max:.2f})"
        )
        return "inconclusive", reason
    if not state.pressure_armed:
        return "inconclusive", "memory pressure was high before the watch began and stayed so"
    return (
        "ok",
        f"{state.samples} looks in {state.elapsed:.0f} s, highest load {state.load_max:.2f}",
    )


class Clock(t.Protocol):
    """Time that passes, and the time of day."""

    def monotonic(self) -> float: ...

    def time(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


def watch_slice(
    plan: Plan,
    *,
    state: t.Optional[State],
    measure: t.Callable[[], Sample],
    look: t.Optional[t.Callable[[State], t.List[Violation]]] = None,
    clock: t.Optional[Clock] = None,
) -> Slice:
    """Look at host and queue until the slice, the watch, or the first violation ends it.

    ``look`` gets the state and names what is wrong in the queue. A FleetError or OSError of
    either is a missed measurement, never a verdict against the deploy.
    """
    timer: Clock = t.cast(Clock, time) if clock is None else clock
    current = State(started=timer.time()) if state is None else state
    begun = timer.monotonic()
    before = current.elapsed
    end = min(plan.slice_seconds, max(0.0, plan.seconds - before))
    while True:
        looked = timer.monotonic()
        current, violation = _look_once(current, plan.bounds, measure=measure, look=look)
        current = replace(current, elapsed=before + timer.monotonic() - begun)
        if violation is not None:
            return Slice("bad", True, violation.message, violation, current)
        left = end - (timer.monotonic() - begun)
        if left <= 0:
            break
        # A big queue may be read for a tenth of the time and no more.
        pause = max(plan.interval, (timer.monotonic() - looked) * 10)
        timer.sleep(min(pause, left))
    verdict, reason = conclude(current, bounds=plan.bounds)
    # A slice may end a hair early; that is no reason for one more call.
    return Slice(verdict, current.elapsed >= plan.seconds - 0.05, reason, None, current)


def _look_once(
    state: State,
    bounds: Bounds,
    *,
    measure: t.Callable[[], Sample],
    look: t.Optional[t.Callable[[State], t.List[Violation]]],
) -> t.Tuple[State, t.Optional[Violation]]:
    try:
        sample = measure()
        found = look(state) if look is not None else []
    except (FleetError, OSError) as error:
        return replace(state, missed=state.missed + 1, last_problem=str(error)[:300]), None
    state, violation = judge(state, sample, bounds=bounds)
    return state, violation or next(iter(found), None)
