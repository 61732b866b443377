# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Whether a project is run through mise, and what a fresh checkout needs for that (G-8)."""

from __future__ import annotations

import typing as t
from pathlib import Path

from .command import find_program, inherited

_FILES = ("mise.toml", ".mise.toml", ".config/mise.toml", "mise/config.toml", ".tool-versions")
# Looking must not install a tool, nor answer a question in somebody's name.
QUIET = {
    "MISE_AUTO_INSTALL": "0",
    "MISE_EXEC_AUTO_INSTALL": "0",
    "MISE_NOT_FOUND_AUTO_INSTALL": "0",
    "MISE_QUIET": "1",
}


def config_of(project: Path) -> t.Optional[Path]:
    """The project's mise configuration, if it has one."""
    return next((project / name for name in _FILES if (project / name).is_file()), None)


def program(project: Path, *, environ: t.Mapping[str, str]) -> t.Optional[str]:
    """mise, where the project has a configuration for it and this account has mise."""
    return find_program("mise", environ=environ) if config_of(project) is not None else None


def trust_note(
    project: Path, *, environ: t.Optional[t.Mapping[str, str]] = None
) -> t.Optional[str]:
    """What to run once per checkout before jobs can use mise there; we never trust by ourselves."""
    config = config_of(project)
    if config is None or config.name == ".tool-versions":
        return None
    if program(project, environ=inherited(environ)) is None:
        return None
    return (
        f'"{config}" is used by mise only where it is trusted (G-8): if jobs report an untrusted '
        f'configuration, run: mise trust "{config}"'
    )
