# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What is in a checkout right now, read without touching it."""

from __future__ import annotations

import functools
import os
import typing as t
from pathlib import Path

from .._dataclass import dataclass
from .._errors import FleetError
from .git import Git

_STATUS = (
    "status",
    "--porcelain=v2",
    "-z",
    "--branch",
    "--no-renames",
    "--untracked-files=normal",
    # A reset does not enter submodules, so their contents are not its to save.
    "--ignore-submodules=all",
)
_OPERATIONS = {
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
}
_POINTER = b"version https://git-lfs.github.com/spec/"
_GITLINK = "160000"
# git tells what the index has otherwise than a commit; a move goes the other way.
_FROM_INDEX = {"A": "D", "D": "A"}


@dataclass(frozen=True)
class Status:
    """HEAD (None before the first commit), its branch (None when detached), and what differs."""

    head: t.Optional[str]
    branch: t.Optional[str]
    changed: t.Tuple[str, ...]
    untracked: t.Tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """One file that a commit brings (A), changes (M) or lacks (D); its mode and object there."""

    kind: str
    path: str
    mode: str
    blob: str


@dataclass(frozen=True)
class Worktree:
    """The checkout in ``git.directory``."""

    git: Git
    git_dir: Path
    shallow: bool

    @classmethod
    def find(cls, git: Git) -> t.Optional[Worktree]:
        """The checkout whose top is exactly this directory; None where there is none yet."""
        project = git.directory
        if not os.path.lexists(str(project / ".git")):
            if (project / "objects").is_dir() and (project / "HEAD").is_file():
                raise FleetError(
                    f'"{project}" is a bare repository and holds no files that jobs could run. '
                    "Give the path of a checkout."
                )
            return None
        if (project / ".git").is_dir():
            git_dir = project / ".git"
            return cls(git=git, git_dir=git_dir, shallow=(git_dir / "shallow").is_file())
        answer = git.read("rev-parse", "--absolute-git-dir", "--is-shallow-repository")
        place, shallow = answer.text.splitlines()
        return cls(git=git, git_dir=Path(place), shallow=shallow == "true")

    def lock(self) -> t.Optional[Path]:
        """The index lock of a git that runs now, or of one that died."""
        path = self.git_dir / "index.lock"
        return path if os.path.lexists(str(path)) else None

    def operation(self) -> t.Optional[str]:
        """The merge, cherry-pick, revert or rebase that somebody began and did not end."""
        found = (word for name, word in _OPERATIONS.items() if (self.git_dir / name).exists())
        return next(found, None)

    def status(self) -> Status:
        """HEAD and the differences of tracked files; untracked folders count as one entry."""
        return parse_status(self.git.read(*_STATUS).text)

    def has_commit(self, sha: str) -> bool:
        """Whether the commit's object is here."""
        done = self.git.read("cat-file", "-t", sha, ok=(0, 1, 128))
        kind = done.text.strip()
        if done.rc == 0 and kind != "commit":
            peeled = self.git.read("rev-parse", "--verify", f"{sha}^{{commit}}", ok=(0, 1, 128))
            raise FleetError(
                f'"{sha}" is a {kind}, not a commit. Give the commit it names'
                + (f': "{peeled.text.strip()}".' if peeled.rc == 0 else ".")
            )
        return done.rc == 0

    def differences(self, sha: str) -> t.Tuple[Difference, ...]:
        """What a commit has otherwise than the index."""
        options = ("--cached", "--raw", "--no-renames", "-z")
        words = _split(self.git.read("diff-index", *options, sha).text)
        found = []
        for meta, path in zip(words[::2], words[1::2]):
            mode, _dummy, blob, _dummy, kind = meta[1:].split(" ")
            found.append(Difference(_FROM_INDEX.get(kind, kind), path, mode, blob))
        return tuple(found)

    def files_between(self, before: t.Optional[str], sha: str) -> t.Optional[t.Tuple[str, ...]]:
        """``M path`` lines between two commits; None where objects for the answer are missing."""
        if before == sha:
            return ()
        options = ("-r", "-z", "--no-renames", "--name-status")
        if before is None:
            done = self.git.read("ls-tree", "-r", "-z", "--name-only", sha, ok=(0, 128))
            return None if done.rc else tuple(f"A {path}" for path in _split(done.text))
        done = self.git.read("diff-tree", *options, before, sha, ok=(0, 128))
        if done.rc:
            return None
        words = _split(done.text)
        return tuple(f"{kind} {path}" for kind, path in zip(words[::2], words[1::2]))

    def descends(self, before: str, sha: str) -> t.Optional[bool]:
        """Whether ``sha`` contains ``before``; None where history is too short to tell."""
        done = self.git.read("merge-base", "--is-ancestor", before, sha, ok=(0, 1, 128))
        if done.rc == 0:
            return True
        return None if done.rc == 128 or self.shallow else False

    def remote_url(self, remote: str) -> t.Optional[str]:
        """The address in the configuration, before any rewriting."""
        return self.git.settings.get(f"remote.{remote}.url", (None,))[0]

    def base(self, head: t.Optional[str]) -> str:
        """HEAD, or before the first commit the empty tree."""
        return head or self.git.read("hash-object", "-t", "tree", "/dev/null").text.strip()

    def submodules(self, sha: str) -> t.Tuple[str, ...]:
        """Paths of the submodules in a commit's tree."""
        return tuple(path for mode, _dummy, path in self.tree(sha) if mode == _GITLINK)

    def tree(self, sha: str) -> t.Iterator[t.Tuple[str, str, str]]:
        """(mode, object, path) of every file of a commit."""
        for line in _split(self.git.read("ls-tree", "-r", "-z", sha).text):
            meta, path = line.split("\t", 1)
            mode, _dummy, blob = meta.split(" ")
            yield mode, blob, path

    def tracked(self) -> t.List[str]:
        """Paths in the index."""
        return _split(self.git.read("ls-files", "-z").text)

    def lfs_pointers(self) -> t.Tuple[str, ...]:
        """Tracked LFS files of which the checkout holds the pointer, not the content."""
        done = self.git.read("ls-files", "-z", "--", ":(attr:filter=lfs)")
        return tuple(path for path in _split(done.text) if self._is_pointer(path))

    def _is_pointer(self, path: str) -> bool:
        try:
            with open(self.git.directory / path, "rb") as stream:
                return stream.read(len(_POINTER)) == _POINTER
        except OSError:
            return False

    def overwritten(self, differences: t.Iterable[Difference]) -> t.Tuple[str, ...]:
        """Untracked (also ignored) files that a reset to a commit would replace or remove."""
        found: t.Dict[str, str] = {}
        for one in differences:
            if one.kind == "A" and one.mode != _GITLINK:
                victim = self._victim(one.path)
                if victim is not None:
                    found[victim] = one.blob if victim == one.path else ""
        return tuple(sorted(path for path, blob in found.items() if not self._same(path, blob)))

    def _victim(self, path: str) -> t.Optional[str]:
        for parent in _parents(path):
            here = self.git.directory / parent
            if here.is_symlink() or (here.exists() and not here.is_dir()):
                return None if parent in self._tracked else parent
        here = self.git.directory / path
        if not os.path.lexists(str(here)):
            return None
        if here.is_dir() and not here.is_symlink():
            return self._stranger_in(path)
        return path

    @functools.cached_property
    def _tracked(self) -> t.FrozenSet[str]:
        return frozenset(self.tracked())

    def _stranger_in(self, folder: str) -> t.Optional[str]:
        top = self.git.directory / folder
        for place, _dummy, names in os.walk(str(top)):
            for name in names:
                path = os.path.relpath(os.path.join(place, name), str(self.git.directory))
                if path not in self._tracked:
                    return path
        return None

    def _same(self, path: str, blob: str) -> bool:
        here = self.git.directory / path
        if not blob or here.is_symlink() or not here.is_file():
            return False
        return self.git.read("hash-object", "--", path).text.strip() == blob


