# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The runner's side of the ledger: an attempt begins, an attempt ends, and neither is ever lost.

A ledger that cannot be written does not keep a job from running: its result goes into a spool
file, which ``merge`` brings into the ledger later.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time
import typing as t
import zlib
from pathlib import Path

from .._dataclass import asdict, dataclass
from .._errors import FleetError
from .._files import locked, private_directory, remove, write_atomic

if t.TYPE_CHECKING:
    from .._ledger.store import Ledger

SPOOL = "spool"
_VERSION = 1
_MEMORY_FOLDER = Path("/dev/shm")


@dataclass(frozen=True)
class Beginning:
    """What is known before the job starts."""

    label: str
    task_key: str
    started: float
    pid: int
    boot_id: str
    release: t.Optional[str] = None
    cap_bytes: t.Optional[int] = None
    enforcement: t.Optional[str] = None
    log_path: t.Optional[str] = None


@dataclass(frozen=True)
class Ending:
    """How it ended."""

    class_: str
    ended: float
    exit_code: t.Optional[int] = None
    signal: t.Optional[int] = None
    peak_bytes: t.Optional[int] = None
    cpu_seconds: t.Optional[float] = None
    enforcement: t.Optional[str] = None
    message: t.Optional[str] = None


@dataclass(frozen=True)
class Begun:
    """The row of a begun attempt; ``number`` is 0 where the ledger could not be written."""

    beginning: Beginning
    row: t.Optional[int] = None
    number: int = 0


def begin(state_dir: Path, beginning: Beginning) -> Begun:
    """Write the open row, before the job is spawned; what was spooled before comes first."""
    merge(state_dir)
    try:
        with _ledger(state_dir, at=beginning.started) as ledger:
            row, number = _start(ledger, beginning)
    except _UNWRITABLE as error:
        _say(f"the attempt is not in the ledger yet: {error}")
        return Begun(beginning)
    return Begun(beginning, row=row, number=number)


def intended_kill(state_dir: Path, begun: Begun) -> t.Optional[str]:
    """The reason of a kill that one of us recorded while this attempt ran."""
    with contextlib.suppress(*_UNWRITABLE), _ledger(state_dir, at=time.time()) as ledger:
        kill = ledger.kills.latest(begun.beginning.label)
        if kill is not None and kill.at >= begun.beginning.started:
            return kill.reason
    return None


def end(state_dir: Path, begun: Begun, ending: Ending) -> None:
    """Close the row, or spool the whole attempt; and bring in what was spooled before."""
    try:
        with _ledger(state_dir, at=ending.ended) as ledger:
            if begun.row is None:
                raise FleetError("its beginning is not in the ledger")
            _complete(ledger, begun, ending)
    except _UNWRITABLE as error:
        _spool(state_dir, begun, ending, why=str(error))
    merge(state_dir)


def set_log(state_dir: Path, begun: Begun, path: str) -> None:
    """Say where the attempt's output is."""
    if begun.row is not None:
        with contextlib.suppress(*_UNWRITABLE), _ledger(state_dir, at=time.time()) as ledger:
            ledger.attempts.set_log(begun.row, path)


def merge(state_dir: Path) -> int:
    """Bring spooled attempts into the ledger, oldest first; how many. Cheap where there are none.

    A file is deleted only after its attempt is in the ledger, under the spool's lock, so that
    two callers cannot write one attempt twice.
    """
    merged = 0
    for folder in _folders(state_dir):
        names = _names(folder)
        if names:
            with contextlib.suppress(*_UNWRITABLE):
                merged += _merge_folder(state_dir, folder)
    return merged


def spooled(state_dir: Path, label: str) -> t.List[t.Tuple[Begun, Ending]]:
    """What waits in the spool about one label, oldest first; reads only."""
    found: t.List[t.Tuple[Begun, Ending]] = []
    for folder in _folders(state_dir):
        for name in _names(folder):
            begun, ending = None, None
            with contextlib.suppress(OSError):  # merged meanwhile
                begun, ending = _read(folder / name)
            if begun is not None and ending is not None and begun.beginning.label == label:
                found.append((begun, ending))
    return sorted(found, key=lambda one: one[0].beginning.started)


