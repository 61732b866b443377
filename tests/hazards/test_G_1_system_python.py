# SPDX-License-Identifier: GPL-3.0-or-later
"""G-1: the system's Python refuses packages (PEP 668), and whoever insists changes the system.

Stopped by: ``deploy_wheel`` never touches such a Python, and says how to make an environment.
"""

from __future__ import annotations

import shutil
import sys
import sysconfig
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._deploy import uv, wheel
from ansible_collections.fleet.jobs.plugins.module_utils._errors import Refused
from ansible_collections.fleet.jobs.tests.support.environments import Environment
from ansible_collections.fleet.jobs.tests.support.index import Index


class System(Environment):
    """A real Python of its own prefix, marked by its distributor as PEP 668 has it."""

    @classmethod
    def make(cls, folder: Path) -> System:
        """The base interpreter beside links to its library, with site-packages of its own."""
        made = cls(folder)
        library = Path(sysconfig.get_path("stdlib"))
        ours = folder / "usr" / library.parent.name / library.name
        (ours / "site-packages").mkdir(parents=True)
        (folder / "usr" / "bin").mkdir()
        (folder / "home").mkdir()
        for entry in library.iterdir():
            if entry.name not in ("site-packages", "EXTERNALLY-MANAGED"):
                (ours / entry.name).symlink_to(entry)
        (ours / "EXTERNALLY-MANAGED").write_text("[externally-managed]\nError=Ask the system.\n")
        shutil.copy2(Path(sys._base_executable).resolve(), made.python)
        return made

    @property
    def python(self) -> str:
        return str(self.folder / "usr" / "bin" / "python3")

    def version(self) -> str:
        return self.evaluate("import demo_pkg; print(demo_pkg.__version__)")


@pytest.fixture
def index() -> t.Iterator[Index]:
    with Index() as served:
        for version in ("1.0.0", "2.0.0"):
            served.publish("demo-pkg", version)
        yield served


@pytest.fixture
def system(index: Index, tmp_path: Path) -> System:
    """A system that brings version 1 of a package."""
    made = System.make(tmp_path / "system")
    where = ("--python", made.python, "--default-index", index.url)
    made.uv("pip", "install", "--break-system-packages", *where, "demo-pkg==1.0.0")
    return made


def test_without_the_guard_it_refuses_or_the_system_is_changed(
    system: System, index: Index
) -> None:
    where = ("--python", system.python, "--default-index", index.url)
    plain = system.uv("pip", "install", *where, "demo-pkg==2.0.0", check=False)
    assert plain.returncode != 0 and "externally managed" in plain.stderr
    system.uv("pip", "install", "--break-system-packages", *where, "demo-pkg==2.0.0")
    assert system.version() == "2.0.0"


def test_the_guard_refuses_and_says_what_to_use_instead(system: System, index: Index) -> None:
    with pytest.raises(Refused, match="uv venv") as error:
        plan = wheel.plan(
            python=system.python, package="demo-pkg", version="2.0.0", environ=system.environ
        )
        wheel.apply(plan, index=uv.Index(index.url), environ=system.environ)
    assert error.value.hazard == "G-1"
    assert system.version() == "1.0.0"


def test_an_environment_beside_it_is_upgraded(system: System, index: Index, tmp_path: Path) -> None:
    own = Environment.make(tmp_path / "own")
    plan = wheel.plan(python=own.python, package="demo-pkg", version="2.0.0", environ=own.environ)
    result = wheel.apply(plan, index=uv.Index(index.url), environ=own.environ)
    assert result.after_version == "2.0.0" and system.version() == "1.0.0"
