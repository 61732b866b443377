# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What an account needs before jobs of a project run: git without a prompt, and mise's trust."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

from .._errors import FleetError, Refused
from .command import Completed, find_program, inherited, last_words, run
from .mise import QUIET

_SECONDS = 60.0


class Mise:
    """mise of this account, asked about exactly one project."""

    def __init__(
        self,
        project: Path,
        *,
        program: t.Optional[str] = None,
        environ: t.Optional[t.Mapping[str, str]] = None,
    ) -> None:
        self.project = project
        self._environ = {**inherited(environ), **QUIET}
        self._program = program or find_program("mise", environ=self._environ)

    def trusts(self, *, read_only: bool = False) -> bool:
        """Whether mise would use the project's configuration.

        Its record is looked at first: an answer of mise leaves files behind, and says nothing about
        a checkout that is still empty.
        """
        if not self.project.is_dir():
            return False
        return self._recorded() or (not read_only and self._shown())

    def plan(self, *, check_mode: bool) -> t.List[str]:
        """What is left to do, as sentences."""
        if self.trusts(read_only=check_mode):
            return []
        made = [] if self.project.is_dir() else [f'make the directory "{self.project}"']
        return [*made, f'trust "{self.project}" in mise']

    def trust(self) -> None:
        """Trust exactly this project, and see that mise took it so."""
        self.project.mkdir(parents=True, exist_ok=True)
        done = self._run("trust", str(self.project))
        if done.rc != 0 or not self.trusts():
            words = last_words(done.stderr or done.text)
            raise FleetError(
                f'"mise trust {self.project}" did not make mise trust it (exit code {done.rc}): '
                f"{words}",
                hazard="G-8",
            )

    def _shown(self) -> bool:
        if self._program is None:
            return False
        home = self._environ.get("HOME") or os.path.expanduser("~")
        for line in self._run("trust", "--show").text.splitlines():
            place, _unused, answer = line.rpartition(": ")
            path = place.replace("~", home, 1) if place.startswith("~") else place
            if os.path.realpath(path) == os.path.realpath(str(self.project)):
                return answer.strip() == "trusted"
        return False

    def _recorded(self) -> bool:
        """mise keeps a link to each directory that it was told to trust."""
        state = self._environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
        folder = Path(self._environ.get("MISE_STATE_DIR") or os.path.join(state, "mise"))
        links = (folder / "trusted-configs").glob("*")
        wanted = os.path.realpath(str(self.project))
        return any(os.path.realpath(str(one)) == wanted for one in links if one.is_symlink())

    def _run(self, *arguments: str) -> Completed:
        if self._program is None:
            raise FleetError(
                "mise is not installed for this account (looked on PATH, in ~/.local/bin and "
                "~/.cargo/bin). Install it first, or say with the option mise where it is.",
                hazard="G-8",
            )
        return run(
            [self._program, *arguments],
            cwd=self.project,
            environ=self._environ,
            timeout=_SECONDS,
        )


def has_git(*, environ: t.Optional[t.Mapping[str, str]] = None) -> bool:
    """Whether the repository can be asked at all."""
    return find_program("git", environ=inherited(environ)) is not None


def check_project(value: str) -> Path:
    """A project's own directory: to trust a home or a root would trust too much."""
    project = Path(os.path.expanduser(value))
    if not project.is_absolute():
        raise FleetError(f'project "{value}" is relative; give an absolute path or one with "~".')
    if project.exists() and not project.is_dir():
        raise FleetError(f'project "{project}" is there, but is no directory.')
    real = os.path.realpath(str(project))
    if real in ("/", os.path.realpath(os.path.expanduser("~"))):
        raise Refused(
            f'project "{project}" is no project but a whole home or root. Give the directory of '
            "the checkout.",
            hazard="G-8",
        )
    return project
