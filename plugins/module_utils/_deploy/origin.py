# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The git checkout that a file belongs to, and what it says about that file."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

from .._dataclass import dataclass
from .._errors import FleetError
from .git import Git
from .worktree import Worktree, shown


@dataclass(frozen=True)
class Tree:
    """HEAD of a checkout, its tracked files that differ from it, and its tracked files."""

    root: Path
    head: t.Optional[str]
    changed: t.Tuple[str, ...]
    tracked: t.FrozenSet[str]

    @classmethod
    def around(
        cls, path: Path, *, environ: t.Optional[t.Mapping[str, str]] = None
    ) -> t.Optional[Tree]:
        """The checkout around ``path``; None where there is none, or no git to ask."""
        start = Path(os.path.realpath(str(path)))
        tops = (one for one in (start, *start.parents) if os.path.lexists(str(one / ".git")))
        root = next(tops, None)
        if root is None:
            return None
        try:
            worktree = Worktree.find(Git.find(root, environ=environ))
            if worktree is None:
                return None
            status = worktree.status()
            tracked = frozenset(worktree.tracked())
        except FleetError:
            # A broken or foreign checkout has no commit to report; the import itself still counts.
            return None
        return cls(root=root, head=status.head, changed=status.changed, tracked=tracked)

    def holds(self, file: str) -> bool:
        """Whether git tracks ``file``."""
        return os.path.relpath(os.path.realpath(file), str(self.root)) in self.tracked

    def differing(self) -> t.Tuple[str, ...]:
        """Names of changed files, for a message."""
        return shown(self.changed, limit=5)
