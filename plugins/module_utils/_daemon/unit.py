# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The text of our user units, and what of such a text matters.

Why it is as it is: ``KillMode=mixed``, so that pueued alone gets the TERM, ends its jobs itself and
records that; with ``control-group`` the jobs get it as well, and one that exits 0 on TERM is
recorded as a success. When pueued dies by itself, systemd kills what is left in the unit, since
pueue calls it killed from then on and whoever restarts it would have it twice. A capped job is not
in the unit but in a scope of its own: it lives on, and the guard counts it as running.

Nothing that narrows what a process may do (private /tmp, read-only system) is here: jobs are
children of the daemon and would be narrowed with it.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

from .._dataclass import dataclass
from .._jobs.environment import DEFAULT_PATH, TOOL_FOLDERS
from .._jobs.host_tool import tool_link
from .._pueue.config import Config
from .wish import Account, DaemonWish

MARK = "# Managed by fleet.jobs (module pueue_daemon)."
_HEAD = f"{MARK} Changes here are undone; yours belong into {{name}}.d/*.conf.\n"
# Room for pueued's save of a large queue, and for tasks that hang in the kernel.
_STOP_SECONDS = 180
_RESTART_SECONDS = 10
_RESTARTS = 5
_RESTARTS_SECONDS = 600


@dataclass(frozen=True)
class Texts:
    """File names and contents of the units; the daemon's own is the first."""

    service: str
    others: t.Tuple[t.Tuple[str, str], ...] = ()


def texts(wish: DaemonWish, config: Config, account: Account, *, python: str) -> Texts:
    """The units that the wish means."""
    timer: t.Tuple[t.Tuple[str, str], ...] = ()
    if wish.tidy is not None:
        timer = (
            (tidy_names(wish)[0], _tidy_service(wish, python=python)),
            (tidy_names(wish)[1], _tidy_timer(wish)),
        )
    return Texts(_service(wish, config, account, python=python), timer)


def tidy_names(wish: DaemonWish) -> t.Tuple[str, str]:
    """The service and the timer that tidy this instance."""
    return f"{wish.stem}-tidy.service", f"{wish.stem}-tidy.timer"


def path_variable(account: Account) -> str:
    """PATH of the daemon and its callbacks: the account's tools, then the system."""
    own = [str(account.home / folder) for folder in TOOL_FOLDERS]
    return ":".join([*own, DEFAULT_PATH])


def _service(wish: DaemonWish, config: Config, account: Account, *, python: str) -> str:
    lines = [
        _HEAD.format(name=wish.unit) + "[Unit]",
        f"Description=pueue {wish.version}, the job queue of {_plain(account.name)}",
        f"StartLimitIntervalSec={_RESTARTS_SECONDS}",
        f"StartLimitBurst={_RESTARTS}",
        "",
        "[Service]",
        "Type=exec",
        *_commands(wish, config, account, python=python),
        "Restart=on-failure",
        f"RestartSec={_RESTART_SECONDS}",
        "# pueued alone gets the TERM, ends its jobs and records that. What is left here when it",
        "# died by itself is ended, since pueue calls it killed; a capped job is in its own scope.",
        "KillMode=mixed",
        f"TimeoutStopSec={_STOP_SECONDS}",
        "UMask=0077",
        "LimitNOFILE=8192:524288",
        f"Environment={quoted('PATH=' + path_variable(account))}",
        "OOMPolicy=continue",
        *_memory(wish, account),
        *_runtime(config, account),
        "",
        "[Install]",
        "WantedBy=default.target",
        "",
        "[X-FleetJobs]",
        f"Version={wish.version}",
        f"StateDir={_plain(str(wish.state_dir))}",
        f"PueueDirectory={_plain(str(config.pueue_directory))}",
        f"Config={_plain(str(wish.config_path))}",
    ]
    return "\n".join(lines) + "\n"


