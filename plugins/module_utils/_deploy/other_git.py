# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""A git that works in the checkout already, such as one that outlived a killed deploy."""

from __future__ import annotations

import os
import time
import typing as t
from pathlib import Path

from .._host.process import PROC, every

WAIT_SECONDS = 30.0
_POLL_SECONDS = 0.1


def lock_that_stays(
    lock: t.Callable[[], t.Optional[Path]], *, project: Path, seconds: float = WAIT_SECONDS
) -> t.Optional[Path]:
    """The index lock, after a live git got time to end; one that nobody holds is not waited for."""
    limit = time.monotonic() + seconds
    found = lock()
    while found is not None and time.monotonic() < limit and _works_in(project):
        time.sleep(_POLL_SECONDS)
        found = lock()
    return found and lock()


def _works_in(project: Path) -> bool:
    """Whether a git of this account runs in this directory or below it."""
    top = project.resolve()
    return any(_is_git(stat.pid, top) for stat in every() if not stat.dead)


def _is_git(pid: int, top: Path) -> bool:
    try:
        name = (PROC / str(pid) / "comm").read_text(encoding="utf-8").strip()
        if not name.startswith("git"):
            return False
        place = Path(os.readlink(PROC / str(pid) / "cwd"))
    except (OSError, UnicodeDecodeError):
        return False
    return top == place or top in place.parents
