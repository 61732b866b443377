# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""A line now and then while a call is under way: nobody should wonder whether it hangs."""

from __future__ import annotations

import contextlib
import threading
import time
import typing as t

# Below a minute, also when a line is late.
EVERY_SECONDS = 45.0


@contextlib.contextmanager
def sign_of_life(say: t.Callable[[str], t.Any], what: str) -> t.Iterator[None]:
    """Say ``what`` and for how long, as long as the block takes."""
    over = threading.Event()
    thread = threading.Thread(target=_speak, args=(say, what, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        # A worker that ended in the middle of a line would leave the controller's queue locked.
        thread.join()


def _speak(say: t.Callable[[str], t.Any], what: str, over: threading.Event) -> None:
    started = time.monotonic()
    while not over.wait(EVERY_SECONDS):
        say(f"{what} ({time.monotonic() - started:.0f} s)")
