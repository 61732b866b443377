# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Who would miss a program: processes that run from it, and services that name it or find it."""

from __future__ import annotations

import os
import pwd
import re
import typing as t
from pathlib import Path

from .._dataclass import dataclass

# How a unit of the module pueue_daemon begins.
_QUEUE = "# Managed by fleet.jobs "
_SYSTEM = ("etc/systemd/system", "etc/systemd/user")
_OWN = ".config/systemd/user"


@dataclass(frozen=True)
class Unit:
    """A service of this host; ``account`` is None for one that anybody may have."""

    path: Path
    account: t.Optional[str]
    text: str

    @property
    def name(self) -> str:
        """With whose it is."""
        return f"{self.path.name} of {self.account}" if self.account else str(self.path)


def units(*, leaving: t.Iterable[Path] = (), root: Path = Path("/")) -> t.List[Unit]:
    """Services of the system and of every account, as far as this one may read them."""
    gone = {os.path.realpath(str(path)) for path in leaving}
    found = []
    for folder, account in _folders(root):
        for path in (*_glob(folder, "*.service"), *_glob(folder, "*.service.d/*.conf")):
            if os.path.realpath(str(path)) in gone:
                continue
            try:
                text = path.read_bytes().decode("utf-8", "replace")
            except OSError:
                continue
            found.append(Unit(path, account, text))
    return found


def user_of(
    place: Path,
    links: t.Sequence[Path],
    *,
    services: t.Iterable[Unit],
    home: t.Optional[Path],
) -> t.Optional[str]:
    """Which service names a program of ``place`` or one of its ``links``, or is a queue whose jobs
    find it on their PATH. Links below a ``home`` are found by the queues of that account alone."""
    names = "|".join(re.escape(str(path)) for path in (place, *links))
    named = re.compile(rf"(?:{names})(?![\w.+-])")
    for one in services:
        if named.search(one.text):
            return one.name
        if links and one.text.startswith(_QUEUE) and (home is None or home in one.path.parents):
            return f"{one.name} (its jobs find {links[0]})"
    return None


def account_of(folder: Path) -> t.Optional[Path]:
    """The home that a folder lies in; None where everybody's jobs look."""
    homes = {Path(entry.pw_dir) for entry in pwd.getpwall() if entry.pw_dir not in ("/", "")}
    return next((one for one in (folder, *folder.parents) if one in homes), None)


def _folders(root: Path) -> t.Iterator[t.Tuple[Path, t.Optional[str]]]:
    for name in _SYSTEM:
        yield root / name, None
    for entry in pwd.getpwall():
        yield root / entry.pw_dir.lstrip("/") / _OWN, entry.pw_name


def _glob(folder: Path, pattern: str) -> t.List[Path]:
    try:
        return sorted(folder.glob(pattern))
    except OSError:
        return []
