# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Room to change a queue safely: free disk and the size of pueued's state file (AP-10)."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

from .._dataclass import dataclass
from .._errors import Refused
from .._pueue.config import Config
from .._quantity import format_bytes
from .instance import Instance

DEFAULT_FLOOR = 512 << 20
# pueued writes a whole second copy at every save; leave room for several.
STATE_FILE_COPIES = 4
INODE_FLOOR = 1000
WARN_STATE_BYTES = 10 << 20
REFUSE_STATE_BYTES = 50 << 20


@dataclass(frozen=True)
class Room:
    """What there is; ``problem`` names why nothing may be added, ``warnings`` what to watch."""

    free: t.Mapping[str, int]
    state_bytes: int
    problem: t.Optional[str] = None
    hazard: t.Optional[str] = None
    warnings: t.Tuple[str, ...] = ()


def require_room(
    instance: Instance, *, floor: t.Optional[int] = None, growth: int = 0
) -> t.Tuple[str, ...]:
    """Refuse where a change could fill the disk or drown pueued; the warnings otherwise.

    ``floor``: bytes that must stay free (default 512M, more for a big state file); ``growth``:
    bytes that the change adds to the state file.
    """
    room = look(instance, floor=floor, growth=growth)
    if room.problem:
        raise Refused(room.problem, hazard=room.hazard)
    return room.warnings


def look(instance: Instance, *, floor: t.Optional[int] = None, growth: int = 0) -> Room:
    """Measure; nothing is refused here."""
    config = instance.config
    size = state_size(config)
    needed = required_bytes(floor, size + growth)
    places = (config.pueue_directory, instance.state_dir)
    free = {str(place): usable(place) for place in places}
    problem, hazard = _no_disk(free, needed), "AP-10"
    if problem is None and size + growth > REFUSE_STATE_BYTES:
        problem = (
            f'pueue\'s state file "{config.state_file}" has {format_bytes(size)}, and with '
            f"{format_bytes(growth)} more it would pass {format_bytes(REFUSE_STATE_BYTES)}; every "
            "change of the queue rewrites all of it. Forget finished tasks with pueue_clean first."
        )
    partial = Path(f"{config.state_file}.partial")
    stray = config.compress_state_file and partial.exists()
    if problem is None and stray:
        problem = (
            f'A stray "{partial}" makes every save of pueued fail. Delete it; and prefer '
            "compress_state_file: false, which has no such trap."
        )
    return Room(
        free=free,
        state_bytes=size,
        problem=problem,
        hazard=hazard if problem else None,
        warnings=_warnings(config, size),
    )


def required_bytes(floor: t.Optional[int], state_bytes: int) -> int:
    """An explicit floor counts as it is; the default grows with the state file."""
    if floor is not None:
        return floor
    return max(DEFAULT_FLOOR, STATE_FILE_COPIES * state_bytes)


def state_size(config: Config) -> int:
    """Bytes of the state file; 0 where nothing was saved yet."""
    try:
        return config.state_file.stat().st_size
    except OSError:
        return 0


def usable(place: Path) -> int:
    """Bytes that this account may still write where ``place`` is, or will be.

    Without inodes no file can be made, however many bytes are free: that counts as nothing.
    """
    folder = place
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    status = os.statvfs(str(folder))
    if status.f_files and status.f_favail < min(INODE_FLOOR, status.f_files // 20):
        return 0
    return status.f_bavail * status.f_frsize


def _no_disk(free: t.Mapping[str, int], needed: int) -> t.Optional[str]:
    for place, available in free.items():
        if available < needed:
            return (
                f'The file system of "{place}" has {format_bytes(available)} (or almost no '
                f"inodes) left, the floor is {format_bytes(needed)}: on a full disk pueued ends "
                "and kills every running task. Free space, or lower disk_floor."
            )
    return None


def _warnings(config: Config, size: int) -> t.Tuple[str, ...]:
    found: t.List[str] = []
    if size > WARN_STATE_BYTES:
        found.append(
            f'pueue\'s state file "{config.state_file}" has {format_bytes(size)} (AP-10): every '
            "change rewrites it. Forget finished tasks with pueue_clean."
        )
    other = config.pueue_directory / (
        "state.json" if config.compress_state_file else "state.json.gz"
    )
    strays = [Path(f"{config.pueue_directory / 'state.json.gz'}.partial")]
    strays += [other] if other.exists() and not config.state_file.exists() else []
    found += [
        f'A stray "{stray}" lies beside pueue\'s state file; it is not read, and it breaks every '
        "save once compress_state_file is on. Look where it comes from, then delete it."
        for stray in strays
        if stray.exists() and not config.compress_state_file
    ]
    return tuple(found)
