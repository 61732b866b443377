# SPDX-License-Identifier: GPL-3.0-or-later
"""A real mise, fetched once into the cache outside this clone, or a skip that says what is missing.

The pinned one asks for trust before ``mise exec``; from 2026.8 on mise trusts by itself there, and
the other commands still ask.
"""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import subprocess
import tempfile
import typing as t
from pathlib import Path

import pytest

VERSION = "2026.7.5"
PACKAGE = "@jdxcode/mise-linux-x64"
SECONDS = 180


def binary() -> Path:
    """The program; FLEET_JOBS_MISE wins."""
    named = os.environ.get("FLEET_JOBS_MISE")
    if named:
        return Path(named)
    program = _cache() / f"mise-{VERSION}" / "mise"
    if not program.exists():
        problem = _fetch(program)
        if problem:
            pytest.skip(f"no real mise {VERSION}: {problem}; name one in FLEET_JOBS_MISE")
    return program


class Account:
    """A home directory, and mise as that account calls it: no network, no question asked."""

    def __init__(self, home: Path) -> None:
        self.home, self.program = home, binary()
        self.program_folder = home / ".local" / "bin"
        self.program_folder.mkdir(parents=True, exist_ok=True)
        (self.program_folder / "mise").symlink_to(self.program)

    def environ(self, **more: str) -> t.Dict[str, str]:
        return {
            "HOME": str(self.home),
            "PATH": f"{self.program_folder}:/usr/bin:/bin",
            "MISE_OFFLINE": "1",
            **more,
        }

    def run(self, *words: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["mise", *words],
            cwd=str(cwd),
            env=self.environ(**environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def trust(self, project: Path) -> None:
        """What a person does once for a project."""
        done = self.run("trust", "--quiet", "mise.toml", cwd=project)
        assert done.returncode == 0, done.stderr


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "fleet-jobs"


def _fetch(program: Path) -> t.Optional[str]:
    """Put it into the cache whole; what was in the way, if anything."""
    npm = shutil.which("npm")
    if npm is None or platform.machine() != "x86_64":
        return "npm is not on PATH" if npm is None else f"{PACKAGE} is for x86_64"
    cache = _cache()
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / f"mise-{VERSION}.lock", "w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if program.exists():
            return None
        with tempfile.TemporaryDirectory(prefix="fetching-", dir=cache) as work:
            return _unpack(npm, Path(work), program)


def _unpack(npm: str, work: Path, program: Path) -> t.Optional[str]:
    try:
        done = subprocess.run(
            [npm, "pack", "--silent", f"{PACKAGE}@{VERSION}"],
            cwd=str(work),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"npm pack did not end within {SECONDS} s"
    archives = list(work.glob("*.tgz"))
    if done.returncode or not archives:
        return f"npm pack ended with {done.returncode}: {(done.stderr or '').strip()[-200:]}"
    shutil.unpack_archive(str(archives[0]), str(work), "gztar")
    folder = work / "ready"
    folder.mkdir()
    (work / "package" / "bin" / "mise").rename(folder / "mise")
    folder.rename(program.parent)
    return None
