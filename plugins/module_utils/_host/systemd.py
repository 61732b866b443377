# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Move this process into a delegated scope of its own: what ``systemd-run --scope`` does, but
without a new process in between, so that a refusal is an answer and not a lost job."""

from __future__ import annotations

import contextlib
import os
import re
import time
import typing as t
from pathlib import Path

from .._dataclass import dataclass
from .cgroup import RUNNER_BYTES
from .dbus import BusError, BusUnavailable, Call, Connection, Variant

SLICE = "fleet.slice"
# A manager with hundreds of starts before it is slow; a job that waits loses less than one lost.
START_SECONDS = 60.0
_LOGIN_SECONDS = 20.0
_STOP_SECONDS = 10.0
_MANAGER = "org.freedesktop.systemd1"
_HELLO = Call(
    "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello", destination="org.freedesktop.DBus"
)


@dataclass(frozen=True)
class Socket:
    """A place where a manager listens; a bus wants a greeting and a destination."""

    path: str
    bus: bool


def runtime_directory(environ: t.Mapping[str, str], *, uid: t.Optional[int] = None) -> str:
    """XDG_RUNTIME_DIR, or where logind puts it: over ssh without PAM it is often unset."""
    number = os.getuid() if uid is None else uid
    return environ.get("XDG_RUNTIME_DIR") or f"/run/user/{number}"


def sockets(environ: t.Mapping[str, str], *, uid: t.Optional[int] = None) -> t.List[Socket]:
    """Where to ask, best first: root has the system's manager, others their own."""
    number = os.getuid() if uid is None else uid
    if number == 0:
        return [
            Socket("/run/systemd/private", bus=False),
            Socket("/run/dbus/system_bus_socket", bus=True),
        ]
    runtime = runtime_directory(environ, uid=number)
    found = [Socket(f"{runtime}/systemd/private", bus=False)]
    address = environ.get("DBUS_SESSION_BUS_ADDRESS", "")
    match = re.match(r"unix:path=([^,;]+)", address)
    found.append(Socket(match.group(1) if match else f"{runtime}/bus", bus=True))
    return found


def unit_name(label: str) -> str:
    """A scope name for this process; unique, because its cgroup may outlive a quick exit."""
    readable = re.sub(r"[^A-Za-z0-9_.]", "_", label)[:60] or "job"
    return f"fleet-jobs-{readable}-{os.getpid()}-{os.urandom(4).hex()}.scope"


def is_scope_of(pid: int, cgroup: str) -> bool:
    """Whether ``/proc/…/cgroup`` names the scope of the runner that had this pid."""
    return bool(re.search(rf"/fleet-jobs-[^/\n]*-{pid}-[0-9a-f]{{8}}\.scope(?:/|$)", cgroup, re.M))


def scope_properties(
    *, pid: int, label: str, memory_bytes: int, swap_bytes: int
) -> t.List[t.Tuple[str, Variant]]:
    """What the scope is asked for. Its own limit leaves room for the runner beside the job."""
    return [
        ("Description", Variant("s", f"fleet.jobs {label}"[:200])),
        ("Slice", Variant("s", SLICE)),
        ("CollectMode", Variant("s", "inactive-or-failed")),
        ("Delegate", Variant("b", True)),
        ("MemoryAccounting", Variant("b", True)),
        ("MemoryMax", Variant("t", memory_bytes + RUNNER_BYTES)),
        ("MemorySwapMax", Variant("t", swap_bytes)),
        ("PIDs", Variant("au", [pid])),
    ]


def start_scope(
    environ: t.Mapping[str, str],
    *,
    label: str,
    memory_bytes: int,
    swap_bytes: int = 0,
    timeout: float = START_SECONDS,
) -> str:
    """Ask for the scope and wait until this process is in it; its unit name."""
    name = unit_name(label)
    properties = scope_properties(
        pid=os.getpid(), label=label, memory_bytes=memory_bytes, swap_bytes=swap_bytes
    )
    arguments: t.Tuple[t.Any, ...] = (name, "fail", properties, [])
    limit = time.monotonic() + timeout
    _ask(environ, "StartTransientUnit", "ssa(sv)a(sa(sv))", arguments, timeout=timeout)
    pause = 0.002
    while name not in _own_cgroup():
        if time.monotonic() >= limit:
            _stop(environ, name)
            raise BusError(f"{name} was promised but did not start within {timeout:g} s")
        time.sleep(pause)
        # Many runners that start at once must not starve the manager they wait for.
        pause = min(pause * 2, 0.2)
    return name


def _stop(environ: t.Mapping[str, str], name: str) -> None:
    """Take the request back: a scope that nobody enters would stay for ever."""
    with contextlib.suppress(BusError):
        _ask(environ, "StopUnit", "ss", (name, "replace"), timeout=_STOP_SECONDS)


def _own_cgroup() -> str:
    return Path("/proc/self/cgroup").read_text(encoding="utf-8")


def _ask(
    environ: t.Mapping[str, str],
    member: str,
    signature: str,
    arguments: t.Tuple[t.Any, ...],
    *,
    timeout: float,
) -> str:
    """One call to the first manager that lets us in; retried only where nothing was asked."""
    problems: t.List[str] = []
    for place in sockets(environ):
        try:
            connection = Connection(place.path, timeout=min(timeout, _LOGIN_SECONDS))
        except BusUnavailable as error:
            problems.append(str(error))
            continue
        try:
            if place.bus:
                connection.call(_HELLO, timeout=_LOGIN_SECONDS)
            return connection.call(
                Call(
                    "/org/freedesktop/systemd1",
                    f"{_MANAGER}.Manager",
                    member,
                    destination=_MANAGER if place.bus else None,
                    signature=signature,
                    arguments=arguments,
                ),
                timeout=timeout,
            )
        finally:
            connection.close()
    raise BusUnavailable("no systemd manager answers (" + "; ".join(problems) + ")")
