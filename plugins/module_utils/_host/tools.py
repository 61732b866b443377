# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Which of the programs this stack needs are there, and in which version."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import typing as t

TOOLS: t.Mapping[str, str] = {
    "pueue": "pueue",
    "uv": "uv",
    "git": "git",
    "mise": "mise",
    "systemd": "systemctl",
}
# Installers put programs here, and neither cron, ssh nor pueue's jobs look there (G-11).
EXTRA_FOLDERS = ("~/.cargo/bin", "~/.local/bin")
_VERSION = re.compile(r"\d+(?:\.\d+)*")
_SECONDS = 5.0


def find_tool(program: str, *, environ: t.Mapping[str, str]) -> t.Optional[str]:
    """The program's path, on PATH or where installers leave it."""
    home = environ.get("HOME") or os.path.expanduser("~")
    extra = [folder.replace("~", home, 1) for folder in EXTRA_FOLDERS]
    search = os.pathsep.join([environ.get("PATH", os.defpath), *extra])
    return shutil.which(program, path=search)


def tool_version(program: str, *, environ: t.Mapping[str, str]) -> t.Optional[str]:
    """What ``program --version`` says, less the words; None when it is absent or broken."""
    path = find_tool(program, environ=environ)
    return None if path is None else said_version(path, environ=environ)


def said_version(
    path: str,
    *,
    environ: t.Mapping[str, str],
    pattern: t.Pattern[str] = _VERSION,
    seconds: float = _SECONDS,
) -> t.Optional[str]:
    """What of ``PATH --version`` fits the pattern; None where the program does not run."""
    try:
        done = subprocess.run(
            [path, "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
            env=dict(environ),
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = pattern.search(done.stdout.decode("utf-8", "replace"))
    return match.group(0) if match and done.returncode == 0 else None


def versions(*, environ: t.Optional[t.Mapping[str, str]] = None) -> t.Dict[str, t.Optional[str]]:
    """All of them."""
    values = os.environ if environ is None else environ
    return {name: tool_version(program, environ=values) for name, program in TOOLS.items()}
