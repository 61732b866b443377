# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for every suite; what needs a real daemon imports it only when it is asked for."""

from __future__ import annotations

import signal
import typing as t

import pytest

if t.TYPE_CHECKING:
    from ansible_collections.fleet.jobs.plugins.module_utils._pueue.client import Client
    from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon


def pytest_configure() -> None:
    """Let a SIGTERM end the run as Ctrl-C does, so that fixtures still clean up."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture
def daemon() -> t.Iterator[PrivateDaemon]:
    """A running private pueued; everything it started is gone after the test."""
    from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon

    private = PrivateDaemon()
    try:
        yield private.start()
    finally:
        private.close()


@pytest.fixture
def client(daemon: PrivateDaemon) -> t.Iterator[Client]:
    """A connected client of ``daemon``."""
    with daemon.connect() as connected:
        yield connected
