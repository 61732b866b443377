# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""From a branch, a tag or a commit id to one commit, asked of the server once."""

from __future__ import annotations

import typing as t
from pathlib import Path

from .._dataclass import dataclass
from .._errors import FleetError
from .git import FULL_SHA, Git, check_repository
from .userinfo import redact, split_userinfo

RESOLVE_SECONDS = 60.0
_PEELED = "^{}"
_KINDS = {"refs/heads": "branch", "refs/tags": "tag"}


@dataclass(frozen=True)
class Resolved:
    """The commit a ref means now; ``kind`` is branch, tag, ref, head or sha."""

    sha: str
    kind: str
    name: str


def resolve(
    *,
    repository: str,
    ref: str,
    timeout: float = RESOLVE_SECONDS,
    environ: t.Optional[t.Mapping[str, str]] = None,
) -> Resolved:
    """Ask the repository with ``git ls-remote``; writes nothing anywhere.

    A full commit id is returned as it is: servers do not list commits, so whether it exists is
    found out by the fetch.
    """
    if FULL_SHA.match(ref):
        return Resolved(sha=ref, kind="sha", name=ref)
    address, credential = split_userinfo(check_repository(repository))
    git = Git.find(Path("/"), environ=environ, credential=credential)
    answer = git.write("ls-remote", "--quiet", "--", address, timeout=timeout)
    return choose(parse(answer.text), ref=ref, repository=address)


def parse(text: str) -> t.Dict[str, str]:
    """``ls-remote``'s lines as name → object id."""
    rows = (line.split("\t", 1) for line in text.splitlines() if "\t" in line)
    return {name: sha for sha, name in rows}


def choose(advertised: t.Mapping[str, str], *, ref: str, repository: str) -> Resolved:
    """The one commit that ``ref`` means among what the server offers, or why there is none."""
    found = {
        name: kind
        for name, kind in (
            (ref, "head" if ref == "HEAD" else "ref"),
            (f"refs/heads/{ref}", "branch"),
            (f"refs/tags/{ref}", "tag"),
        )
        if name in advertised and (kind != "ref" or ref.startswith("refs/"))
    }
    commits = {advertised.get(name + _PEELED, advertised[name]) for name in found}
    if len(commits) > 1:
        raise FleetError(
            f'"{ref}" is a branch and a tag of "{redact(repository)}", and they are different '
            f'commits. Say which one: "refs/heads/{ref}" or "refs/tags/{ref}".'
        )
    if not found:
        raise FleetError(_absent(advertised, ref=ref, repository=redact(repository)))
    name, kind = sorted(found.items(), key=lambda item: item[1])[0]
    if kind == "ref":
        kind = _KINDS.get("/".join(ref.split("/")[:2]), "ref")
    return Resolved(sha=commits.pop(), kind=kind, name=name)


def _absent(advertised: t.Mapping[str, str], *, ref: str, repository: str) -> str:
    if not advertised:
        return f'"{repository}" holds no branch and no tag yet; push "{ref}" to it first.'
    names = sorted(
        name.split("/", 2)[2]
        for name in advertised
        if name.startswith(("refs/heads/", "refs/tags/")) and not name.endswith(_PEELED)
    )
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    hint = " An abbreviated commit id must be written in full." if _hexadecimal(ref) else ""
    return f'"{repository}" has no branch or tag "{ref}"; it has: {shown}.{hint}'


def _hexadecimal(ref: str) -> bool:
    return len(ref) >= 4 and all(character in "0123456789abcdef" for character in ref)