def parse_status(text: str) -> Status:
    """``git status --porcelain=v2 -z --branch --no-renames``."""
    head: t.Optional[str] = None
    branch: t.Optional[str] = None
    changed: t.List[str] = []
    untracked: t.List[str] = []
    for entry in _split(text):
        kind, _dummy, rest = entry.partition(" ")
        if entry.startswith("# branch.oid "):
            head = None if entry.endswith("(initial)") else entry.rsplit(" ", 1)[1]
        elif entry.startswith("# branch.head "):
            branch = None if entry.endswith("(detached)") else entry.split(" ", 2)[2]
        elif kind == "1":
            changed.append(rest.split(" ", 7)[7])
        elif kind == "u":
            changed.append(rest.split(" ", 9)[9])
        elif kind == "?":
            untracked.append(rest)
    return Status(head=head, branch=branch, changed=tuple(changed), untracked=tuple(untracked))


def shown(paths: t.Iterable[str], *, limit: int) -> t.Tuple[str, ...]:
    """The first ``limit`` names in a form that fits into any result."""
    first = [path for number, path in enumerate(paths) if number < limit]
    return tuple(os.fsencode(path).decode("utf-8", "backslashreplace") for path in first)


def _parents(path: str) -> t.Iterator[str]:
    words = path.split("/")[:-1]
    return ("/".join(words[:number]) for number in range(1, len(words) + 1))


def _split(text: str) -> t.List[str]:
    return [word for word in text.split("\0") if word]
