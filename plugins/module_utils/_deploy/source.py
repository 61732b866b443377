# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Move a checkout to exactly one commit, in place, losing nothing that was only there."""

from __future__ import annotations

import contextlib
import os
import typing as t
from pathlib import Path

from .._dataclass import dataclass, replace
from .._errors import FleetError, Refused
from .._files import flush, private_directory
from . import mise, patch, transfer
from .git import Git, check_repository, check_sha
from .other_git import lock_that_stays
from .userinfo import redact, split_userinfo
from .worktree import Difference, Status, Worktree, shown

FETCH_SECONDS = 600.0
RESET_SECONDS = 600.0
LISTED = 50

# What a caller wraps around every change: the lease is checked when it is entered.
Guard = t.Callable[[], t.ContextManager[t.Any]]


@dataclass(frozen=True)
class SourcePlan:
    """What is there, what would be done, and what could not be known without a fetch."""

    project: Path
    repository: str
    remote: str
    sha: str
    state_dir: Path
    fetch_from: str
    exists: bool = False
    before_sha: t.Optional[str] = None
    branch: t.Optional[str] = None
    fetch: bool = True
    move: bool = True
    dirty: t.Tuple[str, ...] = ()
    operation: t.Optional[str] = None
    untracked: t.Tuple[str, ...] = ()
    files: t.Optional[t.Tuple[str, ...]] = None
    submodules: t.Tuple[str, ...] = ()
    lfs: t.Tuple[str, ...] = ()
    actions: t.Tuple[str, ...] = ()
    notes: t.Tuple[str, ...] = ()
    unknown: t.Tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return self.fetch or self.move or not self.exists


@dataclass(frozen=True)
class SourceResult:
    """What was done. ``patch`` is where uncommitted changes were saved, if there were any."""

    changed: bool
    actions: t.Tuple[str, ...]
    before_sha: t.Optional[str]
    after_sha: str
    patch: t.Optional[str]
    dirty: t.Tuple[str, ...]
    files: t.Tuple[str, ...]
    untracked: t.Tuple[str, ...]
    submodules: t.Tuple[str, ...]
    lfs: t.Tuple[str, ...]
    notes: t.Tuple[str, ...]

    def report(self) -> t.Dict[str, t.Any]:
        """The part of a module's result that is about the checkout."""
        found: t.Dict[str, t.Any] = {
            "sha": self.after_sha,
            "before_sha": self.before_sha or "",
            "dirty": list(self.dirty),
            "files": list(self.files),
            "untracked": list(self.untracked),
            "submodules": list(self.submodules),
            "lfs_pointers": list(self.lfs),
            "notes": list(self.notes),
        }
        return {**found, "patch": self.patch} if self.patch else found


def plan(
    *,
    project: t.Union[str, Path],
    repository: str,
    sha: str,
    state_dir: t.Union[str, Path],
    remote: str = "origin",
    environ: t.Optional[t.Mapping[str, str]] = None,
) -> SourcePlan:
    """Look at the checkout and say what ``apply`` would do; reads only, talks to no server."""
    check_sha(sha)
    path = _project(project)
    git = _git(path, repository=repository, environ=environ)
    tree = Worktree.find(git) if path.is_dir() else None
    address = split_userinfo(check_repository(repository))[0]
    target = _Target(path, address, remote, sha, Path(os.path.expanduser(str(state_dir))))
    if tree is None:
        return _plan_new(target)
    _refuse_unusable(tree, path)
    return _plan_existing(target, tree)


def foreseen(plan: SourcePlan) -> SourceResult:
    """The result that ``apply`` would have, as far as the plan knows."""
    return SourceResult(
        changed=plan.changed,
        actions=plan.actions,
        before_sha=plan.before_sha,
        after_sha=plan.sha,
        patch=None,
        dirty=shown(plan.dirty, limit=LISTED),
        files=shown(plan.files or (), limit=LISTED),
        untracked=shown(plan.untracked, limit=LISTED),
        submodules=shown(plan.submodules, limit=LISTED),
        lfs=shown(plan.lfs, limit=LISTED),
        notes=plan.notes,
    )


def apply(
    plan: SourcePlan,
    *,
    repository: t.Optional[str] = None,
    guard: Guard = contextlib.nullcontext,
    timeout: float = FETCH_SECONDS,
    environ: t.Optional[t.Mapping[str, str]] = None,
) -> SourceResult:
    """Do what the plan says; the fetch happens outside of ``guard``, the move inside of it.

    ``repository`` is given again where it carries a credential, which a plan never holds.
    """
    if not plan.changed:
        return _result(plan, None, saved=None, files=())
    git = _git(plan.project, repository=repository or plan.repository, environ=environ)
    with guard():
        prepared = _prepare(plan, git)
    tree = Worktree.find(prepared)
    if tree is None:
        raise FleetError(f'"{plan.project}" lost its ".git" while it was being deployed to.')
    if plan.fetch:
        transfer.fetch(tree, source=plan.fetch_from, sha=plan.sha, timeout=timeout)
    with guard():
        return _move(plan, tree)


