# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Stop, write, start, prove that every task is still there; else everything as it was."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import typing as t
from collections import Counter
from pathlib import Path

from .._errors import FleetError, told
from .._files import private_directory, remove, write_atomic
from .._host import process
from .._pueue.config import Config
from .._pueue.errors import DaemonUnreachable
from .._pueue.snapshot import Snapshot
from . import binaries, unit, unit_steps
from .before import Before, content_and_mode
from .manager import Manager
from .residents import Resident
from .sight import ask, running
from .steps import DaemonPlan, FileChange, kept_name
from .wish import DaemonWish

_STOP_SECONDS = 200.0
_POLL_SECONDS = 0.1
_SHOWN = 5


class Swap:
    """One plan carried out on one host."""

    def __init__(
        self, wish: DaemonWish, made: DaemonPlan, manager: Manager, config: t.Optional[Config]
    ) -> None:
        self._wish = wish
        self._plan = made
        self._manager = manager
        self._config = config
        self._before = Before(manager)
        self._state: t.Optional[t.Tuple[bytes, int]] = None
        self._stopped = False

    def run(self, before: t.Optional[Snapshot]) -> t.Optional[Snapshot]:
        """The queue afterwards; None where there is no daemon then."""
        old = self._plan.stop.config if self._plan.stop else self._config
        version = self._old_version()
        try:
            if self._plan.stop is not None:
                self._stopped = True
                end(self._plan.stop, self._manager, spare=bool(running(before)))
            self._copy_state(old)
            self._write()
            if not self._plan.start:
                self._finish()
                return None
            self._manager.start(self._wish.unit, seconds=self._wish.start_timeout)
            after = self._answer()
            prove(before, after)
            self._finish()
            return after
        except (FleetError, OSError) as error:
            cause = told(error)
            raise self._back(cause, old, before, version=version) from error

    def _old_version(self) -> str:
        stop = self._plan.stop
        if stop is None:
            return ""
        found = binaries.version(Path(f"/proc/{stop.pid}/exe"), environ=os.environ)
        return found or "of before"

    def _copy_state(self, config: t.Optional[Config]) -> None:
        """The file as the daemon left it, in memory for the way back and as a copy on disk."""
        with contextlib.suppress(FileNotFoundError):
            if config is not None and self._plan.kept is None:
                self._state = content_and_mode(config.state_file)
                private_directory(self._wish.copies)
                unit_steps.keep(config.state_file, self._wish.copies)

    def _write(self) -> None:
        for name in self._plan.disable:
            self._before.note_unit(name)
            self._manager.disable(name)
            if name.endswith(".timer"):
                self._manager.stop(name, seconds=_STOP_SECONDS)
        for change in self._plan.files:
            self._change_file(change)
        for folder in self._plan.close:
            self._before.note_folder(folder)
            folder.chmod(0o700)
        if self._plan.reload:
            self._manager.reload()
        if self._plan.enable:
            self._before.note_unit(self._wish.unit)
            self._manager.enable(self._wish.unit)

    def _change_file(self, change: FileChange) -> None:
        path = change.path
        self._before.note_file(path)
        if change.text is None:
            remove(path)
            return
        if not path.parent.exists():
            private_directory(path.parent)
        if change.keep:
            self._before.note_file(kept_name(path))
            content, mode = content_and_mode(path)
            write_atomic(kept_name(path), content, mode=mode)
        write_atomic(path, change.text.encode("utf-8"), mode=change.mode)

    def _finish(self) -> None:
        if self._plan.timer:
            timer = unit.tidy_names(self._wish)[1]
            self._before.note_unit(timer)
            self._manager.enable(timer)
            self._manager.start(timer, seconds=self._wish.start_timeout)

    def _answer(self) -> Snapshot:
        """Wait for the handshake of exactly the program that was meant."""
        if self._config is None:
            raise AssertionError("self._config")
        seconds = self._wish.start_timeout
        state = self._manager.state
        try:
            snapshot = ask(self._config, seconds=seconds, alive=lambda: state(self._wish.unit).runs)
        except DaemonUnreachable as error:
            now = state(self._wish.unit)
            raise FleetError(
                f'The unit "{self._wish.unit}" was started and is {now.active} '
                f"({now.sub}, {now.result}): {error.message} "
                f"It wrote: {self._manager.journal(self._wish.unit) or 'nothing'}"
            ) from error
        return self._right_program(snapshot)

    def _right_program(self, snapshot: Snapshot) -> Snapshot:
        state = self._manager.state(self._wish.unit)
        found = os.path.realpath(f"/proc/{state.pid}/exe") if state.pid else ""
        wanted = os.path.realpath(str(self._wish.pueued))
        if found != wanted:
            raise FleetError(
                f'The unit "{self._wish.unit}" runs "{found}" instead of "{wanted}"; a drop-in in '
                f'"{self._manager.account.units / self._wish.unit}.d" may change its ExecStart.'
            )
        return snapshot

    def _back(
        self,
        cause: FleetError,
        old: t.Optional[Config],
        before: t.Optional[Snapshot],
        *,
        version: str,
    ) -> FleetError:
        """Files and state as they were, the old daemon up again; the error that says so."""
        changed = False
        try:
            self._restore(old)
            if not self._stopped or self._plan.stop is None or old is None:
                said = "The files are as they were before."
            else:
                after = revive(self._plan.stop, old, self._manager, self._wish)
                prove(before, after)
                said = f"pueued {version} runs again, with all {len(after.tasks)} tasks."
        except (FleetError, OSError) as second:
            changed = True
            said = (
                f"Going back failed as well: {second} The state file as it was is in "
                f'"{self._wish.copies}".'
            )
        return FleetError(
            f"{cause.message} {said}", hazard=cause.hazard, details={"changed": changed}
        )

    def _restore(self, old: t.Optional[Config]) -> None:
        if self._plan.start:
            with contextlib.suppress(FleetError):
                self._manager.stop(self._wish.unit, seconds=_STOP_SECONDS)
        self._before.put_back()
        # A daemon that was never stopped knows better than its file.
        runs = self._manager.state(self._wish.unit).runs
        if old is not None and self._state is not None and not runs:
            write_atomic(old.state_file, self._state[0], mode=self._state[1])