def _commands(
    wish: DaemonWish, config: Config, account: Account, *, python: str
) -> t.Iterator[str]:
    """The daemon and the helper's steps around it; only the first of them may say no."""

    def step(name: str) -> t.List[str]:
        words = [python, "-I", "-S", str(wish.helper), name]
        return [*words, "--state-file", str(config.state_file), "--notes", str(wish.notes)]

    before = [*step("before"), "--pid-file", str(config.pid_path)]
    for folder in _private_folders(config, account):
        before += ["--directory", str(folder)]
    options = ["--config", str(wish.config_path)]
    started = [*step("started"), "--pueue", str(wish.binaries / "pueue"), *options]
    yield f"ExecStartPre={command(before)}"
    yield f"ExecStart={command([str(wish.pueued), *options])}"
    yield f"ExecStartPost=-{command(started)}"
    yield f"ExecStop=-{command(step('stop'))}"


def _memory(wish: DaemonWish, account: Account) -> t.List[str]:
    """An account cannot go below its manager's own score, so the daemon gets that one. root could,
    and every job that does not raise its score by itself would be as safe as the daemon."""
    if not wish.protected_bytes:
        return []
    score = ["OOMScoreAdjust=-500"] if account.uid else []
    return [*score, f"MemoryLow={wish.protected_bytes}", "ManagedOOMPreference=avoid"]


def _runtime(config: Config, account: Account) -> t.List[str]:
    """Made by systemd and removed with the unit, so that no stale socket or pid file is left."""
    try:
        below = config.runtime_directory.relative_to(account.runtime)
    except ValueError:
        return []
    if below == Path("."):
        return []
    return [f"RuntimeDirectory={quoted(str(below))}", "RuntimeDirectoryMode=0700"]


def _private_folders(config: Config, account: Account) -> t.List[Path]:
    folders = [config.pueue_directory, config.runtime_directory, config.pid_path.parent]
    if config.use_unix_socket:
        folders.append(config.unix_socket_path.parent)
    return [path for path in dict.fromkeys(folders) if path != account.runtime]


def _tidy_service(wish: DaemonWish, *, python: str) -> str:
    if wish.tidy is None:
        raise AssertionError("wish.tidy")
    words = [python, "-I", "-S", str(tool_link(wish.state_dir)), "tidy"]
    words += ["--pueue-config", str(wish.config_path), "--state-dir", str(wish.state_dir)]
    words += ["--keep-days", str(wish.tidy.keep_days)]
    name = tidy_names(wish)[0]
    return (
        f"{_HEAD.format(name=name)}[Unit]\nDescription=Tidy the queue of {wish.unit}\n"
        f"After={wish.unit}\n\n[Service]\nType=oneshot\nUMask=0077\nNice=10\n"
        f"ExecStart={command(words)}\n"
    )


def _tidy_timer(wish: DaemonWish) -> str:
    if wish.tidy is None:
        raise AssertionError("wish.tidy")
    name = tidy_names(wish)[1]
    return (
        f"{_HEAD.format(name=name)}[Unit]\nDescription=Tidy the queue of {wish.unit}\n\n"
        f"[Timer]\nOnCalendar={_plain(wish.tidy.schedule)}\nPersistent=true\n"
        "RandomizedDelaySec=15min\n\n[Install]\nWantedBy=timers.target\n"
    )


def command(words: t.Iterable[str]) -> str:
    """A command line as systemd reads it."""
    return " ".join(quoted(word.replace("$", "$$")) for word in words)


def quoted(word: str) -> str:
    """One word, quoted only where it must be; percent signs are specifiers."""
    text = word.replace("%", "%%")
    if text and all(letter.isalnum() or letter in "/._-+=:@%,$" for letter in text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _plain(text: str) -> str:
    return text.replace("%", "%%")


def ours(text: t.Optional[str]) -> bool:
    """Whether a unit file was written by this module."""
    return text is not None and text.startswith(MARK)


def same(one: t.Optional[str], other: t.Optional[str]) -> bool:
    """Whether two units mean the same to systemd: comments and blank lines do not count."""
    return one is not None and other is not None and _meaning(one) == _meaning(other)


def _meaning(text: str) -> t.List[str]:
    return [line for line in text.splitlines() if line.strip() and line[:1] not in "#;"]


def value(text: str, key: str) -> str:
    """The last value of a key in a unit's text; empty where it has none."""
    found = [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{key}=")]
    return found[-1].replace("%%", "%") if found else ""
