# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Logs that outlive pueue's: one file for each attempt of a label (AP-3)."""

from __future__ import annotations

import contextlib
import os
import typing as t
from pathlib import Path

from .._files import private_directory, remove
from .label import file_name

MAX_BYTES = 16 * 1024 * 1024


def folder(state_dir: Path, label: str) -> Path:
    """Where the logs of one label are kept."""
    return state_dir / "logs" / file_name(label)


def place(state_dir: Path, label: str, *, number: t.Optional[int], ended: float) -> Path:
    """The file of an attempt; a run that the ledger does not know is named by its end."""
    name = str(number) if number is not None else f"unrecorded-{ended:.0f}"
    return folder(state_dir, label) / f"{name}.log"


def keep_copy(source: Path, target: Path) -> bool:
    """Copy a log that is about to be truncated; of a huge one its end. False if there is none.

    Not synced to disk: a log is worth a copy, not a wait. It is whole or absent all the same.
    """
    try:
        size = source.stat().st_size
        private_directory(target.parent)
        temporary = target.parent / f".{target.name}.part"
        with source.open("rb") as log, temporary.open("wb") as copy:
            os.chmod(str(temporary), 0o600)
            if size > MAX_BYTES:
                log.seek(size - MAX_BYTES)
                copy.write(b"[the first %d bytes were left out]\n" % (size - MAX_BYTES))
            while True:
                block = log.read(1 << 20)
                if not block:
                    break
                copy.write(block)
        os.replace(str(temporary), str(target))
    except FileNotFoundError:
        return False
    return True


def keep_file(source: Path, target: Path) -> bool:
    """Keep a log that pueue is about to delete: a second name costs nothing, a copy if it must."""
    try:
        if source.stat().st_size <= MAX_BYTES:
            private_directory(target.parent)
            remove(target)
            os.link(str(source), str(target))
            os.chmod(str(target), 0o600)
            return True
    except FileNotFoundError:
        return False
    except OSError:
        pass
    return keep_copy(source, target)


def prune(state_dir: Path, label: str, *, keep: int) -> t.List[Path]:
    """Remove all but the ``keep`` newest logs of a label; what was removed."""
    place_of_label = folder(state_dir, label)
    found: t.List[t.Tuple[float, Path]] = []
    with contextlib.suppress(FileNotFoundError):
        for path in place_of_label.glob("*.log"):
            with contextlib.suppress(FileNotFoundError):
                found.append((path.stat().st_mtime, path))
    found.sort()
    surplus = [path for _unused, path in (found[:-keep] if keep > 0 else found)]
    for path in surplus:
        remove(path)
    if found and len(surplus) == len(found):
        with contextlib.suppress(OSError):
            place_of_label.rmdir()
    return surplus
