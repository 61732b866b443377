# SPDX-License-Identifier: GPL-3.0-or-later
"""Who follows the guides: an account with Ansible, a bare host that it may log in to, a git server.

What is arranged for the test, and nothing else:

* the host ``batch1.example.org`` is a container of the lab: ``ssh`` on the reader's PATH reads a
  configuration that leads there;
* ``https://git.example.org`` in a block is replaced by the address of a git server on loopback;
* the collection's tarball lies in the reader's home, and pueue in the cache that the first
  ``provision`` would fill with cargo.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time
import typing as t
from pathlib import Path

from ansible_collections.fleet.jobs.tests.guides.guide import Step, missing
from ansible_collections.fleet.jobs.tests.lab.container_image import image
from ansible_collections.fleet.jobs.tests.lab.containers import LABEL, Container, Group
from ansible_collections.fleet.jobs.tests.support import git, tarball
from ansible_collections.fleet.jobs.tests.support.ansible import program
from ansible_collections.fleet.jobs.tests.support.binaries import VERSION, binary

HOST = "batch1.example.org"
GIT = "https://git.example.org"
_SECONDS = 300.0
# How long a job of a guide takes at most; who looks sooner looks again.
_SOON = 30.0
_IDENTITY = {
    f"GIT_{who}_{what}": text
    for who in ("AUTHOR", "COMMITTER")
    for what, text in (("NAME", "Reader"), ("EMAIL", "reader@example.org"))
}


class Failed(AssertionError):
    """A step did not do what the guide says."""


class Reader:
    """Types one block after the other, each where the one before left off."""

    def __init__(self, home: Path, git_url: str) -> None:
        self.home = home
        self.git_url = git_url
        self.folder = home
        self.said: t.List[str] = []

    @property
    def environ(self) -> t.Dict[str, str]:
        programs = Path(program("ansible-playbook")).parent
        return {
            "PATH": f"{self.home / 'bin'}:{programs}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            **_IDENTITY,
        }

    def do(self, step: Step) -> None:
        """Write the file or type the block; what was printed has to have what is shown."""
        if step.file:
            path = self.folder / step.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self._own(step.text), encoding="utf-8")
            return
        began = time.monotonic()
        code, printed = self.type(step.text)
        while step.looks and missing(step.shown, printed) and time.monotonic() < began + _SOON:
            code, printed = self.type(step.text)
        seconds = time.monotonic() - began
        self.said.append(f"{step.text}{printed}\n[{seconds:.0f} s]\n")
        lacking = missing(step.shown, printed)
        if code != step.code or lacking is not None:
            reason = f'the line "{lacking}" is not there' if lacking else f"ended with {code}"
            raise Failed(f"line {step.line}: {reason}\n{step.text}\n{printed}")

    def type(self, text: str) -> t.Tuple[int, str]:
        """Run it in a shell; its exit code and everything that it printed."""
        place = self.home / ".place"
        done = subprocess.run(
            [
                "bash",
                "-eu",
                "-o",
                "pipefail",
                "-c",
                f"trap 'pwd > {place}' EXIT\n{self._own(text)}",
            ],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        self.folder = Path(place.read_text(encoding="utf-8").strip())
        return done.returncode, done.stdout.replace(self.git_url, GIT)

    def _own(self, text: str) -> str:
        return text.replace(GIT, self.git_url)


@contextlib.contextmanager
def reader() -> t.Iterator[Reader]:
    """One with a bare host; everything is gone afterwards."""
    with contextlib.ExitStack() as stack:
        home = Path(tempfile.mkdtemp(prefix="fj-reader-"))
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        _tarball(home)
        _pueue(home)
        _repository(home / ".git-server")
        url = stack.enter_context(git.http_server(home / ".git-server"))
        (host,) = stack.enter_context(_group().up("batch1", network="host"))
        _ssh(home, host)
        yield Reader(home, url)


def _group() -> Group:
    """Of this process alone, since two may run at once; what killed ones left goes."""
    for name in (
        image().podman("ps", "--all", "--format", f'{{{{ index .Labels "{LABEL}" }}}}').split()
    ):
        owner = re.fullmatch(r"guides-(\d+)", name)
        if owner and not Path(f"/proc/{owner.group(1)}").exists():
            Group(name).remove()
    return Group(f"guides-{os.getpid()}")


def _tarball(home: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="fj-tarball-") as folder:
        built = tarball.build(Path(folder))
        shutil.copy(built, home / built.name)


def _pueue(home: Path) -> None:
    folder = home / ".cache" / "fleet-jobs" / f"pueue-{VERSION}" / "bin"
    folder.mkdir(parents=True)
    for name in ("pueue", "pueued"):
        shutil.copy(binary(name), folder / name)


def _repository(folder: Path) -> None:
    bare = folder / "team" / "means.git"
    bare.mkdir(parents=True)
    for command in (
        ["init", "--quiet", "--bare", "-b", "main"],
        ["config", "http.receivepack", "true"],
    ):
        subprocess.run(["git", *command], cwd=bare, check=True)


def _ssh(home: Path, host: Container) -> None:
    """The group's own configuration, under the name that the guides use; the reader's key."""
    (home / ".ssh").mkdir(mode=0o700)
    shutil.copy(f"{host.group.image.key}.pub", home / ".ssh" / "id_ed25519.pub")
    config = home / ".ssh" / "config"
    text = host.group.ssh_config.read_text(encoding="utf-8")
    config.write_text(re.sub(rf"(?m)^Host {host.name}$", f"Host {HOST}", text), encoding="utf-8")
    command = home / "bin" / "ssh"
    command.parent.mkdir()
    real = shutil.which("ssh", path=os.environ["PATH"])
    command.write_text(f'#!/bin/sh\nexec {real} -F {config} "$@"\n', encoding="utf-8")
    command.chmod(0o755)
