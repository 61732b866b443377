# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Uncommitted changes as patch files that "git apply" takes, written before anything is reset."""

from __future__ import annotations

import os
import time
import typing as t
from pathlib import Path

from .._errors import FleetError
from .._files import private_directory, remove
from .worktree import Worktree

_DIFF = (
    "diff",
    "--binary",
    "--full-index",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--no-renames",
    "--ignore-submodules=all",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)


def save(
    tree: Worktree, *, head: t.Optional[str], folder: Path, clock: t.Callable[[], float] = time.time
) -> Path:
    """Write ``<time>-<project>.patch`` against HEAD; where the index held something that neither
    HEAD nor the files hold, ``….staged.patch`` as well."""
    private_directory(folder)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(clock()))
    name = f"{stamp}-{tree.git.directory.name or 'project'}"
    base = tree.base(head)
    path = _write(tree, (*_DIFF, base), folder=folder, name=name, suffix=".patch")
    if _index_differs(tree, base):
        _write(tree, (*_DIFF, "--cached", base), folder=folder, name=name, suffix=".staged.patch")
    return path


def _index_differs(tree: Worktree, base: str) -> bool:
    """Whether something is staged *and* the file has moved on since."""
    staged = tree.git.read("diff", "--cached", "--name-only", "-z", base).stdout.split(b"\0")
    files = tree.git.read("diff", "--name-only", "-z").stdout.split(b"\0")
    return bool({name for name in staged if name} & {name for name in files if name})


def _write(
    tree: Worktree, command: t.Sequence[str], *, folder: Path, name: str, suffix: str
) -> Path:
    import tempfile  # slow, and few checkouts are dirty

    handle, temporary = tempfile.mkstemp(prefix=".patch.", dir=str(folder))
    try:
        with os.fdopen(handle, "wb") as stream:
            tree.git.save(*command, to=stream)
            stream.flush()
            os.fsync(stream.fileno())
        return _place(Path(temporary), folder=folder, name=name, suffix=suffix)
    except OSError as error:
        raise FleetError(
            f'Cannot save the uncommitted changes of "{tree.git.directory}" below "{folder}": '
            f"{error.strerror}. Nothing was reset."
        ) from error
    finally:
        remove(Path(temporary))


def _place(temporary: Path, *, folder: Path, name: str, suffix: str) -> Path:
    """Give the finished file a name of its own; two saves in one second both stay."""
    for number in range(1000):
        extra = f"-{number}" if number else ""
        path = folder / f"{name}{extra}{suffix}"
        try:
            os.link(str(temporary), str(path))
        except FileExistsError:
            continue
        descriptor = os.open(str(folder), os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return path
    raise FleetError(f'"{folder}" holds a thousand patches of this second; tidy it.')
