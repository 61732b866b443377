# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Tables for people, and the few number formats in them."""

from __future__ import annotations

import time
import typing as t

NOTHING = "-"


def table(headings: t.Sequence[str], rows: t.Iterable[t.Sequence[t.Any]]) -> str:
    """Left-aligned columns, numbers to the right; no trailing blanks. Empty without rows."""
    body = [list(row) for row in rows]
    if not body:
        return ""
    cells = [list(headings), *([_cell(value) for value in row] for row in body)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(headings))]
    numeric = [
        all(isinstance(row[column], (int, float, type(None))) for row in body)
        for column in range(len(headings))
    ]
    lines = []
    for line in cells:
        padded = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric)
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def duration(seconds: t.Optional[float]) -> str:
    """75.2 → ``1m15s``; 7384 → ``2h03m``."""
    if seconds is None:
        return NOTHING
    if seconds < 10:
        return f"{max(seconds, 0):.1f}s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02}h"


def moment(seconds: t.Optional[float]) -> str:
    """Local time to the second."""
    if seconds is None:
        return NOTHING
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _cell(value: t.Any) -> str:
    """Labels and messages come from programs: control characters must not reach a terminal."""
    text = NOTHING if value is None else str(value)
    return "".join(letter if letter.isprintable() else "?" for letter in text)
