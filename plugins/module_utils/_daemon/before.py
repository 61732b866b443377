# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What a change found: files with their modes, folders' modes, units enabled or running."""

from __future__ import annotations

import contextlib
import typing as t
from pathlib import Path

from .._errors import FleetError
from .._files import remove, write_atomic
from .manager import Manager, UnitState

_SECONDS = 60.0


class Before:
    """Each thing is noted right before it is changed; ``put_back`` makes it so again."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager
        self._files: t.Dict[Path, t.Optional[t.Tuple[bytes, int]]] = {}
        self._folders: t.Dict[Path, int] = {}
        self._units: t.Dict[str, UnitState] = {}

    def note_file(self, path: Path) -> None:
        """As it is, or that there is none."""
        if path not in self._files:
            self._files[path] = content_and_mode(path) if path.exists() else None

    def note_folder(self, path: Path) -> None:
        """Who may look in."""
        self._folders.setdefault(path, path.stat().st_mode & 0o7777)

    def note_unit(self, name: str) -> None:
        """Whether it is enabled, and for a timer whether it runs."""
        if name not in self._units:
            self._units[name] = self._manager.state(name)

    def put_back(self) -> None:
        """Everything that was noted. The daemon itself is started by whoever knows how."""
        # As long as their files are there: links to a unit without one are left behind.
        self._withdraw_units()
        for path, found in self._files.items():
            if found is None:
                remove(path)
            else:
                write_atomic(path, found[0], mode=found[1])
        for folder, mode in self._folders.items():
            folder.chmod(mode)
        if self._files or self._units:
            self._manager.reload()
        self._restore_units()

    def _withdraw_units(self) -> None:
        for name, state in self._units.items():
            with contextlib.suppress(FleetError):
                if name.endswith(".timer") and not state.runs:
                    self._manager.stop(name, seconds=_SECONDS)
                if not state.enabled and self._manager.state(name).enabled:
                    self._manager.disable(name)

    def _restore_units(self) -> None:
        for name, state in self._units.items():
            if state.enabled and not self._manager.state(name).enabled:
                self._manager.enable(name)
            if name.endswith(".timer") and state.runs:
                self._manager.start(name, seconds=_SECONDS)


def content_and_mode(path: Path) -> t.Tuple[bytes, int]:
    """Both, of a file that is there."""
    return path.read_bytes(), path.stat().st_mode & 0o7777
