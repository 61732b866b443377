# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Sent to the host's interpreter as text with each call: load the code there, call one module.

Stands alone and runs on Python 3.8. The code lies compiled in one file, since looking for a
hundred files costs more than running what is in them.
"""

from __future__ import annotations

import gc
import marshal
import os
import sys
import zlib


class Loader:
    """Modules from one file: name to the places of its code (None for a package) and source.

    All of it is held: a process that stays behind closes its files. What is not imported is not
    taken apart.
    """

    def __init__(self, content, modules):
        self.content, self.modules = content, modules

    def part(self, place):
        begin, length = place
        return self.content[begin : begin + length]

    def find_spec(self, name, path=None, target=None):
        if name not in self.modules:
            return None
        # What importlib.machinery calls ModuleSpec, without an import of it.
        spec = type(sys.__spec__)
        return spec(name, self, origin=name, is_package=self.modules[name] is None)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        places = self.modules[module.__name__]
        if places is not None:
            exec(marshal.loads(self.part(places[0])), module.__dict__)

    def get_source(self, name):
        place = self.modules[name][1]
        return None if place is None else bytes(self.part(place)).decode()


def folder_of(request):
    """Where the code of this version is; only this account may have put it there."""
    state_dir = os.path.expanduser(request["state_dir"])
    folder = os.path.join(state_dir, "code", request["digest"])
    # A directory that is not there is made by a module that has something to keep in it.
    if not (os.path.isabs(state_dir) and os.path.isdir(state_dir)):
        raise PermissionError(state_dir)
    if os.path.isdir(folder):
        private(os.stat(folder))
    return folder


def private(status):
    """Nobody else may write it."""
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise PermissionError()


def load(folder):
    """The modules, compiled for this interpreter; None where they are missing."""
    name = f"{sys.implementation.cache_tag}-{sys.hexversion:x}"
    try:
        with open(os.path.join(folder, name), "rb") as file:
            private(os.fstat(file.fileno()))
            content = memoryview(file.read())
        start = 8 + int.from_bytes(content[4:8], "big")
        if zlib.crc32(content[4:]) != int.from_bytes(content[:4], "big"):
            return None
        loader = Loader(content[start:], marshal.loads(content[8:start]))
    except (FileNotFoundError, EOFError, TypeError, ValueError):
        return None
    os.utime(folder)
    return loader


def waiting(token):
    """The name of the socket where the process of an audit waits for its apply."""
    return "waiting-" + os.path.basename(token)[:16]


def resumed(folder, request):
    """What a process that an audit left behind answers; None where there is none."""
    # To import socket around it takes longer than the whole conversation.
    import _socket

    call = {name: request[name] for name in ("module", "parameters", "diff")}
    peer = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        handle = os.open(folder, os.O_RDONLY)
        # The name of a socket has to be short.
        peer.connect(f"/proc/self/fd/{handle}/{waiting(call['parameters']['lease_token'])}")
    except OSError:
        return None
    peer.sendall(marshal.dumps({**call, "environ": dict(os.environ)}))
    peer.shutdown(_socket.SHUT_WR)
    said = b"".join(iter(lambda: peer.recv(65536), b"")).decode()
    if not said:
        raise SystemExit("The process that carried the plan out on the host was ended meanwhile.")
    return said


def answer(request):
    """What is printed, and what to do after that."""
    mark, name = request["mark"], request["module"]
    try:
        folder = folder_of(request)
        said = resumed(folder, request) if name == "deploy_apply" else None
        loader = load(folder) if said is None else None
    except OSError:
        return f'\n{mark}{{"code_refused": true}}\n', None
    if said is not None:
        return said, None
    if loader is None:
        return f'\n{mark}{{"code_missing": true}}\n', None
    sys.meta_path.insert(0, loader)
    from ansible_collections.fleet.jobs.plugins.module_utils._ansible import resident

    found = resident.answer(name, request["parameters"], diff=request["diff"])
    if name != "deploy_audit" or not found.get("proceed"):
        return resident.line(mark, found), None
    seconds, socket_name = request["waiting_seconds"], waiting(found["lease_token"])
    return resident.line(mark, found), lambda: resident.stay(
        folder, socket_name, mark=mark, seconds=seconds
    )


def main():
    # Nothing here lives long enough for a search for circles to pay.
    gc.disable()
    request = "REQUEST"
    said, afterwards = answer(request)
    sys.stdout.write(said)
    sys.stdout.flush()
    if afterwards is not None:
        afterwards()
    # Taking a hundred modules apart would be a tenth of all the work.
    os._exit(0)


if __name__ == "__main__":
    main()
