# SPDX-License-Identifier: GPL-3.0-or-later
"""podman with settings and a storage of its own, and images out of Debian's packages alone."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import typing as t
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.fleet.jobs.tests.lab.cache import LabError, cache, made

SUITE = "bookworm"
CONTAINERS_CONF = """\
[containers]
# The defaults are above what some machines grant.
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
log_size_max = 1000000

[engine]
# crun refuses the older layout of control groups.
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
"""
FUSE = '\n[storage.options.overlay]\nmount_program = "/usr/bin/fuse-overlayfs"\n'
# In this order, the first that starts a container: the kernel's, the one in user space, copies.
DRIVERS = {"overlay": ("overlay", ""), "fuse": ("overlay", FUSE), "vfs": ("vfs", "")}


@dataclass(frozen=True)
class Stored:
    """An image in a storage of podman: ``folder`` never changes, ``storage`` belongs to podman."""

    folder: Path
    storage: Path
    name: str

    @classmethod
    def cached(cls, called: str, make: t.Callable[[Path], None], *, name: str) -> t.Self:
        """The image of that folder in the cache, with what ``make`` writes where there is none."""
        found = cls(made(cache() / called, make), cache() / f"{called}.storage", name)
        found.bring()
        return found

    @property
    def environment(self) -> t.Dict[str, str]:
        """What podman has to be told to find its settings and this storage."""
        return {
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.storage / "storage.conf"),
        }

    @property
    def there(self) -> bool:
        """Whether podman has it."""
        if not (self.storage / "storage.conf").exists():
            return False
        done = run(["podman", "image", "exists", self.name], environment=self.environment)
        return done.returncode == 0

    def podman(self, *arguments: str, check: bool = True) -> str:
        """What a podman command printed."""
        done = run(["podman", *arguments], environment=self.environment)
        if check and done.returncode != 0:
            raise LabError(f"podman {arguments[0]} failed:\n{done.stderr.strip()}")
        return done.stdout

    @contextlib.contextmanager
    def alone(self) -> t.Iterator[None]:
        """One maker at a time in this storage."""
        self.storage.mkdir(exist_ok=True)
        with open(self.storage / "lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def bring(self) -> None:
        """Give the folder's archive to podman, where it does not have it yet."""
        with self.alone():
            if not self.there:
                self._import()

    def _import(self) -> None:
        """With the first storage driver under which it runs."""
        reasons = []
        for label, (driver, options) in DRIVERS.items():
            text = (
                f'[storage]\ndriver = "{driver}"\ngraphroot = "{self.storage / label}"\n'
                f'runroot = "/run/fleet-jobs-lab/{self.folder.name}-{label}"\n{options}'
            )
            (self.storage / "storage.conf").write_text(text, encoding="utf-8")
            try:
                self.podman("import", "--quiet", str(self.folder / "root.tar"), self.name)
                self.podman("run", "--rm", "--network=none", "--pull=never", self.name, "/bin/true")
                return
            except LabError as error:
                reasons.append(f"{label}: {error}")
                (self.storage / "storage.conf").unlink()
                shutil.rmtree(self.storage / label, ignore_errors=True)
        raise LabError("podman starts no container here.\n" + "\n".join(reasons))


def write_archive(work: Path, packages: str, *hooks: str) -> None:
    """``root.tar`` and ``containers.conf`` in ``work``: a small Debian with these packages."""
    (work / "containers.conf").write_text(CONTAINERS_CONF, encoding="utf-8")
    do(
        ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(packages.split())}"]
        + ['--aptopt=Acquire::Languages "none"']
        + [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")]
        + [f"--customize-hook={hook}" for hook in hooks]
        + [SUITE, str(work / "root.tar")]
    )


def do(command: t.Sequence[str]) -> str:
    """What a command printed that is part of making an image."""
    done = run(command)
    if done.returncode != 0:
        tail = "\n".join((done.stderr or done.stdout).splitlines()[-15:])
        raise LabError(f'"{command[0]}" failed while the image was built:\n{tail}')
    return done.stdout


def run(
    command: t.Sequence[str], *, environment: t.Optional[t.Mapping[str, str]] = None
) -> subprocess.CompletedProcess[str]:
    """Run it, with the folders of root's programs on PATH."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    try:
        return subprocess.run(
            list(command),
            env={**os.environ, "PATH": path, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise LabError(f'"{command[0]}" is not installed (make lab-packages).') from error
