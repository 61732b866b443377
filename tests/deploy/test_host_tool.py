# SPDX-License-Identifier: GPL-3.0-or-later
"""The host tool on a host where nothing is queued yet."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ansible_collections.fleet.jobs.tests.support.ansible import run_module


def test_check_run_check_run(tmp_path: Path) -> None:
    where = {"state_dir": str(tmp_path / "state")}
    foreseen = run_module("host_tool", where, check=True, diff=True)
    assert foreseen["changed"] and not (tmp_path / "state").exists()
    done = run_module("host_tool", where, diff=True)
    assert (done["changed"], done["actions"]) == (True, foreseen["actions"])
    assert done["diff"] == foreseen["diff"]
    for check in (True, False):
        again = run_module("host_tool", where, check=check, diff=True)
        assert (again["changed"], again["actions"]) == (False, [])
    said = subprocess.run([done["link"], "--help"], capture_output=True, text=True, check=True)
    assert "status" in said.stdout
    assert (tmp_path / "state").stat().st_mode & 0o7777 == 0o700
