# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""A host that hangs is lost after a while, as one that refuses is at once.

Ansible bounds how long it tries to connect, but not how long it waits for an answer.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import typing as t
from pathlib import Path

from ansible.errors import AnsibleConnectionFailure

VARIABLE = "fleet_answer_timeout"


class NoAnswer(AnsibleConnectionFailure):  # type: ignore[misc]
    """The call was given up; asking again would hang again."""


class _Late(BaseException):
    """No Exception, so that no retry of a connection plugin takes it for an error of its own."""


@contextlib.contextmanager
def answered_within(seconds: float) -> t.Iterator[None]:
    """Raise ``NoAnswer`` after so many seconds; a task's own ``timeout`` is left to Ansible."""
    taken = signal.getitimer(signal.ITIMER_REAL)[0] > 0
    if seconds <= 0 or taken or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except _Late:
        _end_clients()
        raise NoAnswer(f"No answer within {seconds:g} seconds ({VARIABLE}).") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _late(_number: int, _frame: t.Any) -> None:
    raise _Late


def _end_clients() -> None:
    """The ssh that waits for the host would wait on after this process has ended."""
    for path in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for pid in path.read_text(encoding="ascii").split():
                name = Path("/proc", pid, "comm").read_text(encoding="utf-8").strip()
                if name in ("ssh", "scp", "sftp"):
                    os.kill(int(pid), signal.SIGTERM)
