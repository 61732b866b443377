# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Put exactly one version of a package into an environment, waiting only for a lagging index."""

from __future__ import annotations

import contextlib
import os
import time
import typing as t
from pathlib import Path

from .._dataclass import dataclass
from .._errors import FleetError, Refused
from . import interpreter
from . import version as versions
from .command import inherited, last_words
from .interpreter import Distribution, Seen
from .userinfo import redact
from .uv import Index, Uv, install_command, not_yet_visible

INSTALL_SECONDS = 600.0
INDEX_WAIT_SECONDS = 300.0
FIRST_DELAY_SECONDS = 2.0
LONGEST_DELAY_SECONDS = 30.0

Guard = t.Callable[[], t.ContextManager[t.Any]]


@dataclass(frozen=True)
class WheelPlan:
    """What is installed and what would be done."""

    python: str
    package: str
    version: str
    before_version: t.Optional[str]
    chdir: Path
    uv: t.Optional[str]
    actions: t.Tuple[str, ...]

    @property
    def changed(self) -> bool:
        return bool(self.actions)


@dataclass(frozen=True)
class WheelResult:
    """What was done; ``attempts`` counts calls of uv, ``waited`` the seconds spent on the index."""

    changed: bool
    actions: t.Tuple[str, ...]
    before_version: t.Optional[str]
    after_version: str
    attempts: int
    waited: float


def plan(
    *,
    python: str,
    package: str,
    version: str,
    uv: t.Optional[str] = None,
    chdir: t.Union[str, Path, None] = None,
    environ: t.Optional[t.Mapping[str, str]] = None,
) -> WheelPlan:
    """Read the environment's metadata; refuses an editable install (AP-5) and a system Python."""
    versions.check_package(package)
    versions.check_version(version)
    path, folder = _python(python), _folder(chdir)
    seen = _look(path, package=package, environ=environ)
    found = seen.distributions[versions.base_name(package)]
    if found is not None and found.editable is not None:
        raise _editable(found, seen, python=path, wanted=f"{package}=={version}")
    before = None if found is None else found.version
    actions: t.Tuple[str, ...] = ()
    if before is None or not versions.same(before, version):
        _refuse_system_python(seen, path)
        actions = (_sentence(before, package=package, version=version, python=path),)
    return WheelPlan(
        python=path,
        package=package,
        version=version,
        before_version=before,
        chdir=folder,
        uv=uv,
        actions=actions,
    )


def foreseen(plan: WheelPlan) -> WheelResult:
    """The result that ``apply`` would have if the index has the version."""
    after = plan.version if plan.changed else plan.before_version or plan.version
    return WheelResult(plan.changed, plan.actions, plan.before_version, after, 0, 0.0)


def apply(
    plan: WheelPlan,
    *,
    index: t.Optional[Index] = None,
    guard: Guard = contextlib.nullcontext,
    index_wait: float = INDEX_WAIT_SECONDS,
    first_delay: float = FIRST_DELAY_SECONDS,
    timeout: float = INSTALL_SECONDS,
    environ: t.Optional[t.Mapping[str, str]] = None,
    sleep: t.Callable[[float], None] = time.sleep,
    clock: t.Callable[[], float] = time.monotonic,
) -> WheelResult:
    """Install; ``guard`` is entered before every attempt, since a lease may end while waiting."""
    if not plan.changed:
        return foreseen(plan)
    index = index or Index()
    uv = Uv.find(explicit=plan.uv, index=index, environ=environ)
    started = clock()
    attempts = 0
    while True:
        with guard():
            attempts += 1
        said = _attempt(plan, uv=uv, timeout=timeout)
        waited = clock() - started
        if said is None:
            break
        if not not_yet_visible(said, package=plan.package, version=plan.version):
            raise _failed(plan, said, index=index)
        delay = min(first_delay * 2 ** (attempts - 1), LONGEST_DELAY_SECONDS)
        if waited + delay > index_wait:
            raise _never_visible(plan, said, attempts=attempts, waited=waited, index=index)
        sleep(delay)
    after = _installed(plan, environ=environ)
    return WheelResult(True, plan.actions, plan.before_version, after, attempts, round(waited, 3))


