# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Ask an interpreter, in a directory and with an environment, what it would import."""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .._dataclass import dataclass
from .._errors import FleetError
from .command import Completed, last_words, run

if t.TYPE_CHECKING:
    # Ansible sends what is imported; only the source of this one is used.
    from . import import_probe  # noqa: F401

PROBE_SECONDS = 60.0
# What the queue hands to a job (design section 5); nothing else of our session takes part.
JOB_ENVIRONMENT = (
    "PATH",
    "HOME",
    "LANG",
    "USER",
    "SHELL",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
)
_QUIET = {"PYTHONDONTWRITEBYTECODE": "1"}


@dataclass(frozen=True)
class Distribution:
    """Installed metadata of one package."""

    name: str
    version: str
    location: str
    editable: t.Optional[str]
    commit: t.Optional[str]
    top_level: t.Tuple[str, ...]

    @classmethod
    def of(cls, raw: t.Mapping[str, t.Any]) -> Distribution:
        try:
            direct = json.loads(raw["direct_url"] or "null") or {}
        except ValueError as error:
            raise FleetError(
                f'The metadata of "{raw["name"]}" {raw["version"]} in "{raw["location"]}" is '
                f"broken: direct_url.json is no JSON ({error}). Install the package anew."
            ) from error
        return cls(
            name=raw["name"],
            version=raw["version"],
            location=raw["location"],
            editable=_editable(raw, direct),
            commit=(direct.get("vcs_info") or {}).get("commit_id"),
            top_level=tuple(raw["top_level"]),
        )


@dataclass(frozen=True)
class Module:
    """Where one import comes from; ``folders`` without ``origin`` is a namespace package."""

    name: str
    origin: t.Optional[str]
    folders: t.Tuple[str, ...]
    sourceless: bool
    error: t.Optional[str]
    version: t.Optional[str]


@dataclass(frozen=True)
class Evaluated:
    """One expression's outcome; ``left`` is the left side of a comparison that did not hold."""

    ok: bool
    value: t.Optional[str]
    left: t.Optional[str]
    error: t.Optional[str]


@dataclass(frozen=True)
class Seen:
    """Everything the interpreter answered."""

    executable: str
    prefix: str
    python: str
    sites: t.Tuple[str, ...]
    externally_managed: bool
    distributions: t.Mapping[str, t.Optional[Distribution]]
    shadowed: t.Tuple[t.Tuple[str, str, str], ...]
    names: t.Tuple[str, ...]
    modules: t.Mapping[str, Module]
    expressions: t.Tuple[Evaluated, ...]


def look(
    argv: t.Sequence[str],
    *,
    chdir: Path,
    environ: t.Mapping[str, str],
    packages: t.Sequence[str] = (),
    names: t.Sequence[str] = (),
    modules: t.Sequence[str] = (),
    expressions: t.Sequence[str] = (),
    run_imports: bool = False,
    shadowing: bool = False,
    timeout: float = PROBE_SECONDS,
) -> Seen:
    """Run the probe with ``argv`` (the interpreter, or a wrapper and the interpreter).

    Without ``names`` the imports are those of ``packages``; ``modules`` are only looked up.
    """
    request = {
        "packages": list(packages),
        "names": list(names),
        "modules": list(modules),
        "expressions": list(expressions),
        "import": run_imports,
        "shadowing": shadowing,
    }
    with _answer_file() as answer:
        done = run(
            [*argv, "-B", "-c", source(), str(answer.fileno())],
            cwd=chdir,
            environ={**environ, **_QUIET},
            timeout=timeout,
            stdin=ascii(request).encode(),
            pass_fds=(answer.fileno(),),
        )
        answer.seek(0)
        raw = answer.read()
    if not raw:
        raise _silent(done, argv=argv, chdir=chdir)
    return _seen(_parsed(raw, argv=argv, chdir=chdir))


def _parsed(raw: bytes, *, argv: t.Sequence[str], chdir: Path) -> t.Any:
    try:
        return json.loads(raw)
    except ValueError as error:
        raise FleetError(
            f'"{argv[0]}" in "{chdir}" did not say what the jobs import ({error}): something that '
            "is imported there writes into files that it has not opened. Look at what the modules "
            "do when they are imported."
        ) from error


def source() -> str:
    """The probe's own text; also where this collection is running from inside a zip file."""
    from importlib.util import find_spec

    spec = find_spec(f"{__package__}.import_probe")
    loader: t.Any = None if spec is None else spec.loader
    text = loader.get_source(spec.name) if spec and hasattr(loader, "get_source") else None
    if not text:
        raise FleetError("The import probe's source is missing from this installation.")
    return str(text)


def job_environment(
    environ: t.Mapping[str, str], extra: t.Optional[t.Mapping[str, str]] = None
) -> t.Dict[str, str]:
    """The few variables that the queue gives to a job, and what the caller adds."""
    kept = {name: environ[name] for name in JOB_ENVIRONMENT if name in environ}
    return {**kept, **(extra or {})}


def _answer_file() -> t.IO[bytes]:
    # In memory where the kernel can: looking must work on a full or read-only disk as well.
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("fleet-jobs-answer"), "w+b")
    import tempfile

    return tempfile.TemporaryFile()


def _silent(done: Completed, *, argv: t.Sequence[str], chdir: Path) -> FleetError:
    words = last_words(done.stderr) or last_words(done.text) or "it said nothing"
    hazard = "G-8" if "not trusted" in done.stderr else None
    return FleetError(
        f'"{" ".join(argv)}" in "{chdir}" ended with exit code {done.rc} and did not answer what '
        f"it imports: {words}. It must be a Python of version 3.8 or later that starts there.",
        hazard=hazard,
    )


def _seen(raw: t.Mapping[str, t.Any]) -> Seen:
    return Seen(
        executable=raw["executable"],
        prefix=raw["prefix"],
        python=raw["python"],
        sites=tuple(os.path.realpath(site) for site in raw["sites"]),
        externally_managed=raw["externally_managed"],
        distributions={
            name: None if one is None else Distribution.of(one)
            for name, one in raw["distributions"].items()
        },
        shadowed=tuple((name, file, hidden) for name, file, hidden in raw["shadowed"]),
        names=tuple(raw["names"]),
        modules={
            name: Module(
                name=name,
                origin=one["origin"],
                folders=tuple(one["folders"]),
                sourceless=one["sourceless"],
                error=one["error"],
                version=one["version"],
            )
            for name, one in raw["modules"].items()
        },
        expressions=tuple(Evaluated(**one) for one in raw["expressions"]),
    )


def _editable(raw: t.Mapping[str, t.Any], direct: t.Mapping[str, t.Any]) -> t.Optional[str]:
    """The directory an editable install points at; None for an ordinary install."""
    if (direct.get("dir_info") or {}).get("editable"):
        return unquote(urlsplit(direct.get("url", "")).path) or raw["location"]
    if raw["egg_link"]:
        return str(raw["egg_link"])
    return str(raw["location"]) if raw["editable_files"] else None
