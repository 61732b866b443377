# SPDX-License-Identifier: GPL-3.0-or-later
"""HEAD without git, compared with what git says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._jobs.release import head_of

IDENTITY = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.invalid",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.invalid",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}


def git(folder: Path, *words: str) -> str:
    return (
        subprocess.run(
            ["git", "-C", str(folder), *words],
            env={**os.environ, **IDENTITY},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        .stdout.decode()
        .strip()
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "commit", "-q", "--allow-empty", "-m", "one")
    return folder


def test_branch_detached_and_packed(project: Path) -> None:
    sha = git(project, "rev-parse", "HEAD")
    (project / "deep").mkdir()
    assert head_of(project) == head_of(project / "deep") == sha
    git(project, "pack-refs", "--all")
    assert head_of(project) == sha
    git(project, "commit", "-q", "--allow-empty", "-m", "two")
    assert head_of(project) == git(project, "rev-parse", "HEAD") != sha
    git(project, "checkout", "-q", "--detach", sha)
    assert head_of(project) == sha


def test_work_tree_and_link(project: Path, tmp_path: Path) -> None:
    sha = git(project, "rev-parse", "HEAD")
    git(project, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    git(tmp_path / "side", "commit", "-q", "--allow-empty", "-m", "side")
    (tmp_path / "current").symlink_to(tmp_path / "side")
    side = git(tmp_path / "side", "rev-parse", "HEAD")
    assert head_of(tmp_path / "current") == side != sha
    git(project, "pack-refs", "--all")
    assert head_of(tmp_path / "side") == side
    assert head_of(project) == sha


def test_no_repository_and_no_commit(tmp_path: Path) -> None:
    assert head_of(tmp_path) is None
    git(tmp_path, "init", "-q")
    assert head_of(tmp_path) is None
    (tmp_path / ".git" / "HEAD").write_text("ref: HEAD\n")
    assert head_of(tmp_path) is None