def _attempt(plan: WheelPlan, *, uv: Uv, timeout: float) -> t.Optional[str]:
    """None where uv installed it, else what uv said."""
    done = uv.install(
        python=plan.python,
        package=plan.package,
        version=plan.version,
        cwd=plan.chdir,
        timeout=timeout,
    )
    return None if done.rc == 0 else done.stderr or f"exit code {done.rc} and no message"


def _python(python: str) -> str:
    path = os.path.expanduser(python)
    if not os.path.isabs(path):
        raise FleetError(
            f'python "{python}" is relative; give the absolute path of the interpreter of the '
            'environment, for example "/srv/app/.venv/bin/python".'
        )
    if not os.access(path, os.X_OK):
        raise FleetError(
            f'There is no interpreter "{path}". Make the environment first, for example with '
            f'"uv venv {Path(path).parent.parent}".'
        )
    return path


def _folder(chdir: t.Union[str, Path, None]) -> Path:
    path = Path(os.path.expanduser(str(chdir or "/")))
    if not path.is_dir():
        raise FleetError(f'chdir "{path}" is no directory on this host.', hazard="AP-11")
    return path


def _look(python: str, *, package: str, environ: t.Optional[t.Mapping[str, str]]) -> Seen:
    return interpreter.look(
        [python, "-I"],
        chdir=Path("/"),
        environ=inherited(environ),
        packages=[versions.base_name(package)],
    )


def _editable(found: Distribution, seen: Seen, *, python: str, wanted: str) -> Refused:
    """AP-5, with the file that jobs import now."""
    first = seen.modules[seen.names[0]]
    origin = first.origin or ", ".join(first.folders) or "nothing"
    return Refused(
        f'"{found.name}" is an editable install in "{python}": jobs import "{origin}" of '
        f'"{found.editable}" (version {found.version}), and installing {wanted} would '
        "replace that. Deploy the source instead (deploy_source), or uninstall the editable one "
        "first if jobs are to use the wheel.",
        hazard="AP-5",
        details={"editable": found.editable, "origin": origin, "before_version": found.version},
    )


def _refuse_system_python(seen: Seen, python: str) -> None:
    if seen.externally_managed:
        raise Refused(
            f'"{python}" belongs to the system, which marks it as externally managed. Make an '
            "environment with uv venv and give its interpreter.",
            hazard="G-1",
        )


def _sentence(before: t.Optional[str], *, package: str, version: str, python: str) -> str:
    instead = f"instead of {before} " if before else ""
    argv = install_command("uv", python=python, package=package, version=version)
    return f'install {package}=={version} {instead}into "{python}" ({" ".join(argv)})'


def _failed(plan: WheelPlan, said: str, *, index: Index) -> FleetError:
    words = redact(last_words(said), index.secrets)
    return FleetError(
        f'uv could not install {plan.package}=={plan.version} into "{plan.python}": {words}'
    )


def _never_visible(
    plan: WheelPlan, said: str, *, attempts: int, waited: float, index: Index
) -> FleetError:
    words = redact(last_words(said), index.secrets)
    return FleetError(
        f"The index still has no {plan.package}=={plan.version} after {attempts} attempts in "
        f"{waited:.0f} s. If it was published just now, allow more with index_wait; else check "
        f"that it was published, and where. uv says: {words}",
        hazard="AP-4",
        details={"attempts": attempts, "waited": round(waited, 3)},
    )


def _installed(plan: WheelPlan, *, environ: t.Optional[t.Mapping[str, str]]) -> str:
    seen = _look(plan.python, package=plan.package, environ=environ)
    found = seen.distributions[versions.base_name(plan.package)]
    if found is None or not versions.same(found.version, plan.version):
        what = "nothing" if found is None else found.version
        raise FleetError(
            f'uv reported success, but "{plan.python}" now has {what} of {plan.package}, not '
            f"{plan.version}. Look for a second installation on its path."
        )
    return found.version
