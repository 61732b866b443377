# SPDX-License-Identifier: GPL-3.0-or-later
"""Local users that a lab makes and removes again, and never anybody else's.

A user is removed only where three things agree: its name begins with the tag of this lab, its
comment carries the same tag, and its home lies below the lab's folder. The folder has a marker
from before the first user is made, so that what a killed run left is found by the next one.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import typing as t
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.fleet.jobs.tests.support.waiting import eventually

# Short, because a unix socket's path is limited to 107 bytes; world-readable, unlike a TMPDIR.
BASE = Path("/var/tmp")
_FOLDER = re.compile(r"fj-lab-([0-9a-f]{6})\Z")
_COMMENT = "fleet.jobs lab"
_MARKER = "marker.json"
_END_SECONDS = 20.0


@dataclass(frozen=True)
class Account:
    """One user of the lab."""

    name: str
    uid: int
    gid: int
    home: Path

    @property
    def identity(self) -> t.Dict[str, t.Any]:
        """For ``subprocess``: run it as this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, *paths: Path) -> None:
        """Give files, and everything below folders, to this user."""
        for top in paths:
            for path in (top, *(top.rglob("*") if top.is_dir() else ())):
                os.chown(path, self.uid, self.gid, follow_symlinks=False)


class Place:
    """A folder of one lab with its marker, and the users whose homes lie in it."""

    def __init__(self, folder: Path) -> None:
        match = _FOLDER.match(folder.name)
        assert match and folder.parent == BASE, f"{folder} is not the folder of a lab"
        self.folder = folder
        self.tag = match.group(1)

    @classmethod
    def make(cls, *, owner: t.Optional[int]) -> Place:
        """A new one. ``owner`` is the process with which it ends; None: it stays until removed."""
        place = cls(BASE / f"fj-lab-{secrets.token_hex(3)}")
        place.folder.mkdir(mode=0o755)
        place.folder.chmod(0o755)
        started = started_at(owner) if owner is not None else None
        marker = {"owner": owner, "started": started}
        (place.folder / _MARKER).write_text(json.dumps(marker), encoding="utf-8")
        return place

    @classmethod
    def all(cls) -> t.List[Place]:
        """Every lab that is, or was left, on this machine."""
        found = [path for path in sorted(BASE.iterdir()) if _FOLDER.match(path.name)]
        return [cls(path) for path in found if (path / _MARKER).is_file()]

    @property
    def stays(self) -> bool:
        """Made to stay until it is taken down."""
        return self._marker()["owner"] is None

    @property
    def abandoned(self) -> bool:
        """Its owner is dead."""
        marker = self._marker()
        owner = marker["owner"]
        return owner is not None and started_at(owner) != marker["started"]

    def _marker(self) -> t.Dict[str, t.Any]:
        text = (self.folder / _MARKER).read_text(encoding="utf-8")
        return t.cast(t.Dict[str, t.Any], json.loads(text))

    def add(self, number: int) -> Account:
        """Make one user. ``*`` and no ``!``: sshd refuses a locked account without PAM."""
        name = f"fj{self.tag}-{number:03d}"
        home = self.folder / f"{number:03d}"
        home.mkdir(mode=0o755)
        command = ["useradd", "--no-create-home", "--home-dir", str(home), "--shell", "/bin/sh"]
        command += ["--comment", f"{_COMMENT} {self.tag}", "--password", "*", name]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        entry = pwd.getpwnam(name)
        os.chown(home, entry.pw_uid, entry.pw_gid)
        return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid, home=home)

    def accounts(self) -> t.List[Account]:
        """The users of this lab that exist, by all three signs."""
        return [
            Account(name=one.pw_name, uid=one.pw_uid, gid=one.pw_gid, home=Path(one.pw_dir))
            for one in pwd.getpwall()
            if one.pw_name.startswith(f"fj{self.tag}-")
            and one.pw_gecos == f"{_COMMENT} {self.tag}"
            and Path(one.pw_dir).parent == self.folder
        ]

    def remove(self) -> None:
        """End what runs as these users, unmount, remove users and folder; safe to repeat."""
        accounts = self.accounts()
        eventually(
            lambda: not _kill({one.uid for one in accounts}),
            timeout=_END_SECONDS,
            what=f"the processes of lab {self.tag} end",
        )
        for point in self._mounts():
            subprocess.run(["umount", str(point)], check=True)
        for one in accounts:
            subprocess.run(["userdel", one.name], check=True, stdin=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)
        assert not self.folder.exists(), f"{self.folder} could not be removed"

    def _mounts(self) -> t.List[Path]:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
        points = [Path(line.split()[1]) for line in lines]
        return sorted((one for one in points if self.folder in one.parents), reverse=True)


def started_at(pid: int) -> t.Optional[str]:
    """When a live process began, in clock ticks; None where there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def _kill(uids: t.Set[int]) -> t.List[int]:
    """SIGKILL to every process of these users; which ones there were.

    A container on this machine may use the same numbers for accounts of its own.
    """
    found = []
    here = os.readlink("/proc/self/ns/pid")
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            dead = (entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[
                0
            ] in "ZX"
            ours = not dead and os.readlink(str(entry / "ns" / "pid")) == here
            if ours and entry.stat().st_uid in uids:
                found.append(int(entry.name))
                os.kill(found[-1], signal.SIGKILL)
    return found
