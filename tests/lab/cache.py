# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the lab keeps images and the machines that are up; outside the clone, for all clones."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import typing as t
from pathlib import Path


class LabError(Exception):
    """What the lab could not do, in words."""


def cache() -> Path:
    """FLEET_JOBS_LAB_CACHE, else ``lab`` in the account's cache of this project."""
    chosen = os.environ.get("FLEET_JOBS_LAB_CACHE")
    if chosen:
        return Path(chosen).resolve()
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "fleet-jobs" / "lab"


def digest(*recipe: str) -> str:
    """A short name for what was made by this recipe: another recipe makes another image."""
    return hashlib.sha256("\0".join(recipe).encode()).hexdigest()[:10]


def made(target: Path, make: t.Callable[[Path], None]) -> Path:
    """``target``; where it does not exist yet ``make(folder)`` fills it, whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{target}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
            try:
                make(work)
                work.chmod(0o755)
                work.rename(target)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return target


def alive(pid: int, *, sign: str = "") -> bool:
    """Whether the process lives and, when asked, has ``sign`` in its command line."""
    with contextlib.suppress(OSError):
        line = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        return bool(line) and sign in line
    return False
