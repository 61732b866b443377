# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of a survey: what each kind of text becomes, and what is said about the others."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.plugin_utils._answers import (
    NOT_GIVEN,
    WrongAnswer,
    answer,
    converted,
    problems,
)
from ansible_collections.fleet.jobs.plugins.plugin_utils._questions import question, questions
from ansible_collections.fleet.jobs.tests.support import documentation

TAKEN = [
    ("deploy_version", "1.10", "1.10"),
    ("deploy_version", "==1.10", "1.10"),
    ("deploy_rollback", "true", True),
    ("deploy_rollback", " No ", False),
    ("deploy_rollback", 1, True),
    ("deploy_drain_timeout", "20", 20),
    ("deploy_drain_timeout", " 20\n", 20),
    ("deploy_drain_timeout", 20.0, 20),
    ("deploy_monitor_load_share", "0.5", 0.5),
    ("deploy_monitor_load_share", 1, 1.0),
    ("deploy_when_running", " finish_old ", "finish_old"),
    ("deploy_ref", "main\n", "main"),
    ("deploy_index_password", " spaces ", " spaces "),
    ("deploy_restart_labels", "bars/*\nticks/A,B\n\n", ["bars/*", "ticks/A,B"]),
    ("deploy_restart_labels", "bars/*\r\n ticks/* ", ["bars/*", "ticks/*"]),
    ("deploy_restart_labels", "bars/*, ticks/*", ["bars/*", "ticks/*"]),
    ("deploy_restart_labels", '["ticks/A,B"]', ["ticks/A,B"]),
    ("deploy_restart_labels", ["bars/*"], ["bars/*"]),
    ("deploy_restart_labels", [], []),
    ("deploy_restart_labels", "[]", []),
    ("deploy_restart_classes", "app\nkilled", ["app", "killed"]),
    ("deploy_assertions", "- file: a.py\n  pattern: 'x, y'", [{"file": "a.py", "pattern": "x, y"}]),
    ("deploy_assertions", '[{"expression": "1"}]', [{"expression": "1"}]),
    ("deploy_max_failed", "10%", "10%"),
    ("deploy_max_failed", 2, "2"),
    ("deploy_serial", "1\n10%\n100%", ["1", "10%", "100%"]),
    ("deploy_serial", [1, "10%"], ["1", "10%"]),
    ("deploy_serial", 1, ["1"]),
    (
        "queue_host_authorized_keys",
        'from="10.0.0.1,10.0.0.2" ssh-ed25519 AAAA a',
        ['from="10.0.0.1,10.0.0.2" ssh-ed25519 AAAA a'],
    ),
    ("queue_host_tidy", "{}", {}),
    ("queue_host_tidy", "schedule: weekly", {"schedule": "weekly"}),
    ("queue_host_groups", "- name: bars\n  parallel: 4", [{"name": "bars", "parallel": 4}]),
    ("resume", "true", True),
    ("fleet_answer_timeout", "0", 0.0),
]
WRONG = [
    ("deploy_version", 1.1, "number 1.1, which may have been written otherwise"),
    ("deploy_ref", 2024.1, 'a tag as "refs/tags/1.10"'),
    ("deploy_rollback", "maybe", 'deploy_rollback: "maybe" is neither true nor false.'),
    ("deploy_rollback", ["true"], "neither true nor false"),
    ("deploy_drain_timeout", "5m", 'deploy_drain_timeout: "5m" is no whole number.'),
    ("deploy_drain_timeout", "2.5", '"2.5" is no whole number.'),
    ("deploy_drain_timeout", True, '"True" is no whole number.'),
    ("deploy_drain_timeout", [20], "is no whole number."),
    ("deploy_drain_timeout", "-1", 'deploy_drain_timeout: "-1" is below 0.'),
    ("deploy_drain_timeout", float("nan"), "is no whole number."),
    ("deploy_monitor_load_share", "much", '"much" is no number.'),
    ("deploy_monitor_load_share", "nan", '"nan" is no number.'),
    ("deploy_when_running", "later", '"later" is not one of wait, finish_old, kill, abort.'),
    ("deploy_ref", ["main"], "deploy_ref: one text is wanted"),
    ("deploy_restart_labels", {"a": 1}, "one entry a line; this is a dictionary."),
    ("deploy_restart_labels", [["a"]], "an entry of this one is no text."),
    ("deploy_restart_labels", "[a", "this text is no YAML or JSON, line 1"),
    ("deploy_assertions", "x.py", "a list of dictionaries is wanted"),
    ("deploy_assertions", ["x.py"], "a list of dictionaries is wanted"),
    ("deploy_max_failed", "few", '"few" is neither a number of hosts nor a percentage.'),
    ("deploy_serial", "1\nhalf", '"half" is neither a number of hosts nor a percentage.'),
    ("queue_host_state", "gone", '"gone" is not one of present, absent.'),
    ("queue_host_tidy", "daily", "a dictionary is wanted"),
    ("queue_host_groups", "- parallel: 4", "missing required arguments: name"),
    ("fleet_cap", "yes", '"yes" is not one of require, prefer, none.'),
    ("resume", "please", "neither true nor false"),
]


@pytest.mark.parametrize(("name", "given", "wanted"), TAKEN)
def test_is_taken_as_what_it_means(name: str, given: t.Any, wanted: t.Any) -> None:
    found = converted(name, given, question(name))
    assert found == wanted and type(found) is type(wanted)


@pytest.mark.parametrize(("name", "given", "said"), WRONG)
def test_says_one_sentence_about_the_rest(name: str, given: t.Any, said: str) -> None:
    with pytest.raises(WrongAnswer) as raised:
        converted(name, given, question(name))
    message = str(raised.value)
    assert message.startswith(f"{name}: ") and said in message
    assert "\n" not in message and len(message) < 250


@pytest.mark.parametrize("given", ["", "  \n", None])
def test_nothing_is_the_default(given: t.Any) -> None:
    for role in documentation.roles():
        for name, option in questions(role).items():
            assert converted(name, given, option) is NOT_GIVEN
            assert answer(name, given, option) == option.get("default")


def test_no_part_of_a_text_that_may_hold_a_token_is_shown() -> None:
    text = "- project: /p\n  repository: https://u:s3cret@git.example.org\n trust"
    with pytest.raises(WrongAnswer) as raised:
        converted("queue_host_projects", text, question("queue_host_projects"))
    assert "s3cret" not in str(raised.value) and "line 3" in str(raised.value)


def test_all_is_said_at_once_also_what_is_missing() -> None:
    given = {"deploy_ref": " ", "deploy_project": "/p", "deploy_drain_timeout": "soon"}
    assert problems(questions("deploy", "resolve"), given) == [
        "deploy_repository is needed: URL or path of the git repository, as the controller and the "
        "hosts can reach it.",
        'deploy_drain_timeout: "soon" is no whole number.',
        "deploy_ref is needed: Branch, tag or full commit to deploy.",
    ]


def test_every_default_is_a_good_answer() -> None:
    for role in documentation.roles():
        for name, option in questions(role).items():
            if option.get("default") is not None:
                assert answer(name, option["default"], option) == option["default"]


def test_unknown_names_are_no_question() -> None:
    with pytest.raises(KeyError):
        question("deploy_colour")
