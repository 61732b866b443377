# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of the programs this stack needs."""

from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._host import tools


def program(folder, name, *, body):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("echo pueue 4.0.4", "4.0.4"),
        ("echo 'systemd 252 (252.39-1~deb12u2)'", "252"),
        ("echo 'uv 0.9.1 (abcdef 2026-01-01)'", "0.9.1"),
        ("echo no number", None),
        ("echo 1.2; exit 3", None),
        ("echo 9.9 >&2", None),
    ],
    ids=["plain", "systemd", "uv", "wordless", "failing", "stderr"],
)
def test_version(tmp_path, said, version):
    program(tmp_path / "bin", "tool", body=said)
    environ = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)}
    assert tools.tool_version("tool", environ=environ) == version


@pytest.mark.parametrize("folder", [".cargo/bin", ".local/bin"])
def test_installers_folders_are_searched_although_not_on_path(tmp_path, folder):
    path = program(tmp_path / folder, "pueue", body="echo pueue 4.0.4")
    environ = {"PATH": "/nowhere", "HOME": str(tmp_path)}
    assert tools.find_tool("pueue", environ=environ) == str(path)
    assert tools.versions(environ=environ)["pueue"] == "4.0.4"


def test_absent_is_none_for_each(tmp_path):
    environ = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    assert tools.versions(environ=environ) == dict.fromkeys(tools.TOOLS)
