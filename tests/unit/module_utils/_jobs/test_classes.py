# SPDX-License-Identifier: GPL-3.0-or-later
"""The class table: the strongest evidence wins, and counters alone decide about memory."""

from __future__ import annotations

import signal

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._jobs.classes import (
    CLASSES,
    Evidence,
    classify,
    exit_code,
    without_attempt,
)

TERM, KILL, SEGV = int(signal.SIGTERM), int(signal.SIGKILL), int(signal.SIGSEGV)
PIPE, USR1, HUP = int(signal.SIGPIPE), int(signal.SIGUSR1), int(signal.SIGHUP)


@pytest.mark.parametrize(
    ("evidence", "class_", "code"),
    [
        pytest.param(Evidence(exit_code=0), "ok", 0, id="zero"),
        pytest.param(Evidence(exit_code=3), "app", 3, id="own code"),
        pytest.param(Evidence(exit_code=127), "permanent", 127, id="not found"),
        pytest.param(Evidence(exit_code=126), "permanent", 126, id="not executable"),
        pytest.param(
            Evidence(exit_code=65, permanent_codes=frozenset({65})), "permanent", 65, id="declared"
        ),
        pytest.param(
            Evidence(exit_code=137, permanent_codes=frozenset({137}), host_oom_kills=0),
            "permanent",
            137,
            id="declared wins over a shell's word",
        ),
        # The same OOM kill was seen as 137, 9, 1, 143 and 0.
        *(
            pytest.param(
                Evidence(oom_kill=1, limit_hit=True, **seen), "oom_cap", code, id=f"oom as {seen}"
            )
            for seen, code in (
                ({"signal": KILL}, 137),
                ({"exit_code": 137}, 137),
                ({"exit_code": 1}, 1),
                ({"exit_code": 143}, 143),
                ({"exit_code": 0}, 137),
                ({"signal": TERM, "stop_signal": TERM}, 143),
                ({"exit_code": 1, "timed_out": True}, 1),
            )
        ),
        pytest.param(Evidence(signal=KILL, oom_kill=2), "oom_host", 137, id="host ran out"),
        pytest.param(Evidence(exit_code=0, oom_kill=1), "oom_host", 137, id="and a parent said 0"),
        pytest.param(
            Evidence(signal=KILL, host_oom_kills=1), "oom_host", 137, id="uncapped, counter rose"
        ),
        pytest.param(
            Evidence(signal=KILL, host_oom_kills=0), "killed", 137, id="counter did not rise"
        ),
        pytest.param(Evidence(signal=KILL), "unknown", 137, id="no counter"),
        pytest.param(
            Evidence(exit_code=137, host_oom_kills=0), "killed", 137, id="killed below a shell"
        ),
        pytest.param(Evidence(exit_code=137), "unknown", 137, id="137 alone proves nothing"),
        pytest.param(Evidence(signal=TERM, timed_out=True), "timeout", 124, id="timeout"),
        pytest.param(Evidence(exit_code=0, timed_out=True), "timeout", 124, id="timeout, said 0"),
        pytest.param(Evidence(signal=KILL, timed_out=True), "timeout", 124, id="timeout by KILL"),
        pytest.param(
            Evidence(signal=KILL, intended="evicted", host_oom_kills=0),
            "evicted",
            137,
            id="evicted",
        ),
        pytest.param(
            Evidence(exit_code=4, intended="yielded", stop_signal=TERM), "yielded", 4, id="yielded"
        ),
        pytest.param(
            Evidence(exit_code=0, intended="evicted", stop_signal=TERM),
            "evicted",
            143,
            id="evicted, said 0",
        ),
        pytest.param(
            Evidence(exit_code=0, intended="killed"), "ok", 0, id="the kill came after the end"
        ),
        pytest.param(
            Evidence(signal=KILL, intended="deploy of abc"), "killed", 137, id="any other reason"
        ),
        pytest.param(Evidence(signal=TERM, stop_signal=TERM), "killed", 143, id="told to stop"),
        pytest.param(
            Evidence(exit_code=0, stop_signal=TERM), "killed", 143, id="a 0 after TERM is no ok"
        ),
        pytest.param(Evidence(signal=HUP), "killed", 129, id="hung up"),
        pytest.param(Evidence(signal=SEGV), "app", 128 + SEGV, id="crash"),
        pytest.param(Evidence(signal=PIPE), "app", 128 + PIPE, id="closed pipe"),
        pytest.param(Evidence(signal=USR1), "unknown", 128 + USR1, id="odd signal"),
        pytest.param(Evidence(not_started="infra", exit_code=121), "infra", 121, id="infra"),
        pytest.param(
            Evidence(not_started="permanent", exit_code=127), "permanent", 127, id="no program"
        ),
        pytest.param(Evidence(stop_signal=TERM), "killed", 143, id="stopped before it started"),
        pytest.param(Evidence(), "unknown", 121, id="nothing is known"),
    ],
)
def test_class_and_code(evidence: Evidence, class_: str, code: int) -> None:
    assert classify(evidence) == class_
    assert exit_code(evidence, class_=class_) == code
    assert class_ in CLASSES


def test_only_ok_exits_with_zero() -> None:
    for code in (0, None):
        for class_ in CLASSES:
            if class_ != "ok":
                assert exit_code(Evidence(exit_code=code), class_=class_) != 0


@pytest.mark.parametrize(
    ("result", "known", "class_"),
    [
        ("Success", {}, "ok"),
        ("DependencyFailed", {}, "dependency"),
        ("FailedToSpawn", {}, "infra"),
        ("Errored", {}, "infra"),
        ("Failed", {"exit_code": 127}, "permanent"),
        ("Failed", {"exit_code": 126}, "permanent"),
        ("Failed", {"exit_code": 1}, "app"),
        ("Failed", {"exit_code": 137}, "app"),
        ("Failed", {"exit_code": 137, "ours": True}, "unknown"),
        ("Failed", {"exit_code": 120}, "app"),
        ("Failed", {"exit_code": 120, "ours": True}, "infra"),
        ("Failed", {"exit_code": 121, "ours": True}, "infra"),
        ("Failed", {"exit_code": 124, "ours": True}, "timeout"),
        ("Failed", {"exit_code": 143, "intended": "evicted"}, "evicted"),
        ("Failed", {}, "unknown"),
        ("Killed", {}, "unknown"),
        ("Killed", {"daemon_restarted": True}, "infra"),
        ("Killed", {"daemon_restarted": False}, "killed"),
        ("Killed", {"intended": "yielded", "daemon_restarted": True}, "yielded"),
        ("Killed", {"intended": "because"}, "killed"),
        (None, {}, "unknown"),
        ("SomethingNew", {}, "unknown"),
    ],
)
def test_task_without_attempt(result: str, known: dict, class_: str) -> None:
    assert without_attempt(result, **known) == class_
