# SPDX-License-Identifier: GPL-3.0-or-later
"""The target Pythons of this machine: from pyenv and PATH, each one tried before it counts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

OLDEST = (3, 8)
MINORS = range(OLDEST[1], 20)


def found() -> t.Dict[str, str]:
    """Version (``3.8``) to the path of an interpreter that starts, oldest first."""
    working: t.Dict[str, str] = {}
    for minor in MINORS:
        for candidate in _candidates(f"3.{minor}"):
            if _version(candidate) == f"3.{minor}":
                working[f"3.{minor}"] = os.path.realpath(candidate)
                break
    return working


def chosen() -> t.Dict[str, str]:
    """The oldest supported one, if it is here, and the newest found; or FLEET_JOBS_TARGETS."""
    working = found()
    named = os.environ.get("FLEET_JOBS_TARGETS")
    if named:
        return {name: working[name] for name in named.split() if name in working}
    names = [name for name in (f"{OLDEST[0]}.{OLDEST[1]}", *list(working)[-1:]) if name in working]
    return {name: working[name] for name in names}


def describe() -> str:
    """One plain line: what was found, what is missing."""
    picked = chosen()
    oldest = f"{OLDEST[0]}.{OLDEST[1]}"
    parts = [f"{name} ({path})" for name, path in picked.items()]
    missing = "" if oldest in picked else f"; MISSING: {oldest}, its runs are skipped"
    return f"target Pythons: {', '.join(parts) or 'none'}{missing}"


def _candidates(version: str) -> t.Iterator[str]:
    for folder in _pyenv_folders():
        releases = [one for one in folder.glob(f"{version}.*") if one.name.count(".") == 2]
        for release in sorted(releases, key=_patch, reverse=True):
            yield str(release / "bin" / f"python{version}")
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield on_path


def _patch(release: Path) -> int:
    last = release.name.rsplit(".", 1)[-1]
    return int(last) if last.isdigit() else -1


def _pyenv_folders() -> t.List[Path]:
    """pyenv's own folder, wherever the home is: also beside the interpreter that runs this."""
    named = os.environ.get("PYENV_ROOT")
    places = [
        *([Path(named) / "versions"] if named else []),
        Path.home() / ".pyenv" / "versions",
        Path(sys.base_prefix).resolve().parent,
    ]
    return [place for place in places if place.name == "versions" and place.is_dir()]


def _version(interpreter: str) -> t.Optional[str]:
    """What the program says it is; None if it does not run (a pyenv shim may not)."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run(
            [interpreter, "-c", code],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except OSError:
        return None
    return answer.stdout.decode().strip() if answer.returncode == 0 else None


if __name__ == "__main__":
    print(describe())
