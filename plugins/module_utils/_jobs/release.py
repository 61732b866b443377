# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Which commit a directory has checked out, read from ``.git`` without starting git."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

_SHA = re.compile(r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$")
_MAX_LINKS = 5


def head_of(directory: Path) -> t.Optional[str]:
    """The full SHA of HEAD of the work tree around ``directory``; None where there is none."""
    start = directory.resolve()
    for folder in (start, *start.parents):
        git = _git_directory(folder / ".git")
        if git is not None:
            return _resolve(git, "HEAD")
    return None


def _git_directory(entry: Path) -> t.Optional[Path]:
    """A work tree's ``.git`` is a directory, or a file that names one (worktrees, submodules)."""
    if entry.is_dir():
        return entry
    text = _line(entry)
    if text is None or not text.startswith("gitdir: "):
        return None
    return entry.parent / text[len("gitdir: ") :]


def _resolve(git: Path, name: str) -> t.Optional[str]:
    common_line = _line(git / "commondir")
    common = git / common_line if common_line else git
    for _link in range(_MAX_LINKS):
        text = _line(git / name) or _line(common / name) or _packed(common, name)
        if text is None:
            return None
        if not text.startswith("ref: "):
            return text if _SHA.match(text) else None
        name = text[len("ref: ") :]
    return None


def _packed(common: Path, name: str) -> t.Optional[str]:
    try:
        with (common / "packed-refs").open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                sha, _space, found = line.rstrip("\n").partition(" ")
                if found == name:
                    return sha
    except OSError:
        pass
    return None


def _line(path: Path) -> t.Optional[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None
