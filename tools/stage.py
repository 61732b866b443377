# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy the tree, as git sees it, into a folder that must not be a link.

    python tools/stage.py [--tracked] FOLDER

Without ``--tracked``, files that are new and not ignored come along.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Read the command line, copy."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tracked", action="store_true")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    stage(options.folder, tracked_only=options.tracked)
    return 0


def stage(folder: Path, *, tracked_only: bool = False) -> None:
    """Replace ``folder`` by a copy of the tree."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in _names(tracked_only=tracked_only):
        source = ROOT / name
        if source.is_symlink() or source.is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)


def _names(*, tracked_only: bool) -> list[str]:
    kinds = ["--cached"] if tracked_only else ["--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", *kinds],
        check=True,
        capture_output=True,
        text=True,
    )
    return sorted({name for name in listed.stdout.split("\0") if name})


if __name__ == "__main__":
    sys.exit(main())
