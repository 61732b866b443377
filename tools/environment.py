# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the locked environment ``.build/venv-NAME`` from ``requirements/LOCK.txt``, once.

    python3 tools/environment.py NAME [--lock LOCK] [--interpreter PYTHON]

Nothing is installed that the lock file does not name with its hash. ``uv`` does the work and falls
back to pip, which reads the account's pip configuration. A finished environment is kept until its
lock, its interpreter or its place changes.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"
OLDEST = (3, 11)


def main() -> int:
    """Read the command line, make one environment."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("--lock", help="default: NAME")
    parser.add_argument("--interpreter", default=sys.executable)
    options = parser.parse_args()
    if sys.version_info < OLDEST:
        return _refuse(
            f"Python {'.'.join(map(str, OLDEST))} or later is needed, {sys.executable} is "
            f"{sys.version.split()[0]}. Name a newer one: make PYTHON=/path/to/python3.11 …"
        )
    try:
        ensure(options.name, lock=options.lock, interpreter=options.interpreter)
    except subprocess.CalledProcessError as error:
        return _refuse(
            f'The environment "{options.name}" could not be made: '
            f'"{" ".join(map(str, error.cmd[:4]))} …" ended with {error.returncode}; see above.'
        )
    return 0


def ensure(name: str, *, lock: str | None = None, interpreter: str = sys.executable) -> Path:
    """The folder of a ready environment; made only where it is missing or out of date."""
    folder = BUILD / f"venv-{name}"
    requirements = ROOT / "requirements" / f"{lock or name}.txt"
    with _alone():
        stamp = _stamp(folder, requirements, interpreter)
        if _read(folder / "ready") == stamp:
            return folder
        print(f"environment {name}: installing {requirements.relative_to(ROOT)}", file=sys.stderr)
        if name == "uv":
            _from_pip(folder, requirements)
        else:
            _from_uv(folder, requirements, interpreter)
        (folder / "ready").write_text(stamp, encoding="utf-8")
    return folder


def _from_pip(folder: Path, requirements: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _call(sys.executable, "-m", "venv", folder)
    _call(folder / "bin" / "python", "-m", "pip", *_pip_install(requirements))


def _from_uv(folder: Path, requirements: Path, interpreter: str) -> None:
    tools = BUILD / "venv-uv"
    lock = ROOT / "requirements" / "uv.txt"
    stamp = _stamp(tools, lock, sys.executable)
    if _read(tools / "ready") != stamp:
        _from_pip(tools, lock)
        (tools / "ready").write_text(stamp, encoding="utf-8")
    uv = tools / "bin" / "uv"
    shutil.rmtree(folder, ignore_errors=True)
    _call(uv, "venv", "--quiet", "--no-project", "--python", interpreter, folder)
    python = folder / "bin" / "python"
    try:
        _call(
            *(uv, "pip", "install", "--quiet", "--python", python),
            *("--no-deps", "--require-hashes", "-r", requirements),
        )
    except subprocess.CalledProcessError:
        print("environment: uv could not install, trying pip", file=sys.stderr)
        _call(
            tools / "bin" / "python", "-m", "pip", "--python", python, *_pip_install(requirements)
        )


def _pip_install(requirements: Path) -> list[str]:
    return ["install", "--quiet", "--no-deps", "--require-hashes", "-r", str(requirements)]


def _stamp(folder: Path, requirements: Path, interpreter: str) -> str:
    """Scripts in an environment hold its path, so the place belongs to its identity."""
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    return f"{digest} {os.path.realpath(interpreter)} {folder}\n"


@contextlib.contextmanager
def _alone() -> t.Iterator[None]:
    """One maker at a time: two makes may run beside each other."""
    BUILD.mkdir(exist_ok=True)
    with open(BUILD / "environment.lock", "w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _call(*command: str | Path) -> None:
    subprocess.run([str(part) for part in command], check=True, stdin=subprocess.DEVNULL)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None


def _refuse(message: str) -> int:
    print(message, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
