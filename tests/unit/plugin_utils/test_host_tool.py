# SPDX-License-Identifier: GPL-3.0-or-later
"""The build on the controller."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ansible_collections.fleet.jobs.plugins.module_utils._jobs import host_tool
from ansible_collections.fleet.jobs.plugins.plugin_utils import _host_tool


def tree(folder: Path) -> Path:
    files = ("_jobs/runner.py", "_tool/main.py", "_tool/launcher.py", "_errors.py")
    for name in (*files, "_ansible/outcome.py", "_deploy/apply.py"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"NAME = {name!r}\n")
    cached = folder / "_jobs" / "__pycache__"
    cached.mkdir()
    (cached / "x.py").write_text("")
    return folder


def test_what_the_tool_needs_is_inside(tmp_path: Path) -> None:
    built = _host_tool.build(tree(tmp_path))
    assert set(host_tool.unpack(built.content)) == {
        "__main__.py",
        "launcher.py",
        "fleet_jobs/__init__.py",
        "fleet_jobs/_errors.py",
        "fleet_jobs/_jobs/__init__.py",
        "fleet_jobs/_jobs/runner.py",
        "fleet_jobs/_tool/__init__.py",
        "fleet_jobs/_tool/main.py",
    }


def test_two_builds_are_the_same_bytes(tmp_path: Path) -> None:
    first = _host_tool.build(tree(tmp_path / "a"))
    second = _host_tool.build(tree(tmp_path / "b"))
    assert first == second


def test_the_real_tree_builds() -> None:
    built = _host_tool.build()
    assert host_tool.digest_of(built.content) == built.digest


def test_nothing_that_the_real_one_imports_was_left_out(tmp_path: Path) -> None:
    built = _host_tool.build()
    archive = tmp_path / "tool.zip"
    archive.write_bytes(built.content)
    names = [
        name[: -len(".py")].replace("/", ".")
        for name in host_tool.unpack(built.content)
        if name.startswith(_host_tool.PACKAGE) and not name.endswith("__init__.py")
    ]
    program = (
        "import importlib, sys; sys.path.insert(0, sys.argv[1]);"
        "[importlib.import_module(name) for name in sys.argv[2:]]"
    )
    words = [sys.executable, "-I", "-S", "-c", program, str(archive), *names]
    assert len(names) > 50
    subprocess.run(words, check=True)
