# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What SQLite's errors mean for the person who reads them."""

from __future__ import annotations

import os
import sqlite3
import typing as t
from pathlib import Path

from .._errors import FleetError

_NEARLY_FULL = 64 * 1024
_CORRUPT = ("not a database", "malformed", "no such table", "no such column")


def translate(error: t.Union[sqlite3.Error, OSError], path: Path) -> FleetError:
    """One sentence for ``error`` on the ledger at ``path``."""
    # Python 3.8 gives no error code, only SQLite's English text, which is part of its API.
    text = str(error)
    if "full" in text or (_is_full(path) and not isinstance(error, sqlite3.IntegrityError)):
        return FleetError(
            f'The ledger "{path}" cannot be written: its file system has no free space left. '
            "Free some space there and run this again; nothing was recorded."
        )
    if "locked" in text or "busy" in text:
        return FleetError(
            f'The ledger "{path}" is busy: another process has been writing it for too long. '
            "Run this again; if it stays so, look for the process with: fuser " + str(path)
        )
    if any(word in text for word in _CORRUPT):
        return corrupt(path, found=text)
    if "readonly" in text or "unable to open" in text or isinstance(error, OSError):
        return FleetError(
            f'The ledger "{path}" cannot be opened for writing ({text}). Make "{path.parent}" and '
            "the files in it writable for the account that runs the jobs, or choose another "
            "state_dir."
        )
    return FleetError(f'The ledger "{path}" could not be used: {text}.')


def corrupt(path: Path, *, found: str) -> FleetError:
    """The way out of a file that is no ledger, and what taking it costs."""
    return FleetError(
        f'The ledger "{path}" is damaged or no ledger of fleet.jobs ({found}); nothing was '
        f'changed. Move "{path.name}", "{path.name}-wal" and "{path.name}-shm" aside together and '
        "run this again: the queue and the logs stay, the history of attempts, budgets, the lease "
        "and the deploy journal start anew."
    )


def newer(path: Path, *, found: int, known: int) -> FleetError:
    """The refusal of a ledger that a later release wrote."""
    return FleetError(
        f'The ledger "{path}" has schema {found}, this release of fleet.jobs knows schemas up to '
        f"{known}; nothing was changed. Install the newer release on the controller, or choose "
        "another state_dir."
    )


def _is_full(path: Path) -> bool:
    try:
        space = os.statvfs(str(path.parent))
    except OSError:
        return False
    return space.f_bavail * space.f_frsize < _NEARLY_FULL and space.f_blocks > 0
