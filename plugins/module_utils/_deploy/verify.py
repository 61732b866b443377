# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What the jobs would import, and whether it is what was deployed ("the fix is in")."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

from .._dataclass import dataclass, field
from .._errors import FleetError
from . import assertion, interpreter, mise
from . import version as versions
from .assertion import Assertion
from .command import find_program, inherited
from .interpreter import Distribution, Module, Seen, job_environment
from .origin import Tree

KINDS = ("editable", "wheel", "source")


@dataclass(frozen=True)
class Expected:
    """What must be true; None means "whatever it is"."""

    sha: t.Optional[str] = None
    version: t.Optional[str] = None
    kind: t.Optional[str] = None


@dataclass(frozen=True)
class Context:
    """Where the jobs run and how their interpreter is started."""

    folder: Path
    argv: t.Tuple[str, ...] = ()
    environ: t.Optional[t.Mapping[str, str]] = field(default=None, repr=False)


@dataclass(frozen=True)
class Imported:
    """One import as jobs get it."""

    module: str
    origin: t.Optional[str]
    kind: t.Optional[str]


@dataclass(frozen=True)
class VerifyResult:
    """``ok`` means no ``findings`` (sentences); most of the rest is about the first import."""

    ok: bool
    findings: t.Tuple[str, ...]
    origin: t.Optional[str]
    version: t.Optional[str]
    kind: t.Optional[str]
    commit: t.Optional[str]
    shadowing: t.Tuple[str, ...] = ()
    imports: t.Tuple[Imported, ...] = ()
    interpreter: t.Tuple[str, ...] = ()
    python: t.Optional[str] = None
    hazard: t.Optional[str] = None
    notes: t.Tuple[str, ...] = field(default=())


def check(
    *,
    python: str,
    chdir: t.Union[str, Path],
    package: t.Optional[str] = None,
    modules: t.Sequence[str] = (),
    expected_sha: t.Optional[str] = None,
    expected_version: t.Optional[str] = None,
    expected_kind: t.Optional[str] = None,
    assertions: t.Sequence[t.Mapping[str, t.Any]] = (),
    environment: t.Optional[t.Mapping[str, str]] = None,
    run_imports: bool = True,
    use_mise: bool = True,
    timeout: float = interpreter.PROBE_SECONDS,
    environ: t.Optional[t.Mapping[str, str]] = None,
) -> VerifyResult:
    """Ask the jobs' interpreter in the jobs' directory; changes nothing, not even bytecode.

    Without ``modules`` the imports are those of ``package``; with neither, only the checkout in
    ``chdir`` and the assertions are looked at.
    """
    wanted = assertion.parse(assertions)
    folder, base = _folder(chdir), inherited(environ)
    values = job_environment(base, environment)
    argv = command(python, folder=folder, environ=values, use_mise=use_mise)
    seen = interpreter.look(
        argv,
        chdir=folder,
        environ={**values, **mise.QUIET} if len(argv) > 1 else values,
        packages=_packages(package, modules),
        names=modules,
        modules=assertion.modules_of(wanted),
        expressions=assertion.expressions_of(wanted),
        run_imports=run_imports,
        shadowing=True,
        timeout=timeout,
    )
    expected = Expected(expected_sha, expected_version, expected_kind)
    return judge(seen, Context(folder, argv, base), expected=expected, assertions=wanted)


def command(
    python: str, *, folder: Path, environ: t.Mapping[str, str], use_mise: bool = True
) -> t.Tuple[str, ...]:
    """The interpreter as jobs start it: through mise where the project has mise (G-15)."""
    path = os.path.expanduser(python)
    if os.sep in path:
        path = os.path.join(str(folder), path)
        if not os.access(path, os.X_OK):
            raise FleetError(
                f'There is no interpreter "{path}". Give the one that jobs use, absolute or '
                "relative to chdir."
            )
    wrapper = mise.program(folder, environ=environ) if use_mise else None
    if wrapper is not None:
        return (wrapper, "exec", "--", path)
    found = path if os.sep in path else find_program(path, environ=environ)
    if found is None:
        raise FleetError(
            f'There is no "{python}" on the PATH that jobs have. Give the path of an interpreter.',
            hazard="G-11",
        )
    return (found,)