def end(resident: Resident, manager: Manager, *, spare: bool) -> None:
    """End a daemon on which no job runs: through its unit, else by TERM to that very process.

    With ``spare`` jobs in scopes of their own live on: they are killed by an orderly stop only.
    """
    if resident.unit and spare:
        manager.kill_main(resident.unit)
    if resident.unit:
        manager.stop(resident.unit, seconds=_STOP_SECONDS)
    elif process.identity(resident.pid) == resident.identity:
        os.kill(resident.pid, signal.SIGTERM)
    limit = time.monotonic() + _STOP_SECONDS
    while process.identity(resident.pid) == resident.identity:
        if time.monotonic() >= limit:
            raise FleetError(
                f"pueued, process {resident.pid}, did not end within {_STOP_SECONDS:g} s. It may "
                "wait for a task inside the kernel, as on a dead file system."
            )
        time.sleep(_POLL_SECONDS)


def revive(resident: Resident, config: Config, manager: Manager, wish: DaemonWish) -> Snapshot:
    """Start what was ended, the way it was started before as far as that can be told."""
    if resident.unit:
        manager.start(resident.unit, seconds=wish.start_timeout)
    else:
        program = resident.program
        subprocess.Popen(
            [program, "--config", str(config.path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )
    return ask(config, seconds=wish.start_timeout)


def prove(before: t.Optional[Snapshot], after: Snapshot) -> None:
    """Every task by label and creation, and every group, is there as before."""
    if before is None:
        return
    had = Counter(task.identity for task in before.tasks.values())
    has = Counter(task.identity for task in after.tasks.values())
    lost = list((had - has).elements())
    groups = sorted(set(before.groups) - set(after.groups))
    if lost or groups:
        names = ", ".join(str(label or created) for label, created in lost[:_SHOWN])
        raise FleetError(
            f"After the start {len(lost)} of {len(before.tasks)} tasks are missing ({names}), and "
            f"{len(groups)} groups ({', '.join(groups[:_SHOWN])})."
        )
