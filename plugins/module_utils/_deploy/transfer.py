# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Bring one commit into a checkout: exactly it where the server allows, else by its refs."""

from __future__ import annotations

import re
import typing as t

from .._errors import FleetError
from .userinfo import redact, split_userinfo
from .worktree import Worktree

_FETCH = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules")
# Servers of the old protocol hand out only what a branch or tag points at.
_UNADVERTISED = (
    r"(?i)Server does not allow request for unadvertised object"
    r"|no such remote ref|couldn't find remote ref"
)
_NOT_THERE = r"not our ref|Unable to find [0-9a-f]{40}|Cannot obtain needed object"


def fetch(tree: Worktree, *, source: str, sha: str, timeout: float) -> None:
    """Fetch ``sha`` from a remote's name or an address; a shallow or partial clone stays one."""
    exact = (*_FETCH, "--", source, sha)
    done = tree.git.write(*exact, timeout=timeout, ok=(0, 1, 128))
    if done.rc != 0 and re.search(_UNADVERTISED, done.stderr):
        _fetch_refs(tree, source=source, timeout=timeout)
    elif done.rc != 0 and not re.search(_NOT_THERE, done.stderr):
        raise tree.git.error(exact, done)
    if not tree.has_commit(sha):
        raise FleetError(
            f'"{redact(_address(tree, source))}" does not have the commit {sha}. Push it there, or '
            "check that repository and sha belong together; nothing was moved."
        )


def same_place(one: str, other: str) -> bool:
    """Whether two addresses mean the same repository, whatever credential they carry."""
    return _normal(one) == _normal(other)


def _fetch_refs(tree: Worktree, *, source: str, timeout: float) -> None:
    remote = source if tree.remote_url(source) is not None else "fleet-jobs"
    refs = (
        f"+refs/heads/*:refs/remotes/{remote}/*",
        # Tags are only looked through, not created: a tag of the same name here stays as it is.
        "+refs/tags/*:refs/fleet-jobs/tags/*",
    )
    tree.git.write(*_FETCH, "--", source, *refs, timeout=timeout)


def _address(tree: Worktree, source: str) -> str:
    return tree.remote_url(source) or source


def _normal(url: str) -> t.Tuple[str, ...]:
    address = re.sub(r"^file://(?:localhost)?/", "/", split_userinfo(url)[0])
    return (re.sub(r"(?:/+|\.git/*)$", "", address) or "/",)
