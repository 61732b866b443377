# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What the jobs would import, and whether it is what was deployed ("the fix is in")."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

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
    modules: t.Sequence[str],
    package: t.Optional[str] = None,
    expected: t.Optional[Expected] = None,
    assertions: t.Sequence[Assertion] = (),
    environment: t.Optional[t.Mapping[str, str]] = None,
    run_imports: bool = True,
    use_mise: bool = True,
    timeout: float = interpreter.PROBE_SECONDS,
    environ: t.Optional[t.Mapping[str, str]] = None,
) -> VerifyResult:
    """Ask the jobs' interpreter in the jobs' directory; changes nothing, not even bytecode."""
    base = inherited(environ)
    folder = _folder(chdir)
    values = job_environment(base, environment)
    argv = command(python, folder=folder, environ=values, use_mise=use_mise)
    names = tuple(modules)
    packages = (
        [versions.base_name(package)] if package else [versions.base_name(one) for one in names]
    )
    seen = interpreter.look(
        argv,
        chdir=folder,
        environ={**values, **mise.QUIET},
        packages=packages,
        modules=[*names, *assertion.modules_of(assertions)],
        expressions=assertion.expressions_of(assertions),
        run_imports=run_imports,
        shadowing=True,
        timeout=timeout,
    )
    return judge(
        seen,
        folder=folder,
        names=names,
        package=packages[0] if packages else None,
        expected=expected or Expected(),
        assertions=assertions,
        argv=argv,
        environ=base,
    )


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
    *,
    folder: Path,
    names: t.Sequence[str],
    package: t.Optional[str],
    expected: Expected,
    assertions: t.Sequence[Assertion] = (),
    argv: t.Sequence[str] = (),
    environ: t.Optional[t.Mapping[str, str]] = None,
) -> VerifyResult:
    """Compare what was seen with what is expected."""
    first = seen.modules[names[0]]
    distribution = seen.distributions.get(package or "")
    kind = kind_of(first, distribution, sites=seen.sites)
    place = _place(first)
    tree = None
    if place is not None and kind != "wheel":
        tree = Tree.around(Path(place), environ=environ)
    commit = _commit(kind, tree, distribution)
    version = distribution.version if distribution and _from(kind, distribution) else first.version
    shadowing = (
        *_untracked_origin(first, tree),
        *_shadows(seen, folder=folder, but=first.name, environ=environ),
    )
    mixed = _other_than_installed(first, kind, distribution, expected=expected)
    findings = [
        *(_broken(seen.modules[name]) for name in names),
        *shadowing,
        mixed,
        _kind(kind, first, expected),
        _version(version, first, expected),
        *_sha(commit, tree, kind, first, expected),
        *assertion.failures(assertions, seen, folder=folder),
    ]
    sentences = tuple(sentence for sentence in findings if sentence)
    return VerifyResult(
        ok=not sentences,
        findings=sentences,
        origin=first.origin,
        version=version,
        kind=kind,
        commit=commit,
        shadowing=shadowing,
        imports=tuple(
            Imported(
                name,
                seen.modules[name].origin,
                kind_of(seen.modules[name], distribution, sites=seen.sites),
            )
            for name in names
        ),
        interpreter=tuple(argv),
        python=seen.python,
        hazard="AP-5" if mixed or shadowing or _kind(kind, first, expected) else None,
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


def _commit(
    kind: t.Optional[str], tree: t.Optional[Tree], distribution: t.Optional[Distribution]
) -> t.Optional[str]:
    if kind == "wheel":
        return distribution.commit if distribution is not None else None
    return tree.head if tree is not None else None


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


def _untracked_origin(module: Module, tree: t.Optional[Tree]) -> t.Tuple[str, ...]:
    if tree is None or module.origin is None or tree.holds(module.origin):
        return ()
    return (
        f'"{module.name}" is imported from "{module.origin}", which is not tracked by git in '
        f'"{tree.root}": no deploy changes it. Move or delete it.',
    )


def _shadows(
    seen: Seen, *, folder: Path, but: str, environ: t.Optional[t.Mapping[str, str]]
) -> t.Tuple[str, ...]:
    """Untracked files that jobs import instead of what is installed under the same name."""
    if not seen.shadowed:
        return ()
    tree = Tree.around(folder, environ=environ)
    if tree is None:
        return ()
    return tuple(
        f'The untracked "{folder / file}" shadows "{hidden}": jobs in "{folder}" import '
        f'"{name}" from it. Move or delete it.'
        for name, file, hidden in seen.shadowed
        if not tree.holds(str(folder / file)) and name != but
    )


def _other_than_installed(
    module: Module,
    kind: t.Optional[str],
    distribution: t.Optional[Distribution],
    *,
    expected: Expected,
) -> t.Optional[str]:
    if distribution is None or kind is None or _from(kind, distribution):
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


def _kind(kind: t.Optional[str], module: Module, expected: Expected) -> t.Optional[str]:
    if expected.kind is None or kind == expected.kind:
        return None
    return (
        f'Jobs should import "{module.name}" as {expected.kind}, but import it as '
        f'{kind or "nothing"} ("{_place(module)}").'
    )


def _version(version: t.Optional[str], module: Module, expected: Expected) -> t.Optional[str]:
    if expected.version is None or (version and versions.same(version, expected.version)):
        return None
    return (
        f'Version {expected.version} of "{module.name}" is expected, jobs import '
        f'{version or "one that tells no version"} from "{_place(module)}".'
    )


def _sha(
    commit: t.Optional[str],
    tree: t.Optional[Tree],
    kind: t.Optional[str],
    module: Module,
    expected: Expected,
) -> t.Iterator[str]:
    if expected.sha is None or kind is None:
        return
    if commit is None:
        yield (
            f"Commit {expected.sha} is expected, but nothing tells from which commit "
            f'"{module.name}" ({kind}, "{_place(module)}") was made.'
        )
    elif commit != expected.sha:
        yield f'Commit {expected.sha} is expected, "{_place(module)}" is at {commit}.'
    elif tree is not None and tree.changed:
        names = ", ".join(tree.differing())
        yield f'"{tree.root}" is at {commit}, but files differ from it: {names}.'
