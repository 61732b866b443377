# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What the unit runs around pueued, as a file of its own on the host.

``before``: pueued replaces a state file that it cannot read by an empty one, without a copy. So a
file that is no state of pueue 4 is not handed to it: the start fails and says so. No older copy is
put back either, for jobs that ended since would run a second time.

``stop`` and ``before`` keep a copy each, so there is one of every queue that was ever at rest.

``started``: pueued pauses every group with queued tasks at its start, so that after a reboot
nothing would run. Groups that ran until it stopped go on; those that were paused stay so. They ran
by the state file if it died, and by the note of ``stop`` if it was stopped, for its own last save
calls them paused already.

Only the standard library is imported, nothing of the collection: this file is copied as it is.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import hashlib
import json
import os
import subprocess
import sys
import time
import typing as t
from pathlib import Path

KEPT = 10
REFUSED = 78  # EX_CONFIG
_STOPPED = "running-at-stop.json"
_RESUME = "to-resume.json"
_ANSWER_SECONDS = 30.0
# A daemon that takes the call and says nothing must not hold up its own start.
_CALL_SECONDS = 10.0


def main(argv: t.Sequence[str]) -> int:
    """One of the three steps."""
    parser = argparse.ArgumentParser(description="Steps of a pueued unit of fleet.jobs.")
    parser.add_argument("step", choices=["before", "started", "stop"])
    parser.add_argument("--state-file", required=True, type=Path)
    parser.add_argument("--notes", required=True, type=Path)
    parser.add_argument("--pid-file", type=Path)
    parser.add_argument("--directory", action="append", default=[], type=Path)
    parser.add_argument("--pueue", nargs=argparse.REMAINDER, default=[])
    arguments = parser.parse_args(list(argv))
    os.umask(0o077)
    if arguments.step == "before":
        return before(arguments)
    if arguments.step == "started":
        resume(arguments.notes, arguments.pueue)
    else:
        note_running(arguments.notes, running_groups(arguments.state_file))
        keep(arguments.state_file, arguments.notes / "state")
    return 0


def before(arguments: argparse.Namespace) -> int:
    """Close folders, forget a stale pid file, check and copy the state file."""
    for folder in arguments.directory:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if arguments.pid_file is not None:
        forget_stale_pid(arguments.pid_file)
    # A torn temporary file: pueued fails at every save beside it.
    with contextlib.suppress(FileNotFoundError):
        Path(f"{arguments.state_file}.partial").unlink()
    copies = arguments.notes / "state"
    problem = check(arguments.state_file)
    if problem:
        sys.stderr.write(
            f"fleet.jobs: pueued is not started: {arguments.state_file} {problem}. pueued would "
            f"replace it by an empty queue. Copies of earlier states are in {copies}; put one "
            "back if you know what ended since, or move the file away for an empty queue.\n"
        )
        return REFUSED
    keep(arguments.state_file, copies)
    plan_resume(arguments.notes, running_groups(arguments.state_file))
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


def _state(path: Path) -> t.Any:
    content = path.read_bytes()
    text = gzip.decompress(content) if path.suffix == ".gz" else content
    return json.loads(text.decode("utf-8"))


def check(path: Path) -> t.Optional[str]:
    """Why pueue 4 would not take this file; None where it would, or where there is none."""
    try:
        state = _state(path)
    except FileNotFoundError:
        return None
    except (OSError, EOFError, ValueError) as error:
        return f"cannot be read ({error})"
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
    _write(target, content)
    for outdated in sorted(folder.glob("state-*"))[:-KEPT]:
        with contextlib.suppress(FileNotFoundError):
            outdated.unlink()
    return target


def running_groups(path: Path) -> t.List[str]:
    """Groups that run, by the state file; none where it cannot be read."""
    try:
        groups = _state(path)["groups"]
        return sorted(name for name, group in groups.items() if group["status"] == "Running")
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError):
        return []


def note_running(notes: Path, groups: t.Sequence[str]) -> None:
    """Remember which groups run, right before pueued is told to stop."""
    notes.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(notes / _STOPPED, json.dumps(list(groups)).encode("utf-8"))


def plan_resume(notes: Path, by_file: t.Sequence[str]) -> None:
    """What ``started`` has to resume. A plan that was not carried out yet is added to, since
    pueued may have saved those groups as paused meanwhile."""
    notes.mkdir(mode=0o700, parents=True, exist_ok=True)
    noted = _names(notes / _STOPPED)
    wanted = {*(by_file if noted is None else noted), *(_names(notes / _RESUME) or ())}
    _write(notes / _RESUME, json.dumps(sorted(wanted)).encode("utf-8"))
    with contextlib.suppress(FileNotFoundError):
        (notes / _STOPPED).unlink()


def resume(notes: Path, pueue: t.Sequence[str]) -> None:
    """Let the planned groups run again, as soon as the daemon answers."""
    limit = time.monotonic() + _ANSWER_SECONDS
    wanted = _names(notes / _RESUME) or []
    paused = _paused(pueue) if wanted else []
    while paused is None and time.monotonic() < limit:
        time.sleep(0.2)
        paused = _paused(pueue)
    if paused is None:
        sys.stderr.write(f"fleet.jobs: pueued does not answer; not resumed: {wanted}\n")
        return
    for name in sorted(set(wanted) & set(paused)):
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(
                [*pueue, "start", "--group", name],
                stdin=subprocess.DEVNULL,
                timeout=_CALL_SECONDS,
                check=False,
            )
    with contextlib.suppress(FileNotFoundError):
        (notes / _RESUME).unlink()


def _paused(pueue: t.Sequence[str]) -> t.Optional[t.List[str]]:
    """Groups that are paused now; None while the daemon does not answer."""
    try:
        done = subprocess.run(
            [*pueue, "group", "--json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_CALL_SECONDS,
            check=False,
        )
        groups = json.loads(done.stdout.decode("utf-8"))
        return [name for name, group in groups.items() if group["status"] == "Paused"]
    except (subprocess.TimeoutExpired, ValueError, KeyError, TypeError, AttributeError):
        return None


def _names(path: Path) -> t.Optional[t.List[str]]:
    try:
        names = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return [str(name) for name in names] if isinstance(names, list) else None


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}")
    handle = os.open(str(partial), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(str(partial), str(path))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
