# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The steps of a change as data, and which files are among them."""

from __future__ import annotations

import typing as t
from pathlib import Path

from .._dataclass import dataclass, field
from .._jobs.environment import job_path_file
from . import unit
from .residents import Resident
from .sight import Sight, helper_text
from .wish import DaemonWish

Facts = t.Dict[str, t.Any]


@dataclass(frozen=True)
class FileChange:
    """A file as it is to be; ``text`` None removes it, ``keep`` leaves the old one beside it."""

    path: Path
    text: t.Optional[str]
    mode: int = 0o600
    there: bool = False
    keep: bool = False

    @property
    def sentence(self) -> str:
        """What is done to it."""
        if self.text is None:
            return f'Remove "{self.path}".'
        said = f'{"Change" if self.there else "Write"} "{self.path}"'
        if self.keep:
            return f'{said}; it stays as "{kept_name(self.path).name}" beside it.'
        return f"{said}."


@dataclass(frozen=True)
class DaemonPlan:
    """Steps in the order in which they are taken: stop, write, start.

    ``kept`` is a daemon of somebody else that goes on as it is; nothing is stopped or started then.
    """

    stop: t.Optional[Resident] = None
    start: bool = False
    enable: bool = False
    timer: bool = False
    disable: t.Tuple[str, ...] = ()
    files: t.Tuple[FileChange, ...] = ()
    close: t.Tuple[Path, ...] = ()
    reload: bool = False
    sentences: t.Tuple[str, ...] = ()
    warnings: t.Tuple[str, ...] = ()
    before: Facts = field(default_factory=dict)
    after: Facts = field(default_factory=dict)
    kept: t.Optional[Resident] = None

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.sentences)

    @property
    def touches(self) -> bool:
        """Whether a daemon is stopped or started."""
        return self.stop is not None or self.start


def kept_name(path: Path) -> Path:
    """Where somebody's own file stays when it is replaced."""
    return path.with_name(f"{path.name}.before-fleet-jobs")


def of_daemon(wish: DaemonWish, sight: Sight, texts: unit.Texts) -> t.Tuple[FileChange, ...]:
    """What the daemon's own unit needs."""
    if sight.config is None:
        raise AssertionError("sight.config")
    changes = []
    if sight.config.write:
        lost = sight.config.comments_lost
        there = sight.config_text is not None
        changes.append(FileChange(wish.config_path, sight.config.text, there=there, keep=lost))
    if sight.helper != helper_text():
        there = sight.helper is not None
        changes.append(FileChange(wish.helper, helper_text(), there=there))
    found = sight.unit_files.get(wish.unit)
    if found != texts.service:
        keep = found is not None and not unit.ours(found)
        path = sight.account.units / wish.unit
        changes.append(FileChange(path, texts.service, 0o644, found is not None, keep))
    return tuple(changes)


def around_it(wish: DaemonWish, sight: Sight, texts: unit.Texts) -> t.Tuple[FileChange, ...]:
    """What takes effect without a restart of the daemon: the path of jobs, and the timer."""
    changes = []
    if sight.job_path != wish.job_path:
        text = "".join(f"{folder}\n" for folder in wish.job_path) or None
        there = bool(sight.job_path)
        changes.append(FileChange(job_path_file(wish.state_dir), text, there=there))
    wanted = dict(texts.others)
    for name in unit.tidy_names(wish):
        text = sight.unit_files.get(name)
        if wanted.get(name) != text and (name in wanted or unit.ours(text)):
            keep = text is not None and not unit.ours(text)
            path = sight.account.units / name
            changes.append(FileChange(path, wanted.get(name), 0o644, text is not None, keep))
    return tuple(changes)


def timer_wanted(wish: DaemonWish, sight: Sight) -> bool:
    """Whether the timer has to be started."""
    return wish.tidy is not None and (sight.timer.active != "active" or not sight.timer.enabled)


def in_units(sight: Sight, files: t.Sequence[FileChange]) -> bool:
    """Whether the manager has to read its units again."""
    return any(change.path.parent == sight.account.units for change in files)
