# SPDX-License-Identifier: GPL-3.0-or-later
"""What jobs import, asked of real interpreters in real checkouts."""

from __future__ import annotations

import shutil
import typing as t
from dataclasses import dataclass
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._deploy import verify
from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError
from ansible_collections.fleet.jobs.tests.support import git as real
from ansible_collections.fleet.jobs.tests.support.environments import Environment
from ansible_collections.fleet.jobs.tests.support.index import Index

CORE = "import json\n\nTHRESHOLD = 5\n\ndef skip_empty(rows):\n    return [r for r in rows if r]\n"


@dataclass
class Host:
    env: Environment
    upstream: real.Repository
    sha: str

    @property
    def project(self) -> Path:
        return self.upstream.path

    def check(self, **options: t.Any) -> verify.VerifyResult:
        given: t.Dict[str, t.Any] = {
            "python": self.env.python,
            "chdir": self.project,
            "package": "demo-pkg",
            "environ": self.env.environ,
            **options,
        }
        return verify.check(**given)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    upstream = real.Repository.make(tmp_path / "upstream")
    sha = upstream.commit(
        {"demo_pkg/__init__.py": '__version__ = "1.0.0"\n', "demo_pkg/core.py": CORE}
    )
    return Host(Environment.make(tmp_path / "host"), upstream, sha)


@pytest.fixture
def editable(host: Host) -> Host:
    host.env.make_editable(host.project, name="demo_pkg")
    return host


@pytest.fixture
def wheeled(host: Host) -> Host:
    with Index() as index:
        index.publish("demo-pkg", "2.0.0")
        host.env.install(index, "demo-pkg==2.0.0")
    return host


def test_a_plain_checkout(host: Host) -> None:
    found = host.check(expected_sha=host.sha, expected_kind="source", expected_version="1.0.0")
    assert found.findings == ()
    assert (found.kind, found.version, found.commit) == ("source", "1.0.0", host.sha)
    assert found.origin == str(host.project / "demo_pkg" / "__init__.py")


def test_an_editable_install(editable: Host) -> None:
    found = editable.check(expected_kind="editable", expected_sha=editable.sha)
    assert (found.findings, found.kind, found.commit) == ((), "editable", editable.sha)


def test_a_wheel(wheeled: Host, tmp_path: Path) -> None:
    found = wheeled.check(chdir=tmp_path, expected_kind="wheel", expected_version="2.0")
    assert (found.findings, found.kind, found.commit) == ((), "wheel", None)
    assert "site-packages" in (found.origin or "")


def test_a_wheel_beside_the_checkout_that_jobs_really_import(wheeled: Host) -> None:
    found = wheeled.check()
    assert (found.ok, found.kind, found.hazard) == (False, "source", "AP-5")
    assert "is installed as wheel" in found.findings[0]
    assert wheeled.check(expected_kind="source").ok
    refused = wheeled.check(expected_kind="wheel")
    assert any("should import" in sentence for sentence in refused.findings)


def test_a_wheel_of_the_project_is_held_against_the_checkout_that_jobs_run_in(
    wheeled: Host,
) -> None:
    shutil.rmtree(wheeled.project / "demo_pkg")
    wheeled.upstream.git("rm", "-rq", "--cached", "demo_pkg")
    sha = wheeled.upstream.commit({"jobs.txt": "x\n"})
    assert wheeled.check(expected_sha=sha, expected_kind="wheel").ok
    assert not wheeled.check(expected_sha=wheeled.sha).ok


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        ({"expected_sha": "1" * 40}, "is at"),
        ({"expected_version": "9.9"}, "Version 9.9"),
        ({"expected_kind": "wheel"}, "as wheel"),
    ],
)
def test_each_failed_expectation_is_one_sentence(
    host: Host, expected: t.Dict[str, str], words: str
) -> None:
    found = host.check(**expected)
    assert len(found.findings) == 1
    assert words in found.findings[0]


def test_a_changed_file_is_not_the_commit(host: Host) -> None:
    (host.project / "demo_pkg" / "core.py").write_text("THRESHOLD = 6\n")
    found = host.check(expected_sha=host.sha)
    assert "demo_pkg/core.py" in found.findings[0]


ASSERTIONS: t.List[t.Tuple[t.Dict[str, str], t.Optional[str]]] = [
    ({"expression": "demo_pkg.core.THRESHOLD == 5"}, None),
    ({"expression": "demo_pkg.core.THRESHOLD == 6"}, "the left side is 5"),
    ({"expression": "demo_pkg.core.skip_empty([0, 1]) == [1]"}, None),
    ({"expression": "len(demo_pkg.__version__) == 5"}, None),
    ({"expression": "demo_pkg.core.GONE"}, "AttributeError"),
    ({"expression": "not demo_pkg.core"}, "it is False"),
    ({"pattern": r"^def skip_empty\(", "module": "demo_pkg.core"}, None),
    ({"pattern": r"^def skip_all\(", "module": "demo_pkg.core"}, "is not in"),
    ({"pattern": "^THRESHOLD = 5$", "file": "demo_pkg/core.py"}, None),
    ({"pattern": "x", "file": "gone.py"}, "cannot be read"),
    ({"pattern": "x", "module": "demo_pkg.gone"}, "no file to read"),
]


@pytest.mark.parametrize(("assertion", "words"), ASSERTIONS)
def test_assertions(host: Host, assertion: t.Dict[str, str], words: t.Optional[str]) -> None:
    found = host.check(assertions=[assertion])
    assert found.ok is (words is None), found.findings
    assert words is None or words in found.findings[0]


