# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Just enough D-Bus to ask a service manager for one thing and read its answer."""

from __future__ import annotations

import os
import socket
import struct
import typing as t

from .._dataclass import dataclass

MAX_MESSAGE = 1 << 20
_CALL, _RETURN, _ERROR = 1, 2, 3
_ALIGN = {"y": 1, "g": 1, "v": 1, "b": 4, "u": 4, "i": 4, "s": 4, "o": 4, "a": 4, "t": 8, "(": 8}
_FIXED = {"y": "<B", "b": "<I", "u": "<I", "i": "<i", "t": "<Q"}


class BusError(Exception):
    """The manager could not be reached, or it said no."""


class BusUnavailable(BusError):
    """Nothing was asked yet: no socket, or it does not let us in."""


@dataclass(frozen=True)
class Variant:
    """A value with its D-Bus type."""

    type: str
    value: t.Any


@dataclass(frozen=True)
class Call:
    """One method call; ``destination`` is None on a direct connection."""

    path: str
    interface: str
    member: str
    destination: t.Optional[str] = None
    signature: str = ""
    arguments: t.Tuple[t.Any, ...] = ()


def split_signature(signature: str) -> t.List[str]:
    """``"sa(sv)u"`` → ``["s", "a(sv)", "u"]``."""
    parts: t.List[str] = []
    start = index = 0
    depth = 0
    while index < len(signature):
        code = signature[index]
        depth += {"(": 1, ")": -1}.get(code, 0)
        index += 1
        if depth == 0 and code != "a":
            parts.append(signature[start:index])
            start = index
    return parts


def _pad(buffer: bytearray, size: int) -> None:
    buffer.extend(b"\0" * (-len(buffer) % size))


def _write(buffer: bytearray, kind: str, value: t.Any) -> None:
    code = kind[0]
    _pad(buffer, _ALIGN[code])
    if code in _FIXED:
        buffer.extend(struct.pack(_FIXED[code], value))
    elif code in "sog":
        raw = value.encode()
        buffer.extend(struct.pack("<B" if code == "g" else "<I", len(raw)) + raw + b"\0")
    elif code == "v":
        _write(buffer, "g", value.type)
        _write(buffer, value.type, value.value)
    elif code == "(":
        for part, item in zip(split_signature(kind[1:-1]), value):
            _write(buffer, part, item)
    else:
        _write_array(buffer, kind[1:], value)


def _write_array(buffer: bytearray, kind: str, items: t.Iterable[t.Any]) -> None:
    position = len(buffer)
    buffer.extend(b"\0\0\0\0")
    _pad(buffer, _ALIGN[kind[0]])
    start = len(buffer)
    for item in items:
        _write(buffer, kind, item)
    struct.pack_into("<I", buffer, position, len(buffer) - start)


def encode_call(call: Call, *, serial: int) -> bytes:
    """The message as it goes over the socket."""
    body = bytearray()
    for kind, value in zip(split_signature(call.signature), call.arguments):
        _write(body, kind, value)
    fields: t.List[t.Tuple[int, Variant]] = [
        (1, Variant("o", call.path)),
        (2, Variant("s", call.interface)),
        (3, Variant("s", call.member)),
    ]
    if call.destination:
        fields.append((6, Variant("s", call.destination)))
    if call.signature:
        fields.append((8, Variant("g", call.signature)))
    message = bytearray(struct.pack("<cBBBII", b"l", _CALL, 0, 1, len(body), serial))
    _write(message, "a(yv)", fields)
    _pad(message, 8)
    return bytes(message + body)


class _Reader:
    def __init__(self, data: bytes, *, order: str) -> None:
        self.data, self.order, self.position = data, order, 0

    def read(self, code: str) -> t.Any:
        self.position += -self.position % _ALIGN[code]
        if code in "sog":
            size = self.read("y" if code == "g" else "u")
            text = self.data[self.position : self.position + size].decode("utf-8", "replace")
            self.position += size + 1
            return text
        form = self.order + _FIXED[code][1:]
        (value,) = struct.unpack_from(form, self.data, self.position)
        self.position += struct.calcsize(form)
        return value


@dataclass(frozen=True)
class _Reply:
    kind: int
    serial: int
    error: str
    text: str


def _decode(order: str, kind: int, header: bytes, body: bytes) -> _Reply:
    reader = _Reader(header, order=order)
    fields: t.Dict[int, t.Any] = {}
    while reader.position < len(header):
        reader.position += -reader.position % 8
        code = reader.read("y")
        fields[code] = reader.read(reader.read("g"))
    text = ""
    if str(fields.get(8, ""))[:1] in ("s", "o") and body:
        text = _Reader(body, order=order).read("s")
    return _Reply(kind, int(fields.get(5, 0)), str(fields.get(4, "")), text)


class Connection:
    """A socket to a manager or a bus, authenticated as this account."""

    def __init__(self, path: str, *, timeout: float) -> None:
        self._serial = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(path)
            self._authenticate()
        except OSError as error:
            self._socket.close()
            raise BusUnavailable(f"{path}: {error.strerror or error}") from error
        except BusError:
            self._socket.close()
            raise

    def close(self) -> None:
        self._socket.close()

    def _authenticate(self) -> None:
        name = str(os.getuid()).encode().hex()
        self._socket.sendall(b"\0AUTH EXTERNAL " + name.encode() + b"\r\n")
        answer = b""
        while not answer.endswith(b"\r\n"):
            byte = self._socket.recv(1)
            if not byte or len(answer) > 1000:
                raise BusUnavailable("the manager closed the connection")
            answer += byte
        if not answer.startswith(b"OK "):
            raise BusUnavailable(f"the manager does not accept this account: {answer!r}")
        self._socket.sendall(b"BEGIN\r\n")

    def call(self, call: Call, *, timeout: float) -> str:
        """Send, wait for the reply to it, return its first text; BusError on a refusal."""
        self._serial += 1
        self._socket.settimeout(timeout)
        try:
            self._socket.sendall(encode_call(call, serial=self._serial))
            while True:
                reply = self._receive()
                if reply.serial == self._serial and reply.kind in (_RETURN, _ERROR):
                    break
        except (OSError, struct.error, KeyError, IndexError) as error:
            raise BusError(f"{call.member}: {error}") from error
        if reply.kind == _ERROR:
            raise BusError(f"{call.member}: {reply.text or reply.error}")
        return reply.text

    def _receive(self) -> _Reply:
        start = self._exactly(16)
        order = "<" if start[:1] == b"l" else ">"
        body_size, _serial, fields_size = struct.unpack(order + "III", start[4:])
        padded = fields_size + (-fields_size % 8)
        if padded + body_size > MAX_MESSAGE:
            raise BusError("the manager's answer is too long")
        rest = self._exactly(padded + body_size)
        return _decode(order, start[1], rest[:fields_size], rest[padded:])

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            part = self._socket.recv(size - len(data))
            if not part:
                raise BusError("the manager closed the connection")
            data.extend(part)
        return bytes(data)
