# SPDX-License-Identifier: GPL-3.0-or-later
"""Slices, cut connections and the tool's way to the host, with a module that is a function."""

from __future__ import annotations

import signal
import typing as t

import pytest

pytest.importorskip("ansible.plugins.action", reason="ansible-core is not installed here")

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.fleet.jobs.plugins.plugin_utils import _action
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

Call = t.Dict[str, t.Any]


class Display:
    def __init__(self) -> None:
        self.lines: t.List[str] = []

    def display(self, text: str) -> None:
        self.lines.append(text)


class Bare:
    """What the actions use of ansible-core's base class."""

    check_mode = False

    def __init__(self, answers: t.Sequence[t.Any]) -> None:
        self.answers = list(answers)
        self.calls: t.List[Call] = []
        self._display = Display()
        self._task = self
        self._connection = self
        self._templar = self
        self.resets = 0

    def reset(self) -> None:
        self.resets += 1

    def _execute_module(self, *, module_name: str, module_args: Call, task_vars: Call) -> Call:
        self.calls.append(dict(module_args))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return dict((answer() or {}) if callable(answer) else answer)

    def template(self, value: t.Any) -> t.Any:
        return value


class Sliced(Bare, _action.SlicedAction):
    module = "some_wait"


class Tool(Bare, _action.ToolAction):
    module = "some_job"

    def _transfer_tool(self, built: t.Any) -> str:
        return f"/remote/{built.digest}"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_action, "FIRST_PAUSE_SECONDS", 0.0)


HOST = {"inventory_hostname": "alpha"}


def test_asks_until_finished_and_hands_the_state_on() -> None:
    action = Sliced(
        [
            {"finished": False, "state": {"n": 1}, "changed": True, "actions": ["a"]},
            {"finished": False, "state": {"n": 2}, "changed": False, "progress": "half"},
            {"finished": True, "state": {"n": 3}, "changed": False, "actions": []},
        ]
    )
    result = action.perform({"x": 1}, task_vars=HOST)
    assert [call.get("state") for call in action.calls] == [None, {"n": 1}, {"n": 2}]
    assert (result["changed"], result["actions"], result["state"]) == (True, ["a"], {"n": 3})
    assert action._display.lines == [
        "[alpha] some_wait: not finished yet",
        "[alpha] some_wait: half",
    ]


@pytest.mark.parametrize(
    "answer", [{"failed": True}, {"unreachable": True}, {"skipped": True}, {"changed": False}]
)
def test_any_other_answer_is_the_last_one(answer: Call) -> None:
    action = Sliced([answer])
    assert action.perform({}, task_vars=HOST).items() >= answer.items()


def test_one_look_in_check_mode() -> None:
    action = Sliced([{"finished": False, "state": {}}])
    action.check_mode = True
    assert action.perform({}, task_vars=HOST)["finished"] is False


def test_cut_connection_costs_one_slice() -> None:
    cut = AnsibleConnectionFailure("gone")
    action = Sliced([{"finished": False, "state": {"n": 1}}, cut, cut, {"finished": True}])
    assert action.perform({}, task_vars=HOST)["finished"] is True
    assert [call.get("state") for call in action.calls] == [None, {"n": 1}, {"n": 1}, {"n": 1}]
    assert action.resets == 2


def test_a_host_that_stays_away_is_unreachable() -> None:
    cut = AnsibleConnectionFailure("gone")
    action = Sliced([cut] * 20)
    with pytest.raises(AnsibleConnectionFailure):
        action.perform({}, task_vars=HOST)
    assert len(action.calls) == _action.FIRST_CONTACTS + 1


def test_a_host_that_has_answered_is_waited_for_longer() -> None:
    action = Sliced([{"finished": False}, *[AnsibleConnectionFailure("gone")] * 20])
    with pytest.raises(AnsibleConnectionFailure):
        action.perform({}, task_vars=HOST)
    assert len(action.calls) == 1 + _action.LOST_CONNECTIONS + 1


def test_a_host_that_hangs_is_given_up_once_and_for_all() -> None:
    action = Sliced([lambda: eventually(lambda: False, timeout=60, what="never")])
    with pytest.raises(AnsibleConnectionFailure, match=r"No answer within 0\.2 seconds"):
        action.perform({}, task_vars={**HOST, "fleet_answer_timeout": "0.2"})
    assert len(action.calls) == 1
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0.0


def test_the_timeout_of_a_task_comes_first() -> None:
    """Ansible's own alarm is not taken away from it."""
    left = []
    action = Sliced([lambda: left.append(signal.getitimer(signal.ITIMER_REAL)[0])])
    before = signal.signal(signal.SIGALRM, lambda *_unused: None)
    signal.setitimer(signal.ITIMER_REAL, 50)
    try:
        action.perform({}, task_vars={**HOST, "fleet_answer_timeout": 5})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert 40 < left[0] <= 50


def test_the_tool_travels_only_when_it_is_missing() -> None:
    there = Tool([{"changed": False}])
    there.perform({}, task_vars=HOST)
    (call,) = there.calls
    assert set(call) == {"tool_digest"}

    missing = Tool([{"tool_missing": True}, {"changed": True}])
    assert missing.perform({}, task_vars=HOST) == {"changed": True}
    first, second = missing.calls
    assert second == {**first, "tool_source": f"/remote/{first['tool_digest']}"}


def test_nothing_travels_in_check_mode() -> None:
    action = Tool([{"tool_missing": True}])
    action.check_mode = True
    action.perform({}, task_vars=HOST)
    assert len(action.calls) == 1


def test_a_tool_that_stays_missing_is_a_failure() -> None:
    action = Tool([{"tool_missing": True}, {"tool_missing": True}])
    assert action.perform({}, task_vars=HOST)["failed"] is True
