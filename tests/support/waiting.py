# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait on a condition with a limit, never on a guessed time."""

from __future__ import annotations

import time
import typing as t

T = t.TypeVar("T")


def eventually(condition: t.Callable[[], T], *, timeout: float, what: str) -> T:
    """Return the first true value of ``condition``; fail by name after ``timeout`` seconds."""
    limit = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < limit, f"not within {timeout:g} s: {what} (last: {value!r})"
        time.sleep(0.05)
