# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What is asked of a daemon, with every path absolute; and the account it is asked for."""

from __future__ import annotations

import os
import pwd
import re
import typing as t
from pathlib import Path

from .._dataclass import dataclass
from .._errors import FleetError
from .._jobs.instance import DEFAULT_STATE_DIR
from .._quantity import parse_bytes

_UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,80}\.service")
# What clients of ours know to speak; see _pueue/handshake.py.
_VERSION = re.compile(r"4\.0\.\d+")
_DIGEST = re.compile(r"[0-9a-f]{64}")
PROGRAMS = ("pueue", "pueued")
LONGEST_SLICE_SECONDS = 50.0


@dataclass(frozen=True)
class Account:
    """Whose daemon it is: this process's user, whatever the environment says."""

    name: str
    uid: int
    home: Path
    runtime: Path

    @classmethod
    def own(cls, environ: t.Mapping[str, str]) -> Account:
        """Over ssh and become XDG_RUNTIME_DIR is often unset, or another account's."""
        entry = pwd.getpwuid(os.getuid())
        runtime = Path(environ.get("XDG_RUNTIME_DIR") or f"/run/user/{entry.pw_uid}")
        try:
            mine = runtime.stat().st_uid == entry.pw_uid
        except OSError:
            mine = False
        if not mine:
            runtime = Path(f"/run/user/{entry.pw_uid}")
        return cls(entry.pw_name, entry.pw_uid, Path(entry.pw_dir), runtime)

    @property
    def units(self) -> Path:
        """Where the user manager reads units of the account."""
        return self.home / ".config" / "systemd" / "user"

    def environ(self, environ: t.Mapping[str, str]) -> t.Dict[str, str]:
        """``environ`` as the account's own manager would set it."""
        values = {name: value for name, value in environ.items() if name != "PUEUE_CONFIG_PATH"}
        values.update(
            HOME=str(self.home),
            USER=self.name,
            XDG_RUNTIME_DIR=str(self.runtime),
            DBUS_SESSION_BUS_ADDRESS=f"unix:path={self.runtime}/bus",
            LC_ALL="C",
        )
        return values


@dataclass(frozen=True)
class Tidy:
    """When finished tasks and old files are tidied, and how old they must be."""

    schedule: str
    keep_days: int


@dataclass(frozen=True)
class Earlier:
    """What earlier slices of the same run did: when they began to wait, under which lease of
    theirs, and which groups they froze."""

    since: t.Optional[float] = None
    token: t.Optional[str] = None
    frozen: t.Tuple[str, ...] = ()


NOTHING_EARLIER = Earlier()


@dataclass(frozen=True)
class DaemonWish:
    """The options, checked; None means "as the configuration has it, or our default"."""

    present: bool
    unit: str
    config_path: Path
    state_dir: Path
    version: str = ""
    binaries: Path = Path()
    checksums: t.Tuple[t.Tuple[str, str], ...] = ()
    pueue_directory: t.Optional[Path] = None
    runtime_directory: t.Optional[Path] = None
    socket: t.Optional[Path] = None
    listen: t.Optional[t.Tuple[str, int]] = None
    job_path: t.Tuple[str, ...] = ()
    protected_bytes: int = 0
    adopt: str = "refuse"
    upgrade: str = "drain"
    drain_timeout: float = 0.0
    start_timeout: float = 0.0
    tidy: t.Optional[Tidy] = None
    slice_seconds: float = 0.0
    earlier: Earlier = NOTHING_EARLIER

    @property
    def stem(self) -> str:
        """The unit's name without its suffix."""
        return self.unit[: -len(".service")]

    @property
    def pueued(self) -> Path:
        """The program that the unit starts."""
        return self.binaries / "pueued"

    @property
    def helper(self) -> Path:
        """What the unit runs around pueued."""
        return self.notes / "unit-steps.py"

    @property
    def notes(self) -> Path:
        """Where that helper keeps what it has to remember."""
        return self.state_dir / "daemon"

    @property
    def copies(self) -> Path:
        """Copies of the state file, the newest few."""
        return self.notes / "state"


