# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The account's own systemd manager, asked through systemctl; and why it cannot be asked."""

from __future__ import annotations

import shutil
import subprocess
import typing as t
from pathlib import Path

from .._dataclass import dataclass
from .._errors import FleetError
from .wish import Account

_SECONDS = 60.0
_PROPERTIES = (
    *("LoadState", "ActiveState", "SubState", "MainPID", "Result", "UnitFileState"),
    "FragmentPath",
)


@dataclass(frozen=True)
class UnitState:
    """A unit as its manager sees it."""

    loaded: bool = False
    active: str = "inactive"
    sub: str = "dead"
    pid: int = 0
    result: str = ""
    enabled: bool = False
    fragment: str = ""

    @property
    def runs(self) -> bool:
        """Whether a process of it is alive, or about to be."""
        return self.active in ("active", "activating", "reloading", "deactivating")


class Manager:
    """``systemctl --user`` of one account."""

    def __init__(
        self, account: Account, *, environ: t.Mapping[str, str], root: Path = Path("/")
    ) -> None:
        self.account = account
        self._environ = account.environ(environ)
        self._root = root

    def problem(self) -> t.Optional[str]:
        """What is missing for user services, and what makes it; None where all is there."""
        name = self.account.name
        enable = f"As root run: loginctl enable-linger {name}"
        if not (self._root / "run/systemd/system").is_dir():
            return (
                "This host does not run systemd (there is no /run/systemd/system), so a user "
                "service cannot keep pueued; start pueued in another way and leave this module out."
            )
        if shutil.which("systemctl", path=self._environ.get("PATH")) is None:
            return "systemctl is not on PATH; install systemd's own programs."
        if not (self._root / "var/lib/systemd/linger" / name).exists():
            return (
                f'The account "{name}" does not linger, so its services end with its last login. '
                f"{enable}"
            )
        runtime = self._root / str(self.account.runtime).lstrip("/")
        if not (runtime / "systemd" / "private").exists():
            return (
                f'The user manager of "{name}" does not run ("{runtime}/systemd/private" does not '
                f"exist). {enable}; where it lingers already: systemctl start "
                f"user@{self.account.uid}.service"
            )
        return None

    def schedule_problem(self, schedule: str) -> t.Optional[str]:
        """What systemd itself has against a calendar expression; None where it has nothing, or
        where it cannot be asked."""
        program = shutil.which("systemd-analyze", path=self._environ.get("PATH"))
        if program is None:
            return None
        try:
            done = self._call([program, "calendar", "--", schedule], seconds=_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            return None
        if done.returncode == 0:
            return None
        said = (done.stderr.strip().splitlines() or ["it is none"])[0]
        return (
            f'tidy.schedule: "{schedule}" is no calendar expression of systemd ({said}). Nothing '
            "was changed; write for example daily, or Mon..Fri 04:30. systemd-analyze calendar "
            "tries one."
        )

    def state(self, unit: str) -> UnitState:
        """How a unit stands; a unit that does not exist is merely not loaded."""
        done = self._run("show", "-p", ",".join(_PROPERTIES), "--", unit)
        values = dict(line.partition("=")[::2] for line in done.splitlines() if "=" in line)
        return UnitState(
            loaded=values.get("LoadState") == "loaded",
            active=values.get("ActiveState", "inactive"),
            sub=values.get("SubState", "dead"),
            pid=int(values.get("MainPID") or 0),
            result=values.get("Result", ""),
            enabled=values.get("UnitFileState") == "enabled",
            fragment=values.get("FragmentPath", ""),
        )

    def is_main(self, unit: str, pid: int, *, user: bool) -> bool:
        """Whether the process is what a unit is for, and not just somewhere inside of it, as
        everything that a login without a session of its own has started."""
        scope = ("--user",) if user else ("--system",)
        words = ("show", "-p", "MainPID", "--value", "--", unit)
        return self._run(*words, scope=scope, check=False).strip() == str(pid)

    def reload(self) -> None:
        """Have the manager read its unit files again."""
        self._run("daemon-reload")

    def enable(self, unit: str) -> None:
        self._run("enable", "--quiet", "--", unit)

    def disable(self, unit: str) -> None:
        self._run("disable", "--quiet", "--", unit)

    def start(self, unit: str, *, seconds: float) -> None:
        """Start; a start limit that was hit before is forgotten."""
        self._run("reset-failed", "--", unit, check=False)
        self._run("start", "--", unit, seconds=seconds)

    def stop(self, unit: str, *, seconds: float) -> None:
        """Stop and wait for it."""
        self._run("stop", "--", unit, seconds=seconds)

    def kill_main(self, unit: str) -> None:
        """SIGKILL to the main process alone. (The option's newer name is unknown before 252.)"""
        self._run("kill", "--kill-who=main", "--signal=KILL", "--", unit)

    def journal(self, unit: str) -> str:
        """The last lines a unit wrote, on one line; empty where they cannot be read."""
        program = shutil.which("journalctl", path=self._environ.get("PATH"))
        if program is None:
            return ""
        words = [program, "--user", "--quiet", "--no-pager", "-o", "cat", "-n", "5", "-u", unit]
        try:
            done = self._call(words, seconds=_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return "; ".join(line.strip() for line in done.stdout.splitlines() if line.strip())[:1000]

    def _run(
        self,
        *words: str,
        seconds: float = _SECONDS,
        check: bool = True,
        scope: t.Sequence[str] = ("--user",),
    ) -> str:
        command = ["systemctl", *scope, "--no-ask-password", *words]
        said = " ".join(command)
        try:
            done = self._call(command, seconds=seconds)
        except subprocess.TimeoutExpired as error:
            raise FleetError(
                f'"{said}" did not come back within {seconds:g} s. Look at it with: systemctl '
                f"--user status, as {self.account.name}."
            ) from error
        except OSError as error:
            raise FleetError(f'"{said}" cannot be run: {error.strerror}.') from error
        if check and done.returncode != 0:
            raise FleetError(f'"{said}" failed: {done.stderr.strip() or done.returncode}')
        return done.stdout

    def _call(
        self, command: t.Sequence[str], *, seconds: float
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env=self._environ,
        )
