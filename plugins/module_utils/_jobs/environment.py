# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What a job finds around it: variables, PATH, and mise where the project has it."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

# What may go into pueue's state file, in clear text: what a program needs to start, no secret.
SUBMITTED = (
    "PATH",
    "HOME",
    "LANG",
    "USER",
    "SHELL",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
)
OVERRIDES_MARKER = "FLEET_JOBS_OVERRIDES"
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TOOL_FOLDERS = (".cargo/bin", ".local/bin")
MISE_CONFIGS = (
    "mise.toml",
    ".mise.toml",
    "mise.local.toml",
    ".mise.local.toml",
    "mise/config.toml",
    ".mise/config.toml",
    ".config/mise.toml",
    ".tool-versions",
)


def minimal(environ: t.Mapping[str, str]) -> t.Dict[str, str]:
    """The part of the submitter's environment that may be stored with a task (AP-16)."""
    return {name: environ[name] for name in SUBMITTED if name in environ}


def job_path_file(state_dir: Path) -> Path:
    """Where ``job_path`` of fleet.jobs.pueue_daemon is kept, one folder a line."""
    return state_dir / "job-path"


def job_path(state_dir: Path) -> t.Tuple[str, ...]:
    """Folders that come first in every job's PATH; none where nobody asked for any."""
    try:
        text = job_path_file(state_dir).read_text(encoding="utf-8")
    except OSError:
        return ()
    return tuple(line for line in text.splitlines() if line.startswith("/"))


def build(
    base: t.Mapping[str, str],
    *,
    secrets: t.Mapping[str, str],
    first: t.Sequence[str] = (),
) -> t.Dict[str, str]:
    """The job's variables: ``base`` without mise's own diff (G-16), secrets, then overrides.

    ``PUEUE_*`` stays, so a job can still pin itself to its worker's slot. ``first`` are folders
    that come before all others in PATH.
    """
    values = {name: value for name, value in base.items() if not name.startswith("__MISE_")}
    values.setdefault("HOME", os.path.expanduser("~"))
    values.update(secrets)
    values.update(overrides(base))
    path = search_path(values.get("PATH", ""), home=values["HOME"])
    values["PATH"] = os.pathsep.join([*first, path])
    return values


def search_path(path: str, *, home: str) -> str:
    """PATH with the account's own tool folders at its end (G-11)."""
    folders = (path or DEFAULT_PATH).split(os.pathsep)
    for name in TOOL_FOLDERS:
        folder = os.path.join(home, name)
        if folder not in folders:
            folders.append(folder)
    return os.pathsep.join(folders)


def overrides(base: t.Mapping[str, str]) -> t.Dict[str, str]:
    """The recorded one-off values (INV-5) that a submission marked as such."""
    names = [name for name in base.get(OVERRIDES_MARKER, "").split(",") if name]
    return {name: base[name] for name in names if name in base}


def mise_config(directory: Path) -> t.Optional[Path]:
    """The mise configuration that applies in ``directory``, nearest first."""
    for folder in (directory, *directory.parents):
        for name in MISE_CONFIGS:
            path = folder / name
            if path.is_file():
                return path
    return None


def through_mise(
    argv: t.Sequence[str],
    *,
    directory: Path,
    path: str,
    above: t.Mapping[str, str],
) -> t.Tuple[t.List[str], t.Optional[str]]:
    """``mise exec -- argv`` where the project has mise (G-15); and a remark where it cannot be.

    ``above`` are the values that stay above mise's ``[env]``: secrets, which are empty there
    (AP-16), and recorded overrides (INV-5).
    """
    config = mise_config(directory)
    if config is None:
        return list(argv), None
    program = find_program("mise", path=path)
    if program is None:
        return list(argv), f'"{config}" was not applied: mise is not on PATH (G-15)'
    return [program, "exec", "--", *_set_again(argv, above)], None


def _set_again(argv: t.Sequence[str], values: t.Mapping[str, str]) -> t.List[str]:
    """A shell that reads ``values`` from memory and becomes ``argv``.

    Neither a command line nor a file ever shows them.
    """
    if not values:
        return list(argv)
    quoted = {name: value.replace("'", "'\\''") for name, value in values.items()}
    text = "".join(f"export {name}='{value}'\n" for name, value in quoted.items())
    handle = os.memfd_create("fleet-jobs", 0)
    os.write(handle, text.encode("utf-8", "surrogateescape"))
    close = f"exec {handle}<&-; " if handle < 10 else ""
    return ["/bin/sh", "-c", f'. /dev/fd/{handle}; {close}exec "$@"', "sh", *argv]


def find_program(name: str, *, path: str) -> t.Optional[str]:
    """The file that exec would run; ``shutil.which`` costs an import that every job would pay."""
    for folder in path.split(os.pathsep):
        candidate = os.path.join(folder or ".", name)
        if os.access(candidate, os.X_OK) and os.path.isfile(candidate):
            return candidate
    return None