def judge(
    seen: Seen,
    context: Context,
    *,
    expected: Expected,
    assertions: t.Sequence[Assertion] = (),
) -> VerifyResult:
    """Compare what was seen with what is expected."""
    first = seen.modules[seen.names[0]] if seen.names else None
    installed = next(iter(seen.distributions.values()), None)
    kind = None if first is None else kind_of(first, installed, sites=seen.sites)
    tree = _tree(first, kind, context)
    version = _version_of(first, kind, installed)
    commit = _commit(kind, tree, installed)
    shadowing = _shadowing(first, kind, tree, seen, context)
    doubts = [_other_than_installed(first, kind, installed, expected), _kind(kind, first, expected)]
    findings = [
        *(_broken(seen.modules[name]) for name in seen.names),
        *shadowing,
        *doubts,
        _version(version, first, expected),
        *_sha(commit, None if commit and kind == "wheel" else tree, expected),
        *assertion.failures(assertions, seen, folder=context.folder),
    ]
    sentences = tuple(sentence for sentence in findings if sentence)
    return VerifyResult(
        ok=not sentences,
        findings=sentences,
        origin=None if first is None else first.origin,
        version=version,
        kind=kind,
        commit=commit,
        shadowing=shadowing,
        imports=_imports(seen, installed),
        interpreter=context.argv,
        python=seen.python,
        hazard="AP-5" if shadowing or any(doubts) else None,
    )


def kind_of(
    module: Module, distribution: t.Optional[Distribution], *, sites: t.Sequence[str]
) -> t.Optional[str]:
    """``wheel`` below site-packages, ``editable`` where the install points, else ``source``."""
    place = _place(module)
    if place is None:
        return None
    if any(_below(place, site) for site in sites):
        return "wheel"
    pointed = distribution.editable if distribution is not None else None
    return "editable" if pointed and _below(place, os.path.realpath(pointed)) else "source"


def _packages(package: t.Optional[str], modules: t.Sequence[str]) -> t.List[str]:
    guessed = [modules[0].partition(".")[0]] if modules else []
    return [versions.base_name(name) for name in ([package] if package else guessed)]


def _folder(chdir: t.Union[str, Path]) -> Path:
    path = Path(os.path.expanduser(str(chdir)))
    if not (path.is_absolute() and path.is_dir()):
        raise FleetError(
            f'chdir "{chdir}" is no absolute path of a directory on this host; give the one that '
            "jobs run in.",
            hazard="AP-11",
        )
    return path


def _place(module: Module) -> t.Optional[str]:
    return module.origin or (module.folders[0] if module.folders else None)


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _from(kind: t.Optional[str], distribution: Distribution) -> bool:
    """Whether the metadata speaks about the code that is imported."""
    return kind == "editable" or (kind == "wheel" and distribution.editable is None)


def _tree(first: t.Optional[Module], kind: t.Optional[str], context: Context) -> t.Optional[Tree]:
    """The checkout the code comes from; for a wheel or nothing, the one that jobs run in."""
    place = None if first is None or kind == "wheel" else _place(first)
    return Tree.around(Path(place) if place else context.folder, environ=context.environ)


def _commit(
    kind: t.Optional[str], tree: t.Optional[Tree], installed: t.Optional[Distribution]
) -> t.Optional[str]:
    if kind == "wheel":
        return None if installed is None else installed.commit
    return None if tree is None else tree.head


def _imports(seen: Seen, installed: t.Optional[Distribution]) -> t.Tuple[Imported, ...]:
    modules = (seen.modules[name] for name in seen.names)
    return tuple(
        Imported(one.name, one.origin, kind_of(one, installed, sites=seen.sites)) for one in modules
    )


def _version_of(
    first: t.Optional[Module], kind: t.Optional[str], installed: t.Optional[Distribution]
) -> t.Optional[str]:
    if installed is not None and _from(kind, installed):
        return installed.version
    return None if first is None else first.version