def parse(params: t.Mapping[str, t.Any], account: Account) -> DaemonWish:
    """Check the module's options."""
    present = params["state"] == "present"
    if not _UNIT.fullmatch(params["unit"]):
        raise FleetError(
            f'unit: "{params["unit"]}" is no name of a service; write for example pueued.service.'
        )
    wish = DaemonWish(
        present=present,
        unit=params["unit"],
        config_path=_config_path(params, account),
        state_dir=_absolute(params["state_dir"] or DEFAULT_STATE_DIR, "state_dir", account),
        adopt=params["adopt"],
        upgrade=params["upgrade"],
        drain_timeout=params["drain_timeout"],
        start_timeout=params["start_timeout"],
        slice_seconds=min(params["slice_seconds"], LONGEST_SLICE_SECONDS),
        earlier=_earlier(params["waiting"]),
    )
    return _present(wish, params, account) if present else wish


def _present(wish: DaemonWish, params: t.Mapping[str, t.Any], account: Account) -> DaemonWish:
    version = params["version"]
    if not _VERSION.fullmatch(version):
        raise FleetError(
            f'version: "{version}" is not supported; this collection speaks with pueue 4.0.x.'
        )
    listen = params["listen"]
    fields = {
        **wish.__dict__,
        "version": version,
        "binaries": _absolute(params["binaries"], "binaries", account),
        "checksums": _checksums(params["checksums"] or {}),
        "job_path": _job_path(params["job_path"] or [], account),
        "protected_bytes": parse_bytes(params["memory_protection"], option="memory_protection"),
        "listen": _listen(listen) if listen else None,
        "tidy": _tidy(params["tidy"]) if params["tidy"] else None,
    }
    for name in ("pueue_directory", "runtime_directory", "socket"):
        fields[name] = _absolute(params[name], name, account) if params[name] else None
    return DaemonWish(**fields)


def _earlier(given: t.Mapping[str, t.Any]) -> Earlier:
    since = given.get("since")
    return Earlier(
        float(since) if since is not None else None,
        given.get("token"),
        tuple(str(name) for name in given.get("frozen") or ()),
    )


def _config_path(params: t.Mapping[str, t.Any], account: Account) -> Path:
    given = params["pueue_config"] or "~/.config/pueue/pueue.yml"
    return _absolute(given, "pueue_config", account)


def _absolute(value: str, option: str, account: Account) -> Path:
    text = str(account.home) + value[1:] if value == "~" or value.startswith("~/") else value
    if not text.startswith("/"):
        raise FleetError(
            f'{option}: "{value}" is relative; give an absolute path or one that starts with "~".'
        )
    if "\n" in text:
        raise FleetError(f"{option}: a path must not hold a line break.")
    return Path(os.path.normpath(text))


def _checksums(given: t.Mapping[str, t.Any]) -> t.Tuple[t.Tuple[str, str], ...]:
    found = []
    for program in PROGRAMS:
        digest = (given.get(program) or "").lower()
        if digest and not _DIGEST.fullmatch(digest):
            raise FleetError(
                f'checksums.{program}: "{digest[:80]}" is no SHA-256 (64 hexadecimal digits).'
            )
        if digest:
            found.append((program, digest))
    return tuple(found)


def _job_path(folders: t.Sequence[str], account: Account) -> t.Tuple[str, ...]:
    found = []
    for folder in folders:
        path = str(_absolute(folder, "job_path", account))
        if ":" in path:
            raise FleetError(f'job_path: "{folder}" holds a ":", which would make two of it.')
        found.append(path)
    return tuple(found)


def _listen(given: t.Mapping[str, t.Any]) -> t.Tuple[str, int]:
    if not 1 <= given["port"] <= 65535:
        raise FleetError(f"listen.port: {given['port']} is no port; give 1 to 65535.")
    return given["host"], given["port"]


def _tidy(given: t.Mapping[str, t.Any]) -> Tidy:
    if given["keep_days"] < 1:
        raise FleetError(f"tidy.keep_days: {given['keep_days']} is less than 1 day.")
    if not given["schedule"].strip() or "\n" in given["schedule"]:
        raise FleetError("tidy.schedule: give a calendar expression of systemd such as daily.")
    return Tidy(given["schedule"].strip(), given["keep_days"])
