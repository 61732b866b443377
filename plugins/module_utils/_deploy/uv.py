# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""uv: where it is, how it is called, and which of its answers means "not yet visible"."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path
from urllib.parse import quote, urlsplit

from .._dataclass import dataclass, field
from .._errors import FleetError
from . import version as versions
from .command import Completed, find_program, inherited, run
from .userinfo import secrets_in

# Borders and arrows of uv's error tree, and its line breaks, differ between uv's versions.
_DRAWING = r"[\s×╰─▶├│]+"
# Each of these makes "there is no version" a statement about us, not about the index.
_NOT_LAG = (
    r"(?i)network was disabled|lack of valid authentication|returned a 40[13]|exclude-newer"
    r"|could not be queried"
)


@dataclass(frozen=True)
class Index:
    """Where packages come from; values reach uv by its environment only, never by argv."""

    url: t.Optional[str] = None
    username: t.Optional[str] = None
    password: t.Optional[str] = field(default=None, repr=False)
    extra: t.Tuple[str, ...] = field(default=(), repr=False)

    @property
    def secrets(self) -> t.Tuple[str, ...]:
        """Texts that no message and no result may hold."""
        urls = (secret for url in (self.url, *self.extra) for secret in secrets_in(url))
        return (*urls, *((self.password,) if self.password else ()))

    def environment(self) -> t.Dict[str, str]:
        values: t.Dict[str, str] = {}
        if self.url:
            values["UV_DEFAULT_INDEX"] = _with_credential(self.url, self.username, self.password)
        if self.extra:
            values["UV_INDEX"] = " ".join(self.extra)
        return values


@dataclass(frozen=True)
class Uv:
    """uv of this account."""

    program: str
    environ: t.Mapping[str, str] = field(repr=False)

    @classmethod
    def find(
        cls,
        *,
        explicit: t.Optional[str] = None,
        index: t.Optional[Index] = None,
        environ: t.Optional[t.Mapping[str, str]] = None,
    ) -> Uv:
        """The given uv, else the one on PATH, in ~/.local/bin or ~/.cargo/bin; never pip."""
        base = inherited(environ)
        program = explicit or find_program("uv", environ=base)
        if program is None:
            raise FleetError(
                "uv is not installed here (looked on PATH, in ~/.local/bin and in ~/.cargo/bin). "
                "Install it for this account; the system's pip is not used, since it may not "
                "touch a system Python.",
                hazard="G-1",
            )
        quiet = {"NO_COLOR": "1", "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never"}
        # An activated environment of ours must not win over the interpreter that is named.
        for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "UV_PROJECT_ENVIRONMENT"):
            base.pop(name, None)
        settings = {} if index is None else index.environment()
        return cls(program=program, environ={**base, **quiet, **settings})

    def install(
        self, *, python: str, package: str, version: str, cwd: Path, timeout: float
    ) -> Completed:
        """One attempt; ``--refresh`` because uv otherwise trusts an index answer for minutes."""
        argv = install_command(self.program, python=python, package=package, version=version)
        return run(argv, cwd=cwd, environ=self.environ, timeout=timeout)


def install_command(program: str, *, python: str, package: str, version: str) -> t.Tuple[str, ...]:
    """The argv of the install, without anything secret."""
    wanted = f"{package}=={version}"
    return (program, "pip", "install", "--python", python, "--refresh", wanted)


def not_yet_visible(said: str, *, package: str, version: str) -> bool:
    """Whether uv said that exactly this version is missing from an index that it could read."""
    text = re.sub(_DRAWING, " ", said)
    if re.search(_NOT_LAG, text):
        return False
    for name, found in re.findall(r"there is no version of ([^\s=<>!~]+)==([^\s,]+)", text):
        if versions.base_name(name) == versions.base_name(package):
            return versions.same(found, version)
    return False


def _with_credential(url: str, username: t.Optional[str], password: t.Optional[str]) -> str:
    if not username and not password:
        return url
    parts = urlsplit(url)
    userinfo = f"{quote(username or '', safe='')}:{quote(password or '', safe='')}"
    return parts._replace(netloc=f"{userinfo}@{parts.netloc.rpartition('@')[2]}").geturl()
