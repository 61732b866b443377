# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's tarball, built as ``make build`` does, and a place where it is installed."""

from __future__ import annotations

import subprocess
import typing as t
from pathlib import Path

from .ansible import COLLECTION, environment, program


def build(folder: Path) -> Path:
    """Build it from the files that git would take; its path below ``folder``."""
    staged = folder / "staged"
    stage = COLLECTION / "tools" / "stage.py"
    subprocess.run([program("python"), str(stage), str(staged)], check=True)
    run(folder, "ansible-galaxy", "collection", "build", "--output-path", str(folder), str(staged))
    return next(folder.glob("fleet-jobs-*.tar.gz"))


def install(tarball: Path, place: Path) -> Path:
    """Install it, and nothing else, without a network; the collections path."""
    place.mkdir(parents=True)
    run(
        *(place, "ansible-galaxy", "collection", "install", "--offline"),
        *("-p", str(place), str(tarball)),
        collections=place,
    )
    return place


def run(home: Path, name: str, *arguments: str, collections: t.Optional[Path] = None) -> str:
    """Run a program of ansible-core that sees only ``collections``; what it printed."""
    values = environment(home, home / "record")
    if collections:
        values["ANSIBLE_COLLECTIONS_PATH"] = str(collections)
    done = subprocess.run(
        [program(name), *arguments],
        env=values,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
