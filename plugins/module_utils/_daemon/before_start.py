# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Runs before each start of pueued, as a file of its own on the host: keep a copy of the queue.

pueued replaces a state file that it cannot read by an empty one, without a copy. So a file that is
no state of pueue 4 is not handed to it: the start fails and says so. No older copy is put back
either, for jobs that ended since would run a second time. Only the standard library, and nothing
of the collection, is imported: this file is copied as it is.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import hashlib
import json
import os
import sys
import time
import typing as t
from pathlib import Path

KEPT = 10
REFUSED = 78  # EX_CONFIG


def main(argv: t.Sequence[str]) -> int:
    """Close folders, forget a stale pid file, check and copy the state file."""
    parser = argparse.ArgumentParser(description="What has to hold before pueued starts.")
    parser.add_argument("--state-file", required=True, type=Path)
    parser.add_argument("--copies", required=True, type=Path)
    parser.add_argument("--pid-file", required=True, type=Path)
    parser.add_argument("--directory", action="append", default=[], type=Path)
    arguments = parser.parse_args(list(argv))
    os.umask(0o077)
    for folder in arguments.directory:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    forget_stale_pid(arguments.pid_file)
    # A torn temporary file: pueued fails at every save beside it.
    with contextlib.suppress(FileNotFoundError):
        Path(f"{arguments.state_file}.partial").unlink()
    problem = check(arguments.state_file)
    if problem:
        sys.stderr.write(
            f"fleet.jobs: pueued is not started: {arguments.state_file} {problem}. pueued would "
            f"replace it by an empty queue. Copies of earlier states are in {arguments.copies}; "
            "put one back if you know what ended since, or delete the file for an empty queue.\n"
        )
        return REFUSED
    keep(arguments.state_file, arguments.copies)
    return 0


def forget_stale_pid(path: Path, *, proc: Path = Path("/proc")) -> None:
    """pueued refuses to start while any process at all has the number in its pid file."""
    try:
        number = int(path.read_text(encoding="utf-8").strip())
        name = (proc / str(number) / "comm").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        name = ""
    if name != "pueued":
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def check(path: Path) -> t.Optional[str]:
    """Why pueue 4 would not take this file; None where it would, or where there is none."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    try:
        text = gzip.decompress(content) if path.suffix == ".gz" else content
        state = json.loads(text.decode("utf-8"))
    except (OSError, EOFError, ValueError) as error:
        return f"is damaged ({error})"
    if not isinstance(state, dict):
        return "is no state of pueue"
    tasks, groups = state.get("tasks"), state.get("groups")
    if not isinstance(tasks, dict) or not isinstance(groups, dict):
        return "is no state of pueue (it has no tasks or no groups)"
    for task in tasks.values():
        if not isinstance(task, dict) or "status" not in task or "prev_status" in task:
            return "was written by pueue 3 or older, or is no state of pueue"
    return None


def keep(path: Path, folder: Path, *, now: t.Optional[float] = None) -> t.Optional[Path]:
    """Copy, unless the newest copy is the same; then delete the oldest beyond the limit."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    old = sorted(folder.glob("state-*"))
    if old and _digest(old[-1].read_bytes()) == _digest(content):
        return None
    moment = time.time() if now is None else now
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(moment)) + f".{int(moment % 1 * 1e6):06d}Z"
    target = folder / f"state-{stamp}{''.join(path.suffixes)}"
    partial = folder / f".{target.name}"
    with open(str(partial), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(str(partial), str(target))
    for outdated in sorted(folder.glob("state-*"))[:-KEPT]:
        with contextlib.suppress(FileNotFoundError):
            outdated.unlink()
    return target


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
