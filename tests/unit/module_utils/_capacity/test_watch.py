# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict of a watch, sample by sample, slice by slice, on a clock of the test's own."""

from __future__ import annotations

import dataclasses
import json

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._capacity.watch import (
    Bounds,
    Plan,
    Sample,
    State,
    Violation,
    watch_slice,
)
from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError

CALM = Sample(load=1.0, cores=8, swapped_in=100, swapped_out=50, pressure_full=0.0, boot_id="b")


class Clock:
    """Sleeping is all that takes time, unless a look costs some."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_700_000_000.0 + self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


class Host:
    """Plays samples one after the other; the last one stays. An exception is raised."""

    def __init__(self, *samples: object) -> None:
        self.samples = list(samples)
        self.looks = 0

    def __call__(self) -> Sample:
        sample = self.samples[min(self.looks, len(self.samples) - 1)]
        self.looks += 1
        if isinstance(sample, Exception):
            raise sample
        return sample


def having(**changes: object) -> Sample:
    return dataclasses.replace(CALM, **changes)


def whole_watch(*samples: object, seconds: float = 20, look=None, plan=None):
    plan = plan or Plan(seconds=seconds, slice_seconds=50, interval=5)
    return watch_slice(plan, state=None, measure=Host(*samples), look=look, clock=Clock())


def test_calm_host_is_ok_after_the_whole_time():
    seen = whole_watch(CALM)
    assert (seen.verdict, seen.finished, seen.violation) == ("ok", True, None)
    assert seen.state.samples == 5 and seen.state.elapsed == pytest.approx(20)


@pytest.mark.parametrize(
    ("bad", "kind", "value", "bound"),
    [
        (having(load=7.2), "load", 7.2, 7.2),
        (having(load=9.0), "load", 9.0, 7.2),
        (having(swapped_in=101), "swap", 1, 0),
        (having(swapped_out=57), "swap", 7, 0),
        (having(pressure_full=2.1), "pressure", 2.1, 2.0),
        (having(boot_id="c"), "reboot", None, None),
        (having(boot_id="c", swapped_in=0, swapped_out=0), "reboot", None, None),
    ],
    ids=["load at bound", "load", "swap in", "swap out", "pressure", "reboot", "counters reset"],
)
def test_first_violation_ends_the_watch_with_number_and_bound(bad, kind, value, bound):
    seen = whole_watch(CALM, CALM, bad, CALM)
    assert (seen.verdict, seen.finished) == ("bad", True)
    assert seen.violation.kind == kind
    assert seen.violation.value == pytest.approx(value) if value else seen.violation.value is None
    assert seen.violation.bound == (pytest.approx(bound) if bound is not None else None)
    assert seen.state.samples == 3


@pytest.mark.parametrize(
    "just", [having(load=7.19), having(pressure_full=2.0), having(pressure_full=None)], ids=str
)
def test_values_within_their_bounds_are_ok(just):
    assert whole_watch(CALM, just).verdict == "ok"


@pytest.mark.parametrize("high", [having(load=20.0), having(pressure_full=50.0)], ids=str)
def test_what_was_too_high_before_the_watch_is_inconclusive_and_not_bad(high):
    seen = whole_watch(high)
    assert (seen.verdict, seen.finished, seen.violation) == ("inconclusive", True, None)
    assert "before the watch began" in seen.reason


@pytest.mark.parametrize("high", [having(load=20.0), having(pressure_full=50.0)], ids=str)
def test_once_it_has_fallen_it_must_stay_low(high):
    assert whole_watch(high, high, CALM).verdict == "ok"
    assert whole_watch(high, CALM, high).verdict == "bad"


def test_failed_measurements_are_inconclusive():
    seen = whole_watch(CALM, OSError("/proc/loadavg cannot be read"))
    assert (seen.verdict, seen.finished) == ("inconclusive", True)
    assert "4 of 5 measurements failed" in seen.reason and "loadavg" in seen.reason


def test_one_failed_measurement_of_many_is_forgiven():
    plan = Plan(seconds=50, slice_seconds=50, interval=2)
    seen = whole_watch(CALM, FleetError("the daemon is busy"), CALM, plan=plan)
    assert (seen.verdict, seen.state.missed) == ("ok", 1)


def test_queue_that_cannot_be_read_is_inconclusive_and_other_errors_are_not_hidden():
    def unreachable(_state):
        raise FleetError("pueued does not answer")

    def broken(_state):
        raise RuntimeError("a fault of ours")

    assert whole_watch(CALM, look=unreachable).verdict == "inconclusive"
    with pytest.raises(RuntimeError):
        whole_watch(CALM, look=broken)


def test_violation_in_the_queue_is_bad():
    dead = Violation("dead", '"bars/X" is dead again', label="bars/X")
    answers = [[], [], [dead, dead]]
    seen = whole_watch(CALM, look=lambda _state: answers.pop(0))
    assert (seen.verdict, seen.violation) == ("bad", dead)


def test_slices_carry_everything_over_as_plain_json():
    plan = Plan(seconds=100, slice_seconds=30, interval=5)
    clock, host = Clock(), Host(CALM)
    state, verdicts = None, []
    while True:
        seen = watch_slice(plan, state=state, measure=host, clock=clock)
        verdicts.append((seen.verdict, seen.finished))
        if seen.finished:
            break
        clock.now += 500  # the controller was busy; that is no watching
        state = State.from_plain(json.loads(json.dumps(seen.state.to_plain())))
    assert verdicts == [("ok", False)] * 3 + [("ok", True)]
    assert seen.state.elapsed == pytest.approx(100)


@pytest.mark.parametrize(
    ("later", "kind"),
    [(having(swapped_in=101), "swap"), (having(boot_id="c"), "reboot")],
    ids=["swap", "reboot"],
)
def test_what_happened_between_two_slices_is_seen(later, kind):
    plan = Plan(seconds=60, slice_seconds=30, interval=5)
    first = watch_slice(plan, state=None, measure=Host(CALM), clock=Clock())
    second = watch_slice(plan, state=first.state, measure=Host(later), clock=Clock())
    assert (second.verdict, second.violation.kind) == ("bad", kind)


def test_state_survives_templating_that_made_everything_text():
    state = watch_slice(Plan(seconds=5), state=None, measure=Host(CALM), clock=Clock()).state
    text = {name: str(value) for name, value in state.to_plain().items()}
    assert State.from_plain(text) == state


@pytest.mark.parametrize(
    "broken",
    [{}, {"started": 1}, {"samples": "many"}, {"load_armed": "perhaps"}, {"elapsed": None}],
    ids=["empty", "partial", "no number", "no truth", "null"],
)
def test_foreign_state_is_refused(broken):
    whole = State(started=1.0).to_plain()
    plain = {**whole, **broken} if len(broken) == 1 and "started" not in broken else broken
    with pytest.raises(FleetError, match="pass exactly the state"):
        State.from_plain(plain)


@pytest.mark.parametrize(
    "options",
    [{"seconds": 0}, {"interval": -1}, {"slice_seconds": 51}, {"bounds": Bounds(load_share=0)}],
    ids=str,
)
def test_senseless_plans_are_refused(options):
    with pytest.raises(FleetError, match="cannot be planned"):
        Plan(**options)


def test_costly_looks_are_made_less_often():
    clock, host = Clock(), Host(CALM)

    def costly(_state):
        clock.now += 2.0
        return []

    watch_slice(Plan(seconds=44, interval=1), state=None, measure=host, look=costly, clock=clock)
    assert host.looks == 3
