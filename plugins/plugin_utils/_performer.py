# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Who runs the play, as leases and records show it."""

from __future__ import annotations

import getpass
import socket
import typing as t


def performer(task_vars: t.Mapping[str, t.Any]) -> str:
    """The user and the job of AWX where it runs the play, else the user and the controller."""
    for prefix in ("awx", "tower"):
        job = task_vars.get(f"{prefix}_job_id")
        if job is not None:
            return f"{task_vars.get(f'{prefix}_user_name', 'somebody')} ({prefix} job {job})"
    return f"{getpass.getuser()}@{socket.gethostname()}"
