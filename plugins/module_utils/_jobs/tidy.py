# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What piles up on a host and is needed by nobody any more: found first, then deleted."""

from __future__ import annotations

import contextlib
import shutil
import typing as t
from pathlib import Path

from .._dataclass import dataclass, field
from .._errors import FleetError
from .._files import remove
from .._pueue.selection import Selection
from . import forget, host_tool
from .clean import Wish as Forgettable
from .instance import Instance

DAY = 86400.0
# A controller may be using what it brought; it sends again what is gone.
CODE_SECONDS = DAY
_PASSES = 20


@dataclass(frozen=True)
class Wish:
    """How old in seconds finished tasks, and logs and copies of the state, may become."""

    tasks: float
    files: float
    keep_logs: int = 3


@dataclass
class Report:
    """What was, or in a dry run would be, tidied; ``problem`` is why the queue was left out."""

    removed: int = 0
    logs: t.List[Path] = field(default_factory=list)
    copies: t.List[Path] = field(default_factory=list)
    code: t.List[Path] = field(default_factory=list)
    tools: t.List[str] = field(default_factory=list)
    postponed: t.Optional[str] = None
    problem: t.Optional[str] = None


def tidy(instance: Instance, wish: Wish, *, now: float, dry_run: bool) -> Report:
    """The queue first; files are tidied also where it does not answer."""
    report = Report()
    try:
        _queue(instance, wish, report, dry_run=dry_run)
    except FleetError as error:
        report.problem = error.message
    report.logs = old_logs(instance.state_dir, before=now - wish.files)
    report.copies = old_copies(instance.state_dir, before=now - wish.files)
    report.code = old_code(instance.state_dir, before=now - CODE_SECONDS)
    if not dry_run:
        for path in (*report.logs, *report.copies):
            remove(path)
        for folder in {path.parent for path in report.logs}:
            with contextlib.suppress(OSError):
                folder.rmdir()
        for path in report.code:
            delete(path)
    return report


def old_logs(state_dir: Path, *, before: float) -> t.List[Path]:
    """Archived logs that are older, but never a label's newest attempt."""
    found: t.List[Path] = []
    for folder in _entries(state_dir / "logs"):
        logs = _entries(folder)
        whole = [path for path in logs if path.suffix == ".log"]
        numbered = [path for path in whole if path.stem.isdigit()]
        kept = {max(numbered, key=_number, default=None), max(whole, key=_age, default=None)}
        found += [path for path in logs if path not in kept and _age(path) < before]
    return found


def old_copies(state_dir: Path, *, before: float) -> t.List[Path]:
    """Copies of pueue's state file that are older, but never the newest."""
    copies = sorted(_entries(state_dir / "daemon" / "state"), key=_age)
    return [path for path in copies[:-1] if _age(path) < before]


def old_code(state_dir: Path, *, before: float) -> t.List[Path]:
    """Versions of the collection's code that no controller used lately, but never the newest."""
    folders = sorted(_entries(state_dir / "code"), key=_age)
    newest = [path for path in folders if not path.name.startswith(".")][-1:]
    return [path for path in folders if path not in newest and _age(path) < before]


def delete(folder: Path) -> None:
    """A folder with what is in it; of a link nothing but the link."""
    if folder.is_symlink() or not folder.is_dir():
        remove(folder)
    else:
        shutil.rmtree(str(folder), ignore_errors=True)


def sentences(report: Report, wish: Wish) -> t.List[str]:
    """What was, or would be, done."""
    days = f"{wish.files / DAY:g} days"
    counted = [
        (report.removed, "Forget {} finished task{}."),
        (len(report.logs), f"Delete {{}} archived log{{}} older than {days}."),
        (len(report.copies), f"Delete {{}} saved state{{}} older than {days}."),
        (len(report.code), "Delete the code of {} version{} that no controller uses."),
    ]
    said = [text.format(n, "" if n == 1 else "s") for n, text in counted if n]
    return [*said, *report.tools]


def _queue(instance: Instance, wish: Wish, report: Report, *, dry_run: bool) -> None:
    with instance.ledger(read_only=True) as ledger:
        lease = ledger.lease.current()
    if lease is not None:
        report.postponed = f'"{lease.owner}" holds the queue for "{lease.purpose}"'
        return
    allowed = Forgettable(selection=Selection(), older_than=wish.tasks)
    for _unused in range(1 if dry_run else _PASSES):
        done = forget.forget(instance, allowed, keep_logs=wish.keep_logs, check_mode=dry_run)
        report.removed += len(done.removed)
        report.tools += done.tools
        if not (done.left and done.removed):
            break
    if not report.tools:
        with instance.client() as client:
            commands = [task.command for task in client.status().tasks.values()]
        found = host_tool.prune(instance.state_dir, commands=commands, check_mode=dry_run)
        report.tools += found


def _entries(folder: Path) -> t.List[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _age(path: Path) -> float:
    """When it was last written; what has just gone counts as new."""
    try:
        return path.lstat().st_mtime
    except OSError:
        return float("inf")


def _number(path: Path) -> int:
    return int(path.stem)
