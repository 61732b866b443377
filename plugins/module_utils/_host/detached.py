# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""A process that holds on to nothing of whoever started it."""

from __future__ import annotations

import contextlib
import os
import typing as t


def detach(*, keep: t.Optional[int] = None) -> None:
    """A session of its own, and no open file but ``keep``: an ssh that waits for them may end."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for handle in (int(name) for name in os.listdir("/proc/self/fd")):
        if handle < 3:
            os.dup2(null, handle)
        elif handle != keep:
            with contextlib.suppress(OSError):
                os.close(handle)
