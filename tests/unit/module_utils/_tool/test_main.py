# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line's ends: a sentence and a code, never a traceback."""

from __future__ import annotations

import errno
import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._tool import main, run, status


@pytest.mark.parametrize(
    ("module", "entry", "argv", "code"),
    [
        pytest.param(run, "main", ["run", "--", "job"], 121, id="before a job"),
        pytest.param(status, "run", ["status"], 1, id="a reader"),
    ],
)
def test_what_the_system_refuses_is_a_sentence(
    module: t.Any,
    entry: str,
    argv: t.List[str],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(_given: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", "/srv/state")

    monkeypatch.setattr(module, entry, refuse)
    assert main.main(argv) == code
    assert '"/srv/state": Permission denied' in capsys.readouterr().err
