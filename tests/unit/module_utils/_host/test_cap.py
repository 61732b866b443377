# SPDX-License-Identifier: GPL-3.0-or-later
"""The choice of a cap: fail closed, say so when weaker, never silently nothing."""

from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import Refused
from ansible_collections.fleet.jobs.plugins.module_utils._host import (
    canary,
    cap,
    cap_scope,
    cgroup,
    dbus,
)

MIB = 1 << 20


@pytest.fixture
def broken(monkeypatch):
    """A host on which the kernel cap fails in the way the test says."""

    def break_with(error):
        def fail(*_args, **_kwargs):
            raise error

        monkeypatch.setattr(cap_scope, "enter", fail)

    return break_with


FAULTS = [
    cgroup.CgroupError("memory.max of /x was set to 5 but reads max"),
    dbus.BusUnavailable("no systemd manager answers"),
    dbus.BusError("StartTransientUnit: denied"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_require_refuses_and_names_what_is_missing(broken, fault):
    broken(fault)
    with pytest.raises(Refused, match="bars/X") as caught:
        cap.choose("require", 64 * MIB, label="bars/X")
    assert caught.value.hazard == "INV-7"
    assert str(fault) in caught.value.message and "cap: prefer" in caught.value.message


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_prefer_polls_and_says_why(broken, fault):
    broken(fault)
    chosen = cap.choose("prefer", 64 * MIB)
    assert (chosen.enforcement, chosen.memory_bytes) == ("polled", 64 * MIB)
    assert str(fault) in chosen.note


@pytest.mark.parametrize("arguments", [("none", 64 * MIB), ("require", None), ("prefer", None)])
def test_nothing_to_enforce(broken, arguments):
    broken(AssertionError("must not be asked"))
    assert cap.choose(*arguments).enforcement == "none"


def test_unknown_mode_is_refused():
    with pytest.raises(Refused, match='"maybe" is unknown'):
        cap.choose("maybe", MIB)


@pytest.mark.parametrize(
    ("mounts", "words"),
    [
        ("30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw", "no systemd manager listens"),
        ("31 20 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory", "cgroup v1"),
        ("", "no cgroup hierarchy"),
    ],
    ids=["no manager", "v1", "nothing"],
)
def test_what_is_missing_is_said_before_anything_is_tried(fake_root, mounts, words):
    root = fake_root({"proc/self/mountinfo": mounts})
    assert words in (cap_scope.missing(root=root, environ={}) or "")


def test_busy_bus_is_asked_again_but_not_for_ever(monkeypatch):
    calls = []

    def fail(*_args, **_kwargs):
        calls.append(1)
        raise dbus.BusUnavailable("busy")

    monkeypatch.setattr(cap_scope.systemd, "start_scope", fail)
    monkeypatch.setattr(cap_scope.time, "sleep", lambda _seconds: None)
    with pytest.raises(dbus.BusUnavailable):
        cap_scope._start_scope({}, memory_bytes=MIB, swap_bytes=0, label="x")
    assert len(calls) == 3


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        ({"survived": False, "oom_kill": 2, "peak_bytes": 5}, None),
        ({"survived": True, "oom_kill": 0, "peak_bytes": 5}, "survived its cap"),
        ({"survived": False, "oom_kill": 0, "peak_bytes": 5}, "without a kill by the kernel"),
        ({"survived": True, "oom_kill": 1, "peak_bytes": 5}, "survived its cap"),
    ],
    ids=["died", "lived", "ended otherwise", "lived though something died"],
)
def test_canary_is_judged_by_its_end(evidence, words):
    found = canary.judge(evidence)
    assert found is None if words is None else words in found


def test_canary_whose_child_hangs_is_ended_in_time(monkeypatch):
    monkeypatch.setattr(canary, "missing", lambda **_kwargs: None)
    monkeypatch.setattr(canary, "_hatch", lambda _environ: canary.time.sleep(600))
    found = canary.prove(environ={}, seconds=0.2)
    assert not found.capable and "no answer within 0.2 s" in found.reason


def test_canary_whose_child_dies_is_not_capable(monkeypatch):
    monkeypatch.setattr(canary, "missing", lambda **_kwargs: None)
    monkeypatch.setattr(canary, "_hatch", lambda _environ: canary.os._exit(1))
    found = canary.prove(environ={})
    assert not found.capable and "ended before it could answer" in found.reason
