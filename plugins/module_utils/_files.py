# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Files that are whole or absent (INV-4), deletes that may repeat (INV-3), and the flock."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
import typing as t
from pathlib import Path

from ._errors import FleetError

_POLL_SECONDS = 0.05


def private_directory(path: Path) -> Path:
    """Make ``path`` (mode 0700) where it is missing, and return it."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise FleetError(
            f'Cannot create the directory "{path}": {error.strerror}. Create it for the account '
            "that runs the jobs, or choose another one with state_dir."
        ) from error
    return path


def write_atomic(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Replace ``path`` as a whole: temporary file beside it, fsync, rename, fsync of the folder."""
    temporary = temporary_name(path)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        remove(Path(temporary))
        raise
    folder = os.open(str(path.parent), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def flush(paths: t.Iterable[Path]) -> None:
    """Have files that somebody else wrote, and their folders, on the disk; who is gone may be."""
    places: t.Dict[Path, None] = {}
    for path in paths:
        places[path] = None
        places[path.parent] = None
    for place in places:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            _flush(place)


def _flush(place: Path) -> None:
    try:
        handle = os.open(str(place), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        # A link is its name, and a file that cannot be read cannot be opened: the folder has to do.
        if error.errno in (errno.ELOOP, errno.EACCES, errno.ENXIO):
            return
        raise
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that cannot, or something without content
            raise
    finally:
        os.close(handle)


def temporary_name(path: Path) -> str:
    """A name beside ``path`` that nobody has; ``tempfile`` is slow to import."""
    return str(path.with_name(f".{path.name}.{os.urandom(8).hex()}"))


def remove(path: Path) -> bool:
    """Delete a file; True if it was there. What is already gone is no error."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


@contextlib.contextmanager
def locked(path: Path, *, timeout: float, holder: str = "another change") -> t.Iterator[None]:
    """Hold an exclusive flock on ``path``, or say after ``timeout`` seconds who is in the way."""
    handle = os.open(str(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        limit = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise
            if time.monotonic() >= limit:
                raise FleetError(
                    f'The lock "{path}" is still held by {holder} after {timeout:g} s. '
                    "Wait for it to end and run this again."
                )
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(handle)