def _broken(module: Module) -> t.Optional[str]:
    if module.error:
        return f'Importing "{module.name}" fails: {module.error}.'
    if module.sourceless:
        return (
            f'"{module.name}" is loaded from compiled bytecode only ("{module.origin}"); its '
            "source is gone. Delete that file."
        )
    if module.origin is None and module.folders and not any(map(_has_source, module.folders)):
        return (
            f'"{module.name}" is an empty shell: "{module.folders[0]}" holds no source, only what '
            "is left of a module that was removed (__pycache__). Delete that directory."
        )
    return None


def _has_source(folder: str) -> bool:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        if any(name.endswith((".py", ".so")) for name in files):
            return True
        del place
    return False


def _shadowing(
    first: t.Optional[Module],
    kind: t.Optional[str],
    tree: t.Optional[Tree],
    seen: Seen,
    context: Context,
) -> t.Tuple[str, ...]:
    own = _untracked_origin(first, None if kind == "wheel" else tree)
    return (*own, *_shadows(seen, context, but=first.name if first else ""))


def _untracked_origin(module: t.Optional[Module], tree: t.Optional[Tree]) -> t.Tuple[str, ...]:
    if module is None or tree is None or module.origin is None or tree.holds(module.origin):
        return ()
    return (
        f'"{module.name}" is imported from "{module.origin}", which is not tracked by git in '
        f'"{tree.root}": no deploy changes it. Move or delete it.',
    )


def _shadows(seen: Seen, context: Context, *, but: str) -> t.Tuple[str, ...]:
    """Untracked files that jobs import instead of what is installed under the same name."""
    if not seen.shadowed:
        return ()
    folder = context.folder
    tree = Tree.around(folder, environ=context.environ)
    if tree is None:
        return ()
    return tuple(
        f'The untracked "{folder / file}" shadows "{hidden}": jobs in "{folder}" import '
        f'"{name}" from it. Move or delete it.'
        for name, file, hidden in seen.shadowed
        if not tree.holds(str(folder / file)) and name != but
    )


def _other_than_installed(
    module: t.Optional[Module],
    kind: t.Optional[str],
    distribution: t.Optional[Distribution],
    expected: Expected,
) -> t.Optional[str]:
    if module is None or distribution is None or kind is None or _from(kind, distribution):
        return None
    if kind == "source" and expected.kind == "source":
        return None
    what = "editable install" if distribution.editable else "wheel"
    where = distribution.editable or distribution.location
    return (
        f'{distribution.name} {distribution.version} is installed as {what} ("{where}"), but jobs '
        f'import "{module.name}" from "{_place(module)}". Decide which one it is: set '
        "expected_kind to source, or remove one of the two."
    )


def _kind(kind: t.Optional[str], module: t.Optional[Module], expected: Expected) -> t.Optional[str]:
    if expected.kind is None or kind == expected.kind:
        return None
    if module is None:
        return (
            f"Nothing was named that could be imported as {expected.kind}; set package or modules."
        )
    return (
        f'Jobs should import "{module.name}" as {expected.kind}, but import it as '
        f'{kind or "nothing"} ("{_place(module)}").'
    )


def _version(
    version: t.Optional[str], module: t.Optional[Module], expected: Expected
) -> t.Optional[str]:
    if expected.version is None or (version and versions.same(version, expected.version)):
        return None
    name, place = (module.name, _place(module)) if module is not None else ("nothing", None)
    return (
        f'Version {expected.version} of "{name}" is expected, jobs import '
        f'{version or "one that tells no version"} from "{place}".'
    )


def _sha(commit: t.Optional[str], tree: t.Optional[Tree], expected: Expected) -> t.Iterator[str]:
    """The imported code's own commit where it tells one; else the checkout's."""
    if expected.sha is None:
        return
    found = commit or (tree.head if tree is not None else None)
    if found is None:
        yield f"Commit {expected.sha} is expected, but no git checkout tells which one is there."
    elif found != expected.sha:
        place = f'"{tree.root}" is' if tree is not None else "the installed package was made"
        yield f"Commit {expected.sha} is expected, {place} at {found}."
    elif tree is not None and tree.changed:
        names = ", ".join(tree.differing())
        yield f'"{tree.root}" is at {found}, but files differ from it: {names}.'
