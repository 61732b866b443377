# SPDX-License-Identifier: GPL-3.0-or-later
"""Queueing and looking with the code that is on the host: same answers, no trace of a look."""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

from ansible_collections.fleet.jobs.tests.support.ansible import run_module
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon

SENT = {"ANSIBLE_PIPELINING": "false"}


def test_both_ways_answer_alike_and_a_look_leaves_no_code(
    daemon: PrivateDaemon, tmp_path: Path
) -> None:
    state_dir = tmp_path / "state"
    where = {"pueue_config": str(daemon.config_path), "state_dir": str(state_dir)}
    job = {"label": "work/1", "command": [sys.executable, "-c", "pass"], "chdir": str(tmp_path)}

    def queue(label: str, **env: str) -> t.Dict[str, t.Any]:
        wish = {"jobs": [{**job, "label": label}], "cap": "none", **where}
        return run_module("pueue_queue_guarded", wish, env=env)

    def look(**env: str) -> t.Dict[str, t.Any]:
        return run_module("pueue_status", where, env=env)

    look()
    assert not state_dir.exists()
    first = queue("work/1")
    assert first["counts"]["queued"] == 1, first
    look()
    assert not (state_dir / "code").exists(), "a look has left code"

    second = queue("work/2")

    assert len([*(state_dir / "code").iterdir()]) == 1
    assert second["counts"] == first["counts"]
    again = queue("work/2")
    assert not again["changed"] and again["counts"]["skipped"] == 1
    sent = queue("work/2", **SENT)
    assert {**sent, "invocation": 0} == {**again, "invocation": 0}
    daemon.cli("wait", "--all")
    assert {**look(**SENT), "invocation": 0} == {**look(), "invocation": 0}
