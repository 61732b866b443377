# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the folder of a supported ``pueue`` and ``pueued``; build them once where there is none.

Looked for on PATH, then in the cache outside this clone; else ``cargo install --locked`` fills the
cache. With a version as its argument it is exactly that one, from the cache or built into it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

VERSION = "4.0.4"
SUPPORTED = "4.0."
PROGRAMS = ("pueue", "pueued")


def main(arguments: list[str]) -> int:
    """Print the folder, or say on stderr what to install."""
    cache = _cache()
    version = arguments[0] if arguments else VERSION
    target = cache / f"pueue-{version}"
    folder = None if arguments else _named() or _on_path()
    folder = folder or _in_cache(target)
    if folder is None:
        if shutil.which("cargo") is None:
            print(_advice("cargo is not on PATH", version), file=sys.stderr)
            return 2
        folder = _build(cache, target, version)
    if folder is None:
        print(_advice("cargo could not build it (see above)", version), file=sys.stderr)
        return 2
    print(folder)
    return 0


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "fleet-jobs"


def _named() -> Path | None:
    """The folder that the caller chose, if it fits."""
    chosen = os.environ.get("FLEET_JOBS_PUEUE_BIN")
    return Path(chosen) if chosen and _fits(Path(chosen)) else None


def _on_path() -> Path | None:
    found = shutil.which("pueued")
    folder = Path(found).parent if found else None
    return folder if folder and _fits(folder) else None


def _in_cache(target: Path) -> Path | None:
    folder = target / "bin"
    return folder if _fits(folder) else None


def _fits(folder: Path) -> bool:
    """Both programs start and are of the supported series."""
    for name in PROGRAMS:
        try:
            answer = subprocess.run(
                [str(folder / name), "--version"], capture_output=True, text=True, check=False
            )
        except OSError:
            return False
        if not answer.stdout.split()[-1:] or not answer.stdout.split()[-1].startswith(SUPPORTED):
            return False
    return True


def _build(cache: Path, target: Path, version: str) -> Path | None:
    """Compile into a folder beside the target and move it there whole; one builder at a time."""
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / f"pueue-{version}.lock", "w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if _in_cache(target):
            return target / "bin"
        print(f"pueue {version}: building it once into {target} (some minutes)", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix="building-", dir=cache) as work:
            root = Path(work) / "root"
            done = subprocess.run(
                ["cargo", "install", "--locked", f"pueue@{version}", "--root", str(root)],
                env={**os.environ, "CARGO_TARGET_DIR": str(Path(work) / "target")},
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr,
                check=False,
            )
            if done.returncode != 0 or not _fits(root / "bin"):
                return None
            shutil.rmtree(target, ignore_errors=True)
            root.rename(target)
    return target / "bin"


def _advice(reason: str, version: str) -> str:
    return (
        f"No supported pueue was found on PATH or in {_cache()}, and {reason}.\n"
        f"Install Rust with cargo and a C compiler and run this again (it then runs\n"
        f'"cargo install --locked pueue@{version}" into the cache), or put pueue and pueued\n'
        f"{SUPPORTED}x on PATH, or name their folder in FLEET_JOBS_PUEUE_BIN."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