@dataclass(frozen=True)
class _Target:
    project: Path
    repository: str
    remote: str
    sha: str
    state_dir: Path


def _project(project: t.Union[str, Path]) -> Path:
    path = Path(os.path.expanduser(str(project)))
    if not path.is_absolute():
        raise FleetError(
            f'project "{project}" is relative; give an absolute path or one that starts with "~".',
            hazard="AP-11",
        )
    if path.exists() and not path.is_dir():
        raise FleetError(f'project "{path}" is a file; give the path of the checkout.')
    return path


def _git(path: Path, *, repository: str, environ: t.Optional[t.Mapping[str, str]]) -> Git:
    credential = split_userinfo(check_repository(repository))[1]
    return Git.find(path, environ=environ, credential=credential)


def _refuse_unusable(tree: Worktree, path: Path) -> None:
    lock = lock_that_stays(tree.lock, project=path)
    if lock is not None:
        raise FleetError(
            f'"{lock}" exists: another git works in "{path}" now, or one died there. When no git '
            "process of this account runs any more, delete that file and run this again."
        )
    operation = tree.operation()
    if operation == "rebase":
        raise Refused(
            f'"{path}" is in the middle of a rebase, and a reset would leave it half done. End it '
            "there with git rebase --continue or git rebase --abort, then deploy again."
        )


def _plan_new(target: _Target) -> SourcePlan:
    return SourcePlan(
        project=target.project,
        repository=target.repository,
        remote=target.remote,
        sha=target.sha,
        state_dir=target.state_dir,
        fetch_from=target.remote,
        actions=(
            f'init a repository in "{target.project}" with remote "{target.remote}" = '
            f'"{redact(target.repository)}"',
            f"fetch {target.sha}",
            f"check out {target.sha}",
        ),
        unknown=(
            "Which files the commit holds, and whether files already in the directory are in its "
            "way, is not known before the fetch.",
        ),
    )


def _plan_existing(target: _Target, tree: Worktree) -> SourcePlan:
    status = tree.status()
    here = status.head == target.sha or tree.has_commit(target.sha)
    operation = tree.operation()
    move = status.head != target.sha or bool(status.changed) or operation is not None
    if here and move:
        _refuse_overwriting(tree, target, tree.differences(target.sha))
    files = tree.files_between(status.head, target.sha) if here else None
    fetch_from, notes = _fetch_from(tree, target)
    return replace(
        _plan_new(target),
        exists=True,
        before_sha=status.head,
        branch=status.branch,
        fetch=not here,
        move=move,
        fetch_from=fetch_from,
        dirty=status.changed,
        operation=operation,
        untracked=status.untracked,
        files=files,
        submodules=tree.submodules(target.sha) if here else (),
        lfs=() if move else tree.lfs_pointers(),
        actions=_actions(target, status, tree, here=here),
        notes=notes,
        unknown=_unknown(status, here=here, files=files),
    )


def _fetch_from(tree: Worktree, target: _Target) -> t.Tuple[str, t.Tuple[str, ...]]:
    """The configured remote where it is the same place; else the address itself, and say so."""
    configured = tree.remote_url(target.remote)
    if configured is None or transfer.same_place(configured, target.repository):
        return target.remote, ()
    return target.repository, (
        f'Remote "{target.remote}" of "{target.project}" is "{redact(configured)}", not '
        f'"{redact(target.repository)}": the commit is fetched from the latter, and the remote is '
        "left as it is.",
    )


def _unknown(
    status: Status, *, here: bool, files: t.Optional[t.Sequence[str]]
) -> t.Tuple[str, ...]:
    if not here:
        return (
            "The commit is not here yet: which files would change, and whether untracked files "
            "are in its way, is not known before the fetch.",
        )
    if files is None and status.head is not None:
        return ("Which files would change is not known: objects of a partial clone are missing.",)
    return ()


