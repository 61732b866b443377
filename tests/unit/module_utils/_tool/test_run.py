# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner's command line."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError
from ansible_collections.fleet.jobs.plugins.module_utils._tool import run

NEEDED = ["--label", "a/b", "--state-dir", "/s"]


def read(*words: str) -> t.Any:
    options, command = run.parse(words)
    return run.request(options, command)


def test_all_options() -> None:
    words = "--task k --memory 5 --swap 6 --timeout 1.5 --grace=2 --cap prefer --env-file e"
    more = "--env-file-shared --chdir c --release-from r --permanent-code 3 --permanent-code 4"
    flags = "--restart-safe --own-log -- job --label x"
    made = read(*NEEDED, *words.split(), *more.split(), *flags.split())
    assert (made.label, made.task_key, made.state_dir) == ("a/b", "k", Path("/s"))
    assert (made.memory, made.swap, made.timeout, made.grace) == (5, 6, 1.5, 2.0)
    assert (made.cap, made.env_file, made.chdir, made.release_from) == ("prefer", "e", "c", "r")
    assert made.permanent_codes == {3, 4}
    assert made.env_file_shared and made.restart_safe and made.own_log
    assert made.argv == ("job", "--label", "x")


def test_defaults_fail_closed() -> None:
    made = read(*NEEDED, "--", "job")
    assert (made.cap, made.memory, made.timeout, made.env_file_shared) == (
        "require",
        None,
        None,
        False,
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--", "job"], "--label is missing"),
        (["--label", "a/b", "--", "job"], "--state-dir is missing"),
        ([*NEEDED, "--"], 'no command after "--"'),
        ([*NEEDED, "job"], '"job" is no option'),
        (NEEDED, 'there is no "--"'),
        ([*NEEDED, "--nope", "--", "x"], '"--nope" is no option'),
        ([*NEEDED, "--memory"], "--memory has no value"),
        ([*NEEDED, "--memory", "5G", "--", "x"], '"5G" is not a number'),
        ([*NEEDED, "--cap", "none", "--cap", "none", "--", "x"], "--cap is there twice"),
    ],
)
def test_refused_by_name(words: t.List[str], said: str) -> None:
    with pytest.raises(FleetError) as caught:
        read(*words)
    assert said in caught.value.message
