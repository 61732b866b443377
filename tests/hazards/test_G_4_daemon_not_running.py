# SPDX-License-Identifier: GPL-3.0-or-later
"""G-4: the daemon is not running. pueue says "Did you start it?"; we say how, and it works.

Stopped by: the error names socket and pid file and the command that starts the daemon.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._pueue.client import Client
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.errors import DaemonUnreachable
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.waiting import eventually


@pytest.fixture
def stopped() -> t.Iterator[PrivateDaemon]:
    """A queue that was in use, and whose daemon was then stopped."""
    private = PrivateDaemon()
    try:
        private.start()
        private.stop()
        yield private
    finally:
        private.cli("shutdown", check=False)
        eventually(lambda: not private.pid_path.exists(), timeout=20, what="the daemon ended")
        private.close()


def refusal(daemon: PrivateDaemon) -> DaemonUnreachable:
    with pytest.raises(DaemonUnreachable) as caught:
        Client.connect(daemon.config)
    assert caught.value.hazard == "G-4"
    return caught.value


def test_without_us_the_command_line_only_asks_back(stopped: PrivateDaemon) -> None:
    done = stopped.cli("add", "--", "true", check=False)
    assert done.returncode != 0
    assert "Did you start it?" in done.stderr
    assert "pueued" not in done.stderr.split("Location")[0]


def test_the_command_in_our_message_starts_it(stopped: PrivateDaemon) -> None:
    error = refusal(stopped)
    assert "the socket does not exist; there is no pid file" in error.message
    command = shlex.split(error.message.rpartition("Start it with: ")[2])
    assert command[0] == "pueued"
    # Not captured: the daemon in the background would hold the pipe open.
    subprocess.run(
        command,
        env=stopped.environ,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        timeout=30,
        check=True,
    )
    eventually(stopped.socket_path.exists, timeout=20, what="the socket appears")
    with Client.connect(stopped.config) as client:
        assert client.groups()["default"].running


def test_a_pid_file_in_the_way_is_named(stopped: PrivateDaemon) -> None:
    """A process that got the old daemon's pid keeps pueued from starting (pueue issue 302)."""
    stopped.pid_path.write_text(str(os.getpid()), encoding="utf-8")
    try:
        with pytest.raises(AssertionError, match="pueued ended at its start"):
            stopped.start()
        message = refusal(stopped).message
        assert f"names process {os.getpid()}, which is now" in message
        assert "delete that file" in message
    finally:
        stopped.pid_path.unlink()
    stopped.start()
    stopped.stop()