def _actions(target: _Target, status: Status, tree: Worktree, *, here: bool) -> t.Tuple[str, ...]:
    operation = tree.operation()
    found = []
    if not here:
        found.append(f"fetch {target.sha}")
    if operation is not None:
        found.append(f"end the unfinished {operation} (its changes are saved first)")
    if status.changed:
        names = ", ".join(shown(status.changed, limit=5))
        more = f" and {len(status.changed) - 5} more" if len(status.changed) > 5 else ""
        found.append(
            f'save uncommitted changes of {names}{more} under "{target.state_dir}/patches"'
        )
    if status.head != target.sha or status.changed or operation is not None:
        place = f'branch "{status.branch}"' if status.branch else "detached HEAD"
        back = here and status.head and tree.descends(status.head, target.sha) is False
        found.append(
            f"reset {place} from {status.head or 'nothing'} to {target.sha}"
            + (", which does not contain it" if back else "")
        )
    return tuple(found)


def _refuse_overwriting(
    tree: Worktree, target: _Target, differences: t.Sequence[Difference]
) -> None:
    victims = tree.overwritten(differences)
    if victims:
        names = ", ".join(f'"{name}"' for name in shown(victims, limit=5))
        more = f" and {len(victims) - 5} more" if len(victims) > 5 else ""
        raise Refused(
            f'Commit {target.sha} brings files that lie untracked in "{target.project}" with '
            f"other content: {names}{more}. They exist nowhere else, so nothing was moved: move "
            "or delete them, then deploy again.",
            details={"untracked_in_the_way": list(shown(victims, limit=LISTED))},
        )


def _prepare(plan: SourcePlan, git: Git) -> Git:
    """A repository that knows the remote, and the git that knows its configuration."""
    if not plan.exists:
        try:
            plan.project.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FleetError(
                f'Cannot create "{plan.project}": {error.strerror}. Create it for the account '
                "that runs the jobs."
            ) from error
        git.write("init", "--quiet", timeout=RESET_SECONDS)
    tree = Worktree.find(git)
    if tree is None or tree.remote_url(plan.remote) is not None:
        return git
    git.write("remote", "add", "--", plan.remote, plan.repository, timeout=RESET_SECONDS)
    return replace(git)


def _move(plan: SourcePlan, tree: Worktree) -> SourceResult:
    """Save, reset, verify. What is saved is what is there now, not what the plan once saw."""
    _refuse_unusable(tree, plan.project)
    target = _Target(plan.project, plan.repository, plan.remote, plan.sha, plan.state_dir)
    differences = tree.differences(plan.sha)
    _refuse_overwriting(tree, target, differences)
    status = tree.status()
    saved = None
    if status.changed:
        saved = patch.save(
            tree, head=status.head, folder=private_directory(plan.state_dir) / "patches"
        )
    if status.head is None:
        # A branch nobody chose would be born; a detached HEAD says what is deployed.
        tree.git.write("update-ref", "--no-deref", "HEAD", plan.sha, timeout=RESET_SECONDS)
    files = [f"{one.kind} {one.path}" for one in differences]
    if status.changed:
        # The index is not HEAD.
        files = list(tree.files_between(status.head, plan.sha) or ())
    tree.git.write("reset", "--hard", "--quiet", plan.sha, timeout=RESET_SECONDS)
    after = tree.status()
    if after.head != plan.sha:
        raise FleetError(
            f'After the reset HEAD of "{plan.project}" is {after.head}, not {plan.sha}: something '
            "else moves this checkout. Find it before deploying again."
        )
    # git flushes its own files; what is reported as deployed must outlive a loss of power.
    names = {*(one.path for one in differences), *status.changed}
    flush(plan.project / name for name in sorted(names))
    return _result(plan, tree, saved=saved, files=files, after=after)


def _result(
    plan: SourcePlan,
    tree: t.Optional[Worktree],
    *,
    saved: t.Optional[Path],
    files: t.Sequence[str],
    after: t.Optional[Status] = None,
) -> SourceResult:
    notes = list(plan.notes)
    trust = mise.trust_note(plan.project)
    notes += [trust] if trust else []
    actions = list(plan.actions)
    if saved is not None:
        actions.append(f'saved uncommitted changes as "{saved}"')
    if after is not None and after.changed:
        names = ", ".join(shown(after.changed, limit=5))
        notes.append(f"Still different right after the reset (line endings or filters?): {names}.")
    submodules = tree.submodules(plan.sha) if tree is not None else plan.submodules
    lfs = tree.lfs_pointers() if tree is not None else plan.lfs
    return SourceResult(
        changed=plan.changed,
        actions=tuple(actions),
        before_sha=plan.before_sha,
        after_sha=plan.sha,
        patch=None if saved is None else str(saved),
        dirty=shown(plan.dirty, limit=LISTED),
        files=shown(files, limit=LISTED),
        untracked=shown(after.untracked if after else plan.untracked, limit=LISTED),
        submodules=shown(submodules, limit=LISTED),
        lfs=shown(lfs, limit=LISTED),
        notes=tuple(notes),
    )
