# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""A private copy of a ledger that others may be writing, without leaving a trace beside it.

SQLite itself cannot do that: ``mode=ro`` makes or updates the shared-memory file, and
``immutable=1`` ignores what is still in the write-ahead log.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import time
import typing as t
from pathlib import Path

from .._errors import FleetError
from . import database, faults

# https://sqlite.org/fileformat2.html: a reader of the database holds this range shared.
_SHARED_FIRST = 0x40000002
_SHARED_SIZE = 510
# https://sqlite.org/walformat.html: who holds a read mark keeps the log from being started anew.
_READ_MARK = 124
_WAL_HEADER = 32
_PATIENCE_SECONDS = 10.0

# Closing any descriptor of a file drops all POSIX locks this process has on it, SQLite's too. So
# while this process also writes a ledger, descriptors of it are kept until that writer is closed.
_writers: t.Dict[t.Tuple[int, int], int] = {}
_parked: t.Dict[t.Tuple[int, int], t.List[int]] = {}


def writer_opened(path: Path) -> t.Tuple[int, int]:
    """Count a writing connection of this process; the return value ends the count."""
    status = os.stat(str(path))
    identity = (status.st_dev, status.st_ino)
    _writers[identity] = _writers.get(identity, 0) + 1
    return identity


def writer_closed(identity: t.Tuple[int, int]) -> None:
    """Forget a writing connection; with the last one, the kept descriptors go."""
    _writers[identity] -= 1
    if not _writers[identity]:
        del _writers[identity]
        for handle in _parked.pop(identity, []):
            os.close(handle)


def open_copy(path: Path) -> t.Optional[sqlite3.Connection]:
    """A connection to a consistent private copy of ``path``; None if there is no such file."""
    try:
        folder = _temporary_folder()
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        copy = Path(folder) / "copy.sqlite3"
        if not _copy(path, copy):
            return None
        connection = database.connect(copy)
        try:
            # After this the connection needs only the one file it holds open, so the folder can
            # go at once and not even a kill leaves it behind.
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA journal_mode = DELETE").fetchall()
            connection.execute("PRAGMA temp_store = MEMORY")
            database.bring_up_to_date(connection, path=path)
            connection.execute("PRAGMA query_only = 1")
        except sqlite3.Error as error:
            connection.close()
            raise faults.translate(error, path) from error
        except BaseException:
            connection.close()
            raise
        return connection
    except OSError as error:
        raise _unreadable(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            for name in os.listdir(folder):
                os.unlink(os.path.join(folder, name))
            os.rmdir(folder)


def _temporary_folder() -> str:
    """Where ``tempfile`` would make it; that module is slow to import, and this is often called."""
    given = (os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    places = [place for place in (*given, "/tmp", "/var/tmp", "/usr/tmp") if place]
    problem = OSError()
    for place in places:
        folder = os.path.join(place, f"fleet-jobs-{os.urandom(8).hex()}")
        try:
            os.mkdir(folder, 0o700)
        except OSError as error:
            problem = error
        else:
            return folder
    raise problem


def _unreadable(path: Path, error: OSError) -> FleetError:
    if isinstance(error, NotADirectoryError):
        return FleetError(
            f'"{path.parent}" cannot be a state directory, since a part of that path is a file. '
            "Choose another one with state_dir."
        )
    import tempfile

    return FleetError(
        f'The ledger "{path}" could not be copied to "{tempfile.gettempdir()}" to read it: '
        f"{error.strerror}. Make it readable for this account, and free some space there or set "
        "TMPDIR."
    )


def _copy(path: Path, copy: Path) -> bool:
    log = Path(f"{path}-wal")
    limit = time.monotonic() + _PATIENCE_SECONDS
    with _shared(path, limit=limit) as source:
        if source is None:
            return False
        while True:
            with _read_mark(path):
                # A checkpoint may tear the pages we copy, but all of those are in the log, unless
                # it was started anew meanwhile; then its header, with a random salt, has changed.
                before = _read(log, _WAL_HEADER)
                os.lseek(source, 0, os.SEEK_SET)
                with open(str(copy), "wb") as target:
                    _pump(source, target)
                content = _read(log, None)
            if content[:_WAL_HEADER] == before:
                Path(f"{copy}-wal").write_bytes(content)
                return True
            if time.monotonic() >= limit:
                raise FleetError(
                    f'The ledger "{path}" is written too fast to be read consistently. '
                    "Run this again."
                )


@contextlib.contextmanager
def _read_mark(path: Path) -> t.Iterator[None]:
    """Keep the log from being started anew, if we can; the caller checks that it was not."""
    status = os.stat(str(path))
    if (status.st_dev, status.st_ino) in _writers:
        # Closing our descriptor would drop the locks of our own writer.
        yield
        return
    try:
        handle = os.open(f"{path}-shm", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield
        return
    try:
        with contextlib.suppress(BlockingIOError):
            fcntl.lockf(handle, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, _READ_MARK)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def _shared(path: Path, *, limit: float) -> t.Iterator[t.Optional[int]]:
    """The database file, locked as a reader: nobody can end its log and delete it meanwhile."""
    try:
        handle = os.open(str(path), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    status = os.fstat(handle)
    identity = (status.st_dev, status.st_ino)
    try:
        _lock(handle, path, limit=limit)
        yield handle
    finally:
        if identity in _writers:
            _parked.setdefault(identity, []).append(handle)
        else:
            os.close(handle)


def _lock(handle: int, path: Path, *, limit: float) -> None:
    while True:
        try:
            fcntl.lockf(handle, fcntl.LOCK_SH | fcntl.LOCK_NB, _SHARED_SIZE, _SHARED_FIRST)
            return
        except BlockingIOError as error:
            if time.monotonic() >= limit:
                raise faults.translate(sqlite3.OperationalError("locked"), path) from error
            time.sleep(0.005)


def _read(path: Path, size: t.Optional[int]) -> bytes:
    try:
        with open(str(path), "rb") as stream:
            return stream.read(-1 if size is None else size)
    except FileNotFoundError:
        return b""


def _pump(source: int, target: t.BinaryIO) -> None:
    while True:
        block = os.read(source, 1 << 20)
        if not block:
            return
        target.write(block)
