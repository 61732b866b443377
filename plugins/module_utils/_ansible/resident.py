# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""A module's function called by its name, where the code is on the host already.

An audit after which the deploy goes on leaves its process behind for some seconds: the apply that
follows finds it with everything imported, which is a third of what an apply costs. It answers one
call, over a socket in a folder that only this account may enter, and ends in any case.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import marshal
import os
import socket
import time
import typing as t

from .._host.detached import detach
from .outcome import Request, result_of

_MODULES = "ansible_collections.fleet.jobs.plugins.modules"
_READ_SECONDS = 10.0
# How the program that starts us names a socket.
_SOCKET = "waiting-"
_FORGOTTEN = 10


def answer(name: str, params: t.Mapping[str, t.Any], *, diff: bool) -> t.Dict[str, t.Any]:
    """What the module would have answered; the controller checked the arguments."""
    module = importlib.import_module(f"{_MODULES}.{name}")
    function = getattr(module, name)
    result, warnings = result_of(function, Request(params=params, check_mode=False), diff=diff)
    if warnings:
        result["warnings"] = warnings
    return result


def line(mark: str, found: t.Mapping[str, t.Any]) -> str:
    """A result as the controller finds it among whatever else was printed."""
    return f"\n{mark}{json.dumps(found, default=str)}\n"


def stay(folder: str, name: str, *, mark: str, seconds: float) -> None:
    """Return, and leave a copy of this process behind that answers one apply at a socket."""
    _sweep(folder, seconds=seconds)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        handle = os.open(folder, os.O_RDONLY)
        try:
            # The whole name might be too long for a socket.
            listener.bind(f"/proc/self/fd/{handle}/{name}")
        except OSError:
            # Nobody waits, so the apply starts by itself.
            return
        listener.listen(1)
        try:
            child = os.fork()
        except OSError:
            # No room for one process more, so there is none to find.
            _unlink(folder, name)
            return
        if child == 0:
            detach(keep=listener.fileno())
            try:
                call = _accepted(listener, seconds=seconds)
            finally:
                _unlink(folder, name)
            if call is not None:
                _serve(*call, mark=mark)


def _sweep(folder: str, *, seconds: float) -> None:
    """Sockets of those that were killed while they waited; a live one is never so old."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            if name.startswith(_SOCKET) and _age(folder, name) > _FORGOTTEN * seconds:
                _unlink(folder, name)


def _age(folder: str, name: str) -> float:
    return time.time() - os.stat(os.path.join(folder, name)).st_mtime


def _unlink(folder: str, name: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(os.path.join(folder, name))


def _accepted(
    listener: socket.socket, *, seconds: float
) -> t.Optional[t.Tuple[socket.socket, t.Dict[str, t.Any]]]:
    """The one call; None where nobody called in time."""
    listener.settimeout(seconds)
    try:
        peer, _address = listener.accept()
        peer.settimeout(_READ_SECONDS)
        with peer.makefile("rb") as stream:
            return peer, marshal.loads(stream.read())
    except (OSError, EOFError, ValueError, TypeError):
        return None


def _serve(peer: socket.socket, call: t.Dict[str, t.Any], *, mark: str) -> None:
    # Where this fails, the traceback is the answer.
    os.dup2(peer.fileno(), 2)
    os.environ.clear()
    os.environ.update(call["environ"])
    found = answer(call["module"], call["parameters"], diff=call["diff"])
    peer.settimeout(None)
    peer.sendall(line(mark, found).encode())
