# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The programs are what they are said to be, before anything is stopped for them."""

from __future__ import annotations

import os
import re
import typing as t
from pathlib import Path

from .._errors import FleetError
from .._host.programs import checksum
from .._host.tools import said_version
from .wish import PROGRAMS, DaemonWish

_SECONDS = 30.0
_VERSION = re.compile(r"\b\d+\.\d+\.\d+\S*")


def problem(wish: DaemonWish, *, environ: t.Mapping[str, str]) -> t.Optional[str]:
    """Why these programs cannot be used; None where they can. The checksum comes first: what is
    not what was meant is not even asked for its version."""
    for program in PROGRAMS:
        path = wish.binaries / program
        if not path.is_file() or not os.access(str(path), os.X_OK):
            return (
                f'There is no program "{path}" that this account may run. Put pueue and pueued '
                f"{wish.version} into one folder of the host (the role queue_host does) and name "
                "it with binaries."
            )
    for program, wanted in wish.checksums:
        found = _sha256(wish.binaries / program)
        if found != wanted:
            return (
                f'"{wish.binaries / program}" has the SHA-256 {found}, and checksums.{program} '
                f"says {wanted}. It is not started; copy the right file there."
            )
    for program in PROGRAMS:
        said = version(wish.binaries / program, environ=environ)
        if said != wish.version:
            return (
                f'"{wish.binaries / program} --version" says "{said or "nothing"}", wanted is '
                f"{wish.version}. Correct version or binaries."
            )
    return None


def version(path: Path, *, environ: t.Mapping[str, str]) -> t.Optional[str]:
    """What the program says; None where it does not run."""
    return said_version(str(path), environ=environ, pattern=_VERSION, seconds=_SECONDS)


def _sha256(path: Path) -> str:
    try:
        return checksum(path)
    except OSError as error:
        raise FleetError(
            f'The program "{path}" cannot be read: {error.strerror}. Make it readable for the '
            "account that runs the queue."
        ) from error
