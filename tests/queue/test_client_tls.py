# SPDX-License-Identifier: GPL-3.0-or-later
"""The client over TCP and TLS against a real pueued."""

from __future__ import annotations

import dataclasses
import socket
import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._pueue.client import AddRequest, Client
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.errors import (
    DaemonUnreachable,
    SecretRejected,
)
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def remote() -> t.Iterator[PrivateDaemon]:
    shared = {"use_unix_socket": False, "host": "127.0.0.1", "port": str(free_port())}
    private = PrivateDaemon(shared=shared)
    try:
        yield private.start()
    finally:
        private.close()


def test_requests_travel_over_tls(remote: PrivateDaemon) -> None:
    assert not remote.socket_path.exists()
    with remote.connect() as client:
        requests = [
            AddRequest(command="x" * 20_000, path="/", stashed=True) for _unused in range(100)
        ]
        assert client.add_many(requests) == list(range(100))
        assert len(client.status().tasks[99].command) == 20_000


def test_another_certificate_is_refused(remote: PrivateDaemon) -> None:
    other = PrivateDaemon()
    try:
        other.start()
        config = dataclasses.replace(remote.config, daemon_cert=other.config.daemon_cert)
        with pytest.raises(DaemonUnreachable, match="TLS failed with the certificate"):
            Client.connect(config)
    finally:
        other.close()


def test_a_missing_certificate_is_told(remote: PrivateDaemon) -> None:
    config = dataclasses.replace(remote.config, daemon_cert=remote.directory / "none")
    with pytest.raises(DaemonUnreachable, match=r"certificate .* does not exist"):
        Client.connect(config)


def test_a_file_that_is_no_certificate_is_told(remote: PrivateDaemon) -> None:
    config = dataclasses.replace(remote.config, daemon_cert=remote.config_path)
    with pytest.raises(DaemonUnreachable, match="TLS failed with the certificate"):
        Client.connect(config)


def test_the_wrong_secret_is_told(remote: PrivateDaemon) -> None:
    wrong = remote.directory / "wrong"
    wrong.write_bytes(b"guess")
    with pytest.raises(SecretRejected):
        Client.connect(dataclasses.replace(remote.config, shared_secret_path=wrong))


@pytest.mark.parametrize("port", ["nope", "", "70000"])
def test_a_port_that_is_none_is_told(remote: PrivateDaemon, port: str) -> None:
    with pytest.raises(DaemonUnreachable):
        Client.connect(dataclasses.replace(remote.config, port=port))


def test_nothing_listening_is_told(remote: PrivateDaemon) -> None:
    remote.stop()
    with pytest.raises(DaemonUnreachable, match="nothing listens there") as caught:
        remote.connect()
    assert caught.value.hazard == "G-4"
