# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Move this process into a delegated scope of its own: what ``systemd-run --scope`` does, but
without a new process in between, so that a refusal is an answer and not a lost job."""

from __future__ import annotations

import os
import re
import time
import typing as t
from dataclasses import dataclass
from pathlib import Path

from .cgroup import RUNNER_BYTES
from .dbus import BusError, BusUnavailable, Call, Connection, Variant

SLICE = "fleet.slice"
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
    timeout: float = 10.0,
) -> str:
    """Ask for the scope and wait until this process is in it; its unit name."""
    name = unit_name(label)
    properties = scope_properties(
        pid=os.getpid(), label=label, memory_bytes=memory_bytes, swap_bytes=swap_bytes
    )
    arguments: t.Tuple[t.Any, ...] = (name, "fail", properties, [])
    limit = time.monotonic() + timeout
    _ask(environ, "StartTransientUnit", "ssa(sv)a(sa(sv))", arguments, timeout=timeout)
    while name not in _own_cgroup():
        if time.monotonic() >= limit:
            raise BusError(f"{name} was promised but did not start within {timeout:g} s")
        time.sleep(0.002)
    return name


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
            connection = Connection(place.path, timeout=timeout)
        except BusUnavailable as error:
            problems.append(str(error))
            continue
        try:
            if place.bus:
                connection.call(_HELLO)
            return connection.call(
                Call(
                    "/org/freedesktop/systemd1",
                    f"{_MANAGER}.Manager",
                    member,
                    destination=_MANAGER if place.bus else None,
                    signature=signature,
                    arguments=arguments,
                )
            )
        finally:
            connection.close()
    raise BusUnavailable("no systemd manager answers (" + "; ".join(problems) + ")")
