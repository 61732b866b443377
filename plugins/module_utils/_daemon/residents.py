# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Every pueued that this account already runs: which queue it serves, and who started it."""

from __future__ import annotations

import contextlib
import os
import re
import typing as t
from pathlib import Path

from .._dataclass import dataclass
from .._errors import FleetError
from .._host import process
from .._pueue.config import Config, find_config

_UNIT = re.compile(r"[^/]+\.service$")
_DELETED = " (deleted)"


@dataclass(frozen=True)
class Resident:
    """A running pueued. ``config`` is None where it cannot be told what it reads."""

    pid: int
    identity: str
    program: str
    config: t.Optional[Config]
    unit: str = ""
    user_unit: bool = False

    @property
    def replaced(self) -> bool:
        """Whether the file it was started from is no longer there."""
        return self.program.endswith(_DELETED)

    def serves(self, config: Config) -> bool:
        """Whether it sits where a daemon with this configuration would sit."""
        mine = self.config
        if mine is None:
            return True
        if _real(mine.pueue_directory) == _real(config.pueue_directory):
            return True
        if _real(mine.pid_path) == _real(config.pid_path):
            return True
        return mine.use_unix_socket == config.use_unix_socket and mine.address == config.address

    @property
    def started_by(self) -> str:
        """In words."""
        if self.unit:
            return f'the {"user" if self.user_unit else "system"} unit "{self.unit}"'
        return "hand or a login session"


def residents(*, uid: int, proc: Path = process.PROC) -> t.List[Resident]:
    """All of them, lowest pid first."""
    found = []
    for name in os.listdir(str(proc)):
        if name.isdigit():
            one = _resident(int(name), uid=uid, proc=proc)
            if one is not None:
                found.append(one)
    return sorted(found, key=lambda resident: resident.pid)


def _resident(pid: int, *, uid: int, proc: Path) -> t.Optional[Resident]:
    folder = proc / str(pid)
    try:
        if folder.stat().st_uid != uid or _text(folder / "comm").strip() != "pueued":
            return None
        words = _words(folder / "cmdline")
        environ = dict(word.partition("=")[::2] for word in _words(folder / "environ"))
        program = os.readlink(str(folder / "exe"))
        directory = os.readlink(str(folder / "cwd"))
    except OSError:
        return None
    identity = process.identity(pid, proc=proc)
    if identity is None:
        return None
    unit, user_unit = _unit(folder)
    config = _config(words, environ, directory)
    return Resident(pid, identity, program, config, unit, user_unit)


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


def _words(path: Path) -> t.List[str]:
    return [word for word in _text(path).split("\0") if word]


def _config(
    words: t.Sequence[str], environ: t.Mapping[str, str], directory: str
) -> t.Optional[Config]:
    """The configuration by the process's own command line and environment."""
    named: t.Optional[str] = None
    for number, word in enumerate(words):
        if word in ("-p", "--profile") or word.startswith("--profile="):
            return None
        if word in ("-c", "--config"):
            named = words[number + 1] if number + 1 < len(words) else None
        elif word.startswith("--config="):
            named = word[len("--config=") :]
    named = named or environ.get("PUEUE_CONFIG_PATH")
    with contextlib.suppress(FleetError):
        return find_config(os.path.join(directory, named) if named else None, environ=environ)
    return None


def _unit(folder: Path) -> t.Tuple[str, bool]:
    """The service it belongs to; everything below user@UID.service is the account's own."""
    for line in _text(folder / "cgroup").splitlines():
        path = line.split(":", 2)[-1]
        names = [part for part in path.split("/") if _UNIT.match(part)]
        if names and names[-1].startswith("user@"):
            continue
        if names:
            return names[-1], any(name.startswith("user@") for name in names[:-1])
    return "", False


def _real(path: Path) -> str:
    return os.path.realpath(str(path))
