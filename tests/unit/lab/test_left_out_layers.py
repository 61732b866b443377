# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of the lab that could not have a machine says so last, and fails where it must have it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.support.ansible import COLLECTION

TESTS = """
import pytest
def test_machine(): pytest.skip("no QEMU")
def test_said(say): say("oom_kill 2")
"""


@pytest.mark.parametrize(("required", "code"), [("", 0), ("require", 1)])
def test_last_lines_name_what_was_left_out(tmp_path: Path, required: str, code: int) -> None:
    lab = tmp_path / "tests" / "lab"
    (lab / "vm").mkdir(parents=True)
    shutil.copy(COLLECTION / "tests" / "lab" / "conftest.py", lab)
    (lab / "vm" / "test_it.py").write_text(TESTS, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/lab/vm"],
        cwd=tmp_path,
        env={**os.environ, "FLEET_JOBS_LAB": required},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout
    assert "test_said: oom_kill 2\nLAYER LEFT OUT: tests/lab/vm: no QEMU\n" in done.stdout
    assert ("this was to be skipped: no QEMU" in done.stdout) is bool(required)