def _merge_folder(state_dir: Path, folder: Path) -> int:
    merged = 0
    with locked(folder / ".lock", timeout=5.0, holder="another merge of the spool"):
        for name in _names(folder):
            path = folder / name
            begun, ending = _read(path)
            if begun is None or ending is None:
                os.replace(path, path.with_suffix(".unreadable"))
                continue
            with _ledger(state_dir, at=begun.beginning.started) as ledger:
                _complete(ledger, begun, ending)
            remove(path)
            merged += 1
    return merged


def _start(ledger: Ledger, beginning: Beginning) -> t.Tuple[int, int]:
    attempt = ledger.attempts.start(
        beginning.label,
        task_key=beginning.task_key,
        pid=beginning.pid,
        boot_id=beginning.boot_id,
        release=beginning.release,
        cap_bytes=beginning.cap_bytes,
        enforcement=beginning.enforcement,
        log_path=beginning.log_path,
    )
    return attempt.id, attempt.number


def _complete(ledger: Ledger, begun: Begun, ending: Ending) -> None:
    """Close the attempt's row; make it first where this ledger has none, or another's there."""
    with ledger.record():
        row = _row_of(ledger, begun.beginning)
        if row is None:
            row = _start(ledger, begun.beginning)[0]
        _finish(ledger, row, ending)


def _row_of(ledger: Ledger, beginning: Beginning) -> t.Optional[int]:
    """By what the attempt is, not by its number: a ledger that was replaced meanwhile numbers
    anew, and a merge that was killed has made the row and not deleted the file."""
    for found in ledger.attempts.of_task(beginning.task_key):
        if (found.label, found.started) == (beginning.label, beginning.started):
            return found.id
    return None


def _finish(ledger: Ledger, row: int, ending: Ending) -> None:
    ledger.attempts.finish(
        row,
        class_=ending.class_,
        exit_code=ending.exit_code,
        signal=ending.signal,
        peak_bytes=ending.peak_bytes,
        cpu_seconds=ending.cpu_seconds,
        enforcement=ending.enforcement,
        message=ending.message,
        ended=ending.ended,
    )


def _ledger(state_dir: Path, *, at: float) -> Ledger:
    """Imported late: a Python without sqlite3 still runs jobs."""
    from .._ledger.store import Ledger

    private_directory(state_dir)
    return Ledger.open(state_dir, clock=lambda: at)


_UNWRITABLE = (FleetError, OSError, ImportError)


def _spool(state_dir: Path, begun: Begun, ending: Ending, *, why: str) -> None:
    import json

    record = {
        "version": _VERSION,
        "state_dir": os.path.abspath(str(state_dir)),
        "row": begun.row,
        "number": begun.number,
        "beginning": asdict(begun.beginning),
        "ending": asdict(ending),
    }
    content = json.dumps(record, sort_keys=True).encode()
    name = f"{int(begun.beginning.started * 1000):015d}-{os.getpid()}-{os.urandom(4).hex()}.json"
    for folder in _folders(state_dir):
        try:
            private_directory(folder)
            if not _is_ours(folder):
                continue
            write_atomic(folder / name, content)
        except (FleetError, OSError):
            continue
        _say(f'the attempt waits in "{folder / name}" for the ledger: {why}')
        return
    # The last resort is the job's own log.
    _say(f"the attempt could not be recorded ({why}): {content.decode()}")


def _folders(state_dir: Path) -> t.Tuple[Path, ...]:
    """The spool, and one in memory for a full disk."""
    key = zlib.crc32(os.fsencode(os.path.abspath(str(state_dir))))
    return (state_dir / SPOOL, _MEMORY_FOLDER / f"fleet-jobs-{os.getuid()}-{key:08x}")


def _is_ours(folder: Path) -> bool:
    """/dev/shm is everybody's: a folder that somebody else made there is not used."""
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()


def _names(folder: Path) -> t.List[str]:
    try:
        found = [name for name in os.listdir(folder) if name.endswith(".json")]
        return sorted(found) if found and _is_ours(folder) else []
    except OSError:
        return []


def _read(path: Path) -> t.Tuple[t.Optional[Begun], t.Optional[Ending]]:
    import json

    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        beginning = Beginning(**record["beginning"])
        begun = Begun(beginning, row=record["row"], number=record["number"])
        return begun, Ending(**record["ending"])
    except (ValueError, KeyError, TypeError):
        return None, None


def _say(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"fleet-jobs: {text}\n")
        sys.stderr.flush()
