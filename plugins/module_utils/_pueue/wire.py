# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Frames over a stream: eight bytes of length, then the payload."""

from __future__ import annotations

import socket
import time
import typing as t

from .config import Config

# The only name in the certificate that pueued signs for itself, whatever the host is called.
TLS_NAME = "pueue.local"
_HEADER_BYTES = 8
_CHUNK = 1 << 20


class WireEnded(Exception):
    """The stream cannot be used any more; the text says what happened to it."""


class Wire:
    """One connection; every call has a deadline of its own."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream

    @classmethod
    def open(cls, config: Config, *, timeout: float) -> Wire:
        """Connect as pueue's client does; raises OSError (``ssl.SSLError`` is one)."""
        if config.use_unix_socket:
            stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                stream.settimeout(timeout)
                stream.connect(str(config.unix_socket_path))
            except BaseException:
                stream.close()
                raise
            return cls(stream)
        return cls(_open_tls(config, timeout=timeout))

    def close(self) -> None:
        self._stream.close()

    def send(self, payload: bytes, *, timeout: float) -> None:
        try:
            self._stream.settimeout(timeout)
            self._stream.sendall(len(payload).to_bytes(_HEADER_BYTES, "big") + payload)
        except socket.timeout as error:
            raise WireEnded(f"it took no data for {timeout:g} s") from error
        except OSError as error:
            raise WireEnded(f"the connection broke: {error.strerror or error}") from error

    def receive(self, *, limit: int, timeout: float) -> bytes:
        """The next frame's payload, refused before it is read where it exceeds ``limit``."""
        deadline = time.monotonic() + timeout
        try:
            size = int.from_bytes(self._exactly(_HEADER_BYTES, deadline), "big")
            if size > limit:
                raise WireEnded(f"it announced {size} bytes, more than the {limit} accepted")
            return self._exactly(size, deadline)
        except socket.timeout as error:
            raise WireEnded(f"it did not answer within {timeout:g} s") from error
        except OSError as error:
            raise WireEnded(f"the connection broke: {error.strerror or error}") from error

    def _exactly(self, size: int, deadline: float) -> bytes:
        parts: t.List[bytes] = []
        missing = size
        while missing:
            left = deadline - time.monotonic()
            if left <= 0:
                raise socket.timeout()
            self._stream.settimeout(left)
            part = self._stream.recv(min(missing, _CHUNK))
            if not part:
                raise WireEnded("it closed the connection")
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)


def _open_tls(config: Config, *, timeout: float) -> socket.socket:
    import ssl  # a tenth of all imports, for the few who have no unix socket

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(str(config.daemon_cert))
    stream = socket.create_connection((config.host, int(config.port)), timeout=timeout)
    try:
        return context.wrap_socket(stream, server_hostname=TLS_NAME)
    except BaseException:
        stream.close()
        raise
