# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""A job's memory cap: three strategies with one face, and the choice between them (INV-7).

The runner's use of it::

    cap = choose("require", 5 << 30, label=label)
    child = subprocess.Popen(argv, preexec_fn=cap.enter, start_new_session=True)
    cap.started(child.pid)
    while child.poll() is None:
        cap.poll()          # every 50-100 ms; True once it had to kill
    report = cap.finish()   # after the child was waited for; kills what the job left behind
"""

from __future__ import annotations

import os
import time
import typing as t
from pathlib import Path

from .._errors import Refused
from . import cgroup, hierarchy, systemd
from .cap_cgroup import CgroupCap
from .cap_polled import PolledCap, UncappedJob
from .cap_report import CapReport, Strategy, Usage
from .dbus import BusError, BusUnavailable

__all__ = ["MODES", "CapReport", "Strategy", "Usage", "choose", "missing"]

MODES = ("require", "prefer", "none")
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


def choose(
    mode: str,
    memory_bytes: t.Optional[int],
    *,
    swap_bytes: int = 0,
    label: str = "job",
    environ: t.Optional[t.Mapping[str, str]] = None,
) -> Strategy:
    """The strongest cap that ``mode`` allows and the host can keep; never a silent weaker one.

    ``memory_bytes`` None means nothing was declared: there is nothing to enforce. With
    "require" and no working cgroup this is Refused (INV-7); "prefer" says in ``note`` why the
    cap is only polled. For "cgroup" this process is moved into a scope of its own.
    """
    if mode not in MODES:
        raise Refused(
            f'The cap mode "{mode}" is unknown; write one of {", ".join(MODES)}.', hazard="INV-7"
        )
    if mode == "none" or memory_bytes is None:
        reason = "cap: none was chosen" if mode == "none" else "no memory was declared"
        return UncappedJob(note=reason)
    values = os.environ if environ is None else environ
    try:
        return _cgroup_cap(values, memory_bytes=memory_bytes, swap_bytes=swap_bytes, label=label)
    except (BusError, cgroup.CgroupError) as error:
        if mode == "require":
            raise Refused(
                f'"{label}" was not started: its memory cap of {memory_bytes} bytes cannot be '
                f"enforced here: {error}. Repair that (host_probe shows it), or allow a polled "
                "cap with cap: prefer.",
                hazard="INV-7",
                details={"missing": str(error)},
            ) from error
        return PolledCap(memory_bytes=memory_bytes, note=f"polled, because {error}")


def _cgroup_cap(
    environ: t.Mapping[str, str], *, memory_bytes: int, swap_bytes: int, label: str
) -> CgroupCap:
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
