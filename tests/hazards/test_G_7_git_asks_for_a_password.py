# SPDX-License-Identifier: GPL-3.0-or-later
"""G-7: a host has no access to the repository, and git waits for somebody to type a password.

Stopped by: git of ours never prompts; the error says what gives the host access.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import termios
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._deploy import ref
from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError
from ansible_collections.fleet.jobs.tests.support import git as real
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

RESOLVE = """
import sys
from ansible_collections.fleet.jobs.plugins.module_utils._deploy import ref
from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError
try:
    ref.resolve(repository=sys.argv[1], ref="main")
except FleetError as error:
    sys.exit(f"{error.hazard}: {error.message}")
"""


class Terminal:
    """A program with a controlling terminal, as in a person's ssh session."""

    def __init__(self, argv: t.Sequence[str], environ: t.Mapping[str, str]) -> None:
        self.master, slave = os.openpty()
        os.set_blocking(self.master, False)
        self.said = b""
        self.process = subprocess.Popen(
            argv,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=dict(environ),
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)

    def read(self) -> bytes:
        # EIO is a terminal's way to say that nobody has it open any more.
        with contextlib.suppress(BlockingIOError, OSError):
            while True:
                self.said += os.read(self.master, 4096)
        return self.said

    def ended(self) -> bool:
        self.read()
        return self.process.poll() is not None

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.master)


@pytest.fixture
def repository(tmp_path: Path) -> real.Repository:
    made = real.Repository.make(tmp_path)
    made.commit({"x": "1\n"})
    return made


def test_plain_git_waits_for_a_person_and_ours_says_what_to_do(
    repository: real.Repository, tmp_path: Path
) -> None:
    environ = {**real.environ(tmp_path / "home"), "PYTHONPATH": os.pathsep.join(sys.path)}
    with real.http_server(repository.bare.parent, user="deploy:s3cret") as url:
        plain = Terminal(["git", "ls-remote", f"{url}/up.git"], environ)
        ours = Terminal([sys.executable, "-c", RESOLVE, f"{url}/up.git"], environ)
        try:
            eventually(lambda: b"Username" in plain.read(), timeout=60, what="git asks")
            assert plain.process.poll() is None, "git did not wait: the accident did not happen"

            eventually(ours.ended, timeout=60, what="ours ends by itself")
            assert ours.process.returncode == 1
            assert ours.said.startswith(b"G-7: ")
            assert b"deploy key" in ours.said
        finally:
            plain.close()
            ours.close()


def test_access_given_beforehand_is_used(repository: real.Repository, tmp_path: Path) -> None:
    environ = real.environ(tmp_path / "home")
    with real.http_server(repository.bare.parent, user="deploy:s3cret") as url:
        with pytest.raises(FleetError):
            ref.resolve(repository=f"{url}/up.git", ref="main", environ=environ)
        netrc = tmp_path / "home" / ".netrc"
        netrc.write_text("machine 127.0.0.1 login deploy password s3cret\n")
        netrc.chmod(0o600)
        assert ref.resolve(repository=f"{url}/up.git", ref="main", environ=environ).kind == "branch"