def test_assertions_without_a_package(host: Host) -> None:
    found = host.check(
        package=None,
        expected_sha=host.sha,
        assertions=[{"expression": "demo_pkg.core.THRESHOLD == 5"}],
    )
    assert (found.findings, found.origin, found.kind) == ((), None, None)
    assert not host.check(package=None, expected_sha="1" * 40).ok


def test_an_untracked_module_that_hides_a_standard_one_is_named(host: Host) -> None:
    (host.project / "json.py").write_text("raise RuntimeError('not the json you want')\n")
    found = host.check(modules=["demo_pkg.core"])
    shadows = [sentence for sentence in found.shadowing if '"json"' in sentence]
    assert len(shadows) == 1
    assert str(host.project / "json.py") in shadows[0]
    assert any("not the json you want" in sentence for sentence in found.findings)


def test_a_tracked_module_of_such_a_name_is_the_projects_own_business(host: Host) -> None:
    host.upstream.commit({"queue.py": "X = 1\n"})
    assert host.check(assertions=[{"expression": "queue.X == 1"}]).findings == ()


def test_an_untracked_package_that_jobs_import_is_named(host: Host) -> None:
    (host.project / "extra").mkdir()
    (host.project / "extra" / "__init__.py").touch()
    found = host.check(package=None, modules=["extra"])
    assert "not tracked by git" in found.findings[0]


def test_left_over_bytecode_is_no_module(host: Host) -> None:
    host.env.evaluate("import compileall; compileall.compile_dir('demo_pkg')", cwd=host.project)
    for path in (host.project / "demo_pkg").glob("*.py"):
        path.unlink()
    found = host.check()
    assert "empty shell" in found.findings[0]


def test_bytecode_alone_is_named(host: Host) -> None:
    host.env.evaluate(
        "import py_compile; py_compile.compile('demo_pkg/__init__.py', 'demo_pkg/__init__.pyc')",
        cwd=host.project,
    )
    (host.project / "demo_pkg" / "__init__.py").unlink()
    assert any("compiled bytecode only" in one for one in host.check().findings)


def test_an_import_that_fails_prints_or_exits_is_a_finding(host: Host) -> None:
    host.upstream.commit({"loud/__init__.py": "print('{}' * 9)\nimport os\nos.write(1, b'x')\n"})
    assert host.check(package=None, modules=["loud"]).ok
    host.upstream.commit({"quits/__init__.py": "raise SystemExit(3)\n"})
    assert "SystemExit: 3" in host.check(package=None, modules=["quits"]).findings[0]
    assert host.check(package=None, modules=["quits"], run_imports=False).ok
    assert "no module" in host.check(package=None, modules=["absent"]).findings[0]


def test_an_import_that_never_ends_is_ended(host: Host) -> None:
    host.upstream.commit({"slow/__init__.py": "import time\ntime.sleep(600)\n"})
    with pytest.raises(FleetError, match="still running after 2 s"):
        host.check(package=None, modules=["slow"], timeout=2)


def test_an_interpreter_that_dies_says_so(host: Host) -> None:
    host.upstream.commit({"dies/__init__.py": "import os\nos._exit(7)\n"})
    with pytest.raises(FleetError, match="exit code 7"):
        host.check(package=None, modules=["dies"])


def test_only_the_environment_of_jobs_takes_part(host: Host, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "ghost.py").touch()
    leak = {**host.env.environ, "PYTHONPATH": str(tmp_path / "elsewhere")}
    assert not host.check(package=None, modules=["ghost"], environ=leak).ok
    own = {"PYTHONPATH": str(tmp_path / "elsewhere")}
    assert host.check(package=None, modules=["ghost"], environment=own).ok


def test_nothing_is_changed(editable: Host) -> None:
    folders = (editable.project, editable.env.folder)
    before = real.fingerprint(*folders)
    assert editable.check(
        modules=["demo_pkg.core"],
        expected_sha=editable.sha,
        assertions=[{"expression": "demo_pkg.core.THRESHOLD == 5"}],
    ).ok
    assert real.fingerprint(*folders) == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"python": "bin/gone"}, "There is no interpreter"),
        ({"python": "no-such-python"}, "on the PATH that jobs have"),
        ({"chdir": "relative"}, "no absolute path"),
        ({"assertions": [{}]}, "give either expression, or pattern"),
        ({"assertions": [{"pattern": "("}]}, "exactly one of file and module"),
        ({"assertions": [{"pattern": "(", "file": "x"}]}, "cannot be read"),
        ({"assertions": [{"expression": "x ="}]}, "cannot be read"),
    ],
)
def test_bad_input_is_one_sentence(host: Host, options: t.Dict[str, t.Any], words: str) -> None:
    with pytest.raises(FleetError, match=words):
        host.check(**options)


def test_mise_is_used_where_project_and_host_have_it(host: Host) -> None:
    """The real mise is too large for a test; a stand-in shows what it would be called with."""
    stand_in = host.env.folder / "home" / ".local" / "bin" / "mise"
    stand_in.parent.mkdir(parents=True)
    stand_in.write_text('#!/bin/sh\ntest "$1 $2" = "exec --" || exit 9\nshift 2\nexec "$@"\n')
    stand_in.chmod(0o755)
    assert host.check().interpreter == (host.env.python,)
    host.upstream.commit({"mise.toml": "[env]\n"})
    found = host.check()
    assert found.interpreter == (str(stand_in), "exec", "--", host.env.python)
    assert found.ok
    assert host.check(use_mise=False).interpreter == (host.env.python,)
