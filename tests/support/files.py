# SPDX-License-Identifier: GPL-3.0-or-later
"""What a directory holds, to compare before and after."""

from __future__ import annotations

import typing as t
from pathlib import Path


def everything(folder: Path) -> t.Dict[str, t.Tuple[t.Optional[bytes], int]]:
    """Each path below ``folder`` with its content and its time of change; sockets by name."""
    return {
        str(path.relative_to(folder)): (
            path.read_bytes() if path.is_file() else None,
            path.lstat().st_mtime_ns,
        )
        for path in sorted(folder.rglob("*"))
    }
