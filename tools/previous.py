# SPDX-License-Identifier: GPL-3.0-or-later
"""Install the previous release of this collection, built from this clone's history.

    python tools/previous.py FOLDER

The newest tag below HEAD is the previous release; until there is one, the commit before hosts could
be provisioned. FOLDER becomes a collections path that holds nothing else.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UNTIL_THERE_IS_ONE = "60f4d1043230b5ff1b9e5fcfd94f5a4326fe8739"


def main() -> int:
    """Read the command line, build, install."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    commit = _git("describe", "--tags", "--abbrev=0", "HEAD^").strip() or UNTIL_THERE_IS_ONE
    if not _git("cat-file", "-t", commit).strip():
        print(
            f'The previous release, "{commit}", is not in this clone: fetch its whole history '
            f"(git fetch --unshallow --tags).",
            file=sys.stderr,
        )
        return 2
    with tempfile.TemporaryDirectory(prefix="fleet-previous-") as work:
        tree = Path(work) / "tree"
        tree.mkdir()
        archive = subprocess.run(
            ["git", "-C", str(ROOT), "archive", commit], check=True, capture_output=True
        )
        subprocess.run(["tar", "-x", "-C", str(tree)], input=archive.stdout, check=True)
        _galaxy("build", "--output-path", work, str(tree))
        tarball = next(Path(work).glob("fleet-jobs-*.tar.gz"))
        _galaxy("install", "--offline", "--force", "-p", str(folder), str(tarball))
    print(f"{commit} in {folder}")
    return 0


def _git(*arguments: str) -> str:
    """What git says; nothing where it says no."""
    done = subprocess.run(
        ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout if done.returncode == 0 else ""


def _galaxy(*arguments: str) -> None:
    command = ["ansible-galaxy", "collection", *arguments]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
