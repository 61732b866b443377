# SPDX-License-Identifier: GPL-3.0-or-later
"""The private daemon that all suites use leaves nothing behind, whatever a test did with it."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._pueue.client import AddRequest
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon, session_of
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

COMMANDS = {
    "plain": "exec sleep 600",
    "ignores every signal": "trap '' TERM HUP INT; while :; do sleep 600; done",
    "in a session of its own": "exec setsid sleep 600",
    "left in the background": "sleep 600 & sleep 600",
}


@pytest.mark.parametrize("ending", ["close", "stop", "kill9", "kill9 and start"])
@pytest.mark.parametrize("command", list(COMMANDS.values()), ids=list(COMMANDS))
def test_nothing_is_left(command: str, ending: str) -> None:
    private = PrivateDaemon()
    seen: t.List[int] = []
    try:
        with private.start().connect() as client:
            client.add(AddRequest(command=command, path="/", envs={"PATH": "/usr/bin:/bin"}))
            seen = eventually(private.leftovers, timeout=20, what="a process of the task")
        seen.append(private.pid)
        if ending == "stop":
            private.stop()
        elif ending != "close":
            private.kill9()
            assert private.leftovers(), "a crash of pueued leaves its tasks running"
        if ending.endswith("start"):
            seen.append(private.start().pid)
    finally:
        private.close()
    assert not [pid for pid in seen if session_of(pid) is not None]
    assert not private.directory.exists()


def test_two_daemons_do_not_touch_each_other() -> None:
    with PrivateDaemon() as first:
        with PrivateDaemon() as second, second.connect() as client:
            client.group_add("only-here", 1)
            assert second.leftovers() == []
        with first.connect() as client:
            assert list(client.groups()) == ["default"]
