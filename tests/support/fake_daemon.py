# SPDX-License-Identifier: GPL-3.0-or-later
"""A FAKE pueued, for what the real one cannot be made to do: old versions, broken replies."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import tempfile
import threading
import typing as t
from pathlib import Path

from ansible_collections.fleet.jobs.plugins.module_utils._pueue import cbor
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.config import Config, find_config

SECRET = b"not a secret"

# Answers one request payload with a reply payload, or None to hang up.
Answer = t.Callable[[bytes], t.Optional[bytes]]


class FakeDaemon:
    """Speaks the handshake with ``version``, then lets ``answer`` decide about each request."""

    def __init__(self, *, version: t.Optional[bytes] = b"0.31.1", answer: t.Any = None) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="fj-"))
        self.requests: t.List[t.Any] = []
        self._version = version
        self._answer: Answer = answer or (lambda _payload: None)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        (self.directory / "secret").write_bytes(SECRET)
        shared = {
            "pueue_directory": str(self.directory),
            "runtime_directory": str(self.directory),
            "unix_socket_path": str(self.directory / "socket"),
            "shared_secret_path": str(self.directory / "secret"),
        }
        self.path = self.directory / "pueue.yml"
        self.path.write_text(json.dumps({"shared": shared}), encoding="utf-8")

    @property
    def config(self) -> Config:
        return find_config(str(self.path), environ={"HOME": str(self.directory)})

    def __enter__(self) -> FakeDaemon:
        self._listener.bind(str(self.directory / "socket"))
        self._listener.listen(1)
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        # shutdown wakes the thread out of accept, which close alone does not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=10)
        shutil.rmtree(self.directory, ignore_errors=True)
        assert not self._thread.is_alive(), "the fake daemon did not end"

    def _serve(self) -> None:
        # The client may hang up at any time, and so may __exit__.
        with contextlib.suppress(OSError):
            stream, _address = self._listener.accept()
            with stream:
                stream.settimeout(10)
                self._talk(stream)

    def _talk(self, stream: socket.socket) -> None:
        _receive(stream)
        if self._version is None:
            return
        _send(stream, self._version)
        while True:
            payload = _receive(stream)
            if payload is None:
                return
            self.requests.append(cbor.decode(payload))
            reply = self._answer(payload)
            if reply is None:
                return
            _send(stream, reply)


def _send(stream: socket.socket, payload: bytes) -> None:
    stream.sendall(len(payload).to_bytes(8, "big") + payload)


def _receive(stream: socket.socket) -> t.Optional[bytes]:
    header = _exactly(stream, 8)
    return None if header is None else _exactly(stream, int.from_bytes(header, "big"))


def _exactly(stream: socket.socket, size: int) -> t.Optional[bytes]:
    data = b""
    while len(data) < size:
        part = stream.recv(size - len(data))
        if not part:
            return None
        data += part
    return data
