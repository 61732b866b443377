# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The way into a kernel's cap: a scope of this process's own, asked for at the systemd manager."""

from __future__ import annotations

import os
import time
import typing as t
from pathlib import Path

from . import cgroup, hierarchy, systemd
from .cap_cgroup import CgroupCap
from .dbus import BusError, BusUnavailable

REFUSALS = (BusError, cgroup.CgroupError)
_ATTEMPTS = 3


def missing(
    *, root: Path = Path("/"), environ: t.Optional[t.Mapping[str, str]] = None
) -> t.Optional[str]:
    """What this host lacks for a kernel cap, as far as looking can tell; None if nothing."""
    kind = hierarchy.version(root=root)
    if kind != "v2":
        found = {
            "hybrid": "cgroup v1 owns the controllers (hybrid hierarchy)",
            "v1": "the host runs cgroup v1",
            "none": "no cgroup hierarchy is mounted",
        }[kind]
        return f"{found}, and only pure cgroup v2 lets an account limit its own jobs"
    values = os.environ if environ is None else environ
    places = systemd.sockets(values)
    if not any((root / place.path.lstrip("/")).exists() for place in places):
        return (
            f"no systemd manager listens at {places[0].path} (for a user account: "
            "loginctl enable-linger, and XDG_RUNTIME_DIR for queues started over ssh)"
        )
    return None


def enter(
    environ: t.Mapping[str, str], *, memory_bytes: int, swap_bytes: int, label: str
) -> CgroupCap:
    """Move this process into a scope of its own, and make a limited cgroup in it for the job."""
    lacking = missing(environ=environ)
    if lacking:
        raise cgroup.CgroupError(lacking)
    _start_scope(environ, memory_bytes=memory_bytes, swap_bytes=swap_bytes, label=label)
    scope = cgroup.own_path()
    if scope is None or not scope.is_dir():
        raise cgroup.CgroupError(f"this process's cgroup {scope} is not visible")
    cgroup.split(scope)
    return CgroupCap.create(scope, memory_bytes=memory_bytes, swap_bytes=swap_bytes)


def _start_scope(
    environ: t.Mapping[str, str], *, memory_bytes: int, swap_bytes: int, label: str
) -> None:
    """A busy bus is no reason to lose a job: ask again, but not for ever."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            systemd.start_scope(
                environ, label=label, memory_bytes=memory_bytes, swap_bytes=swap_bytes
            )
            return
        except BusUnavailable:
            if attempt == _ATTEMPTS:
                raise
            time.sleep(0.2 * attempt)
