# SPDX-License-Identifier: GPL-3.0-or-later
"""D-Bus on the wire, against messages written down by hand and a server made of a socket."""

from __future__ import annotations

import os
import socket
import struct
import tempfile
import threading
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._host import systemd
from ansible_collections.fleet.jobs.plugins.module_utils._host.dbus import (
    BusError,
    BusUnavailable,
    Call,
    Connection,
    Variant,
    encode_call,
    split_signature,
)


@pytest.mark.parametrize(
    ("signature", "parts"),
    [
        ("", []),
        ("ssu", ["s", "s", "u"]),
        ("ssa(sv)a(sa(sv))", ["s", "s", "a(sv)", "a(sa(sv))"]),
        ("aasu", ["aas", "u"]),
    ],
)
def test_signature_is_split_into_complete_types(signature, parts):
    assert split_signature(signature) == parts


def test_message_is_laid_out_as_the_specification_says():
    call = Call("/a", "i.f", "M", signature="sa(sv)", arguments=("x", [("k", Variant("t", 7))]))
    raw = encode_call(call, serial=9)
    body = (
        b"\x01\x00\x00\x00x\x00"  # the text
        + b"\x00\x00"  # the array's length is aligned to 4
        + b"\x18\x00\x00\x00"  # 24 bytes, counted from the first element
        + b"\x00\x00\x00\x00"  # a struct begins at a multiple of 8
        + b"\x01\x00\x00\x00k\x00"
        + b"\x01t\x00"
        + b"\x00" * 7
        + b"\x07\x00\x00\x00\x00\x00\x00\x00"
    )
    assert raw[:4] == b"l\x01\x00\x01"
    size, serial, fields = struct.unpack("<III", raw[4:16])
    assert (size, serial) == (len(body), 9)
    assert raw[-len(body) :] == body
    assert len(raw) == 16 + fields + (-fields % 8) + len(body)


class Manager:
    """A one-connection server which answers every call with the same message."""

    def __init__(self, *, greeting: bytes, replies) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="fj-")
        self.path = str(Path(self.folder.name) / "bus")
        self.greeting, self.replies, self.received = greeting, replies, b""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.path)
        self.socket.listen(1)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        peer, _address = self.socket.accept()
        with peer:
            peer.recv(1000)
            peer.sendall(self.greeting)
            self.read_call(peer)
            for reply in self.replies:
                peer.sendall(reply)

    def read_call(self, peer: socket.socket) -> None:
        """A whole message: its body is empty here, so it ends at a multiple of 8."""
        message = b""
        while b"Ping\0" not in message or len(message) % 8:
            part = peer.recv(100_000)
            if not part:
                return
            self.received += part
            message = self.received.partition(b"BEGIN\r\n")[2]

    def __enter__(self) -> Manager:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.socket.close()
        self.thread.join(10)
        self.folder.cleanup()


def reply(kind: int, *, to: int, text: str = "", error: str = "") -> bytes:
    fields = b"\x05\x01u\x00" + struct.pack("<I", to)
    if error:
        fields += b"\x04\x01s\x00" + struct.pack("<I", len(error)) + error.encode() + b"\0"
        fields += b"\0" * (-len(fields) % 8)
    fields += b"\x08\x01g\x00\x01s\x00"
    body = struct.pack("<I", len(text)) + text.encode() + b"\0"
    head = struct.pack("<cBBBIII", b"l", kind, 0, 1, len(body), 3, len(fields))
    return head + fields + b"\0" * (-len(fields) % 8) + body


PING = Call("/x", "a.b", "Ping")
OK = b"OK 0123\r\n"


def test_call_returns_the_reply_to_it_and_skips_signals():
    replies = [reply(4, to=0, text="signal"), reply(2, to=77), reply(2, to=1, text="/job/1")]
    with Manager(greeting=OK, replies=replies) as manager:
        connection = Connection(manager.path, timeout=10)
        assert connection.call(PING, timeout=10) == "/job/1"
        connection.close()


def test_refusal_carries_the_managers_words():
    replies = [reply(3, to=1, text="Access denied", error="org.x.AccessDenied")]
    with Manager(greeting=OK, replies=replies) as manager:
        connection = Connection(manager.path, timeout=10)
        with pytest.raises(BusError, match="Ping: Access denied"):
            connection.call(PING, timeout=10)
        connection.close()


@pytest.mark.parametrize("tail", [b"", b"l\x02", b"l\x02\x00\x01" + b"\xff" * 12])
def test_broken_answers_are_bus_errors(tail):
    with Manager(greeting=OK, replies=[tail]) as manager:
        connection = Connection(manager.path, timeout=10)
        with pytest.raises(BusError):
            connection.call(PING, timeout=10)
        connection.close()


def test_account_that_is_not_let_in():
    with Manager(greeting=b"REJECTED EXTERNAL\r\n", replies=[]) as manager, pytest.raises(
        BusUnavailable, match="does not accept this account"
    ):
        Connection(manager.path, timeout=10)


def test_socket_that_is_not_there(tmp_path):
    with pytest.raises(BusUnavailable, match="No such file"):
        Connection(str(tmp_path / "none"), timeout=10)


def test_where_a_manager_is_looked_for():
    root = systemd.sockets({}, uid=0)
    assert root[0] == systemd.Socket("/run/systemd/private", bus=False)
    user = systemd.sockets({}, uid=1000)
    assert [place.path for place in user] == [
        "/run/user/1000/systemd/private",
        "/run/user/1000/bus",
    ]
    values = {"XDG_RUNTIME_DIR": "/x", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/y/bus,guid=1"}
    assert [place.path for place in systemd.sockets(values, uid=5)] == [
        "/x/systemd/private",
        "/y/bus",
    ]


def test_scope_is_asked_for_with_memory_and_swap_limits_together():
    asked = dict(systemd.scope_properties(pid=5, label="a/b", memory_bytes=100, swap_bytes=0))
    assert asked["MemoryMax"].value >= 100
    assert asked["MemorySwapMax"] == Variant("t", 0)
    assert asked["Delegate"] == Variant("b", True)
    assert asked["PIDs"] == Variant("au", [5])


def test_a_scope_is_known_by_its_runners_pid():
    name = systemd.unit_name("bars/BTC-7")
    pid = os.getpid()
    inside = f"0::/user.slice/user@1000.service/fleet.slice/{name}/job-1\n"
    assert systemd.is_scope_of(pid, inside)
    assert systemd.is_scope_of(pid, inside.replace("/job-1", ""))
    assert not systemd.is_scope_of(pid + 1, inside)
    assert not systemd.is_scope_of(7, inside)
    assert not systemd.is_scope_of(pid, inside.replace(".scope", ".service"))


def test_unit_names_are_unique_and_legal():
    first, second = systemd.unit_name("bars/BTC USDT@250%"), systemd.unit_name("bars/BTC")
    assert first != systemd.unit_name("bars/BTC USDT@250%") and first != second
    assert str(os.getpid()) in first
    assert set(first) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
