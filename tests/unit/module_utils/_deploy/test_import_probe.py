# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe under this very interpreter, and what is concluded from its answers."""

from __future__ import annotations

import importlib.machinery
import json
import os
import sys
import typing as t
from importlib import metadata
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._deploy import interpreter, verify
from ansible_collections.fleet.jobs.plugins.module_utils._deploy.import_probe import (
    as_json,
    chains,
    dist_info,
    from_folder,
    from_metadata,
    normal,
    top_level,
)
from ansible_collections.fleet.jobs.plugins.module_utils._deploy.interpreter import (
    Distribution,
    Module,
)


def distribution(**values: t.Any) -> Distribution:
    given: t.Dict[str, t.Any] = {
        "name": "demo",
        "version": "1.0",
        "location": "/site",
        "editable": None,
        "commit": None,
        "top_level": (),
    }
    return Distribution(**{**given, **values})


@pytest.mark.parametrize(
    ("origin", "editable", "kind"),
    [
        ("/site/demo/__init__.py", None, "wheel"),
        ("/srv/demo/__init__.py", None, "source"),
        ("/srv/demo/__init__.py", "/srv", "editable"),
        ("/srv-other/demo/__init__.py", "/srv", "source"),
        ("/site/demo/__init__.py", "/", "wheel"),
        (None, None, None),
    ],
)
def test_kind(origin: t.Optional[str], editable: t.Optional[str], kind: t.Optional[str]) -> None:
    module = Module("demo", origin, (), False, None, None)
    found = verify.kind_of(module, distribution(editable=editable), sites=("/site",))
    assert found == kind


@pytest.mark.parametrize(
    ("raw", "editable"),
    [
        (
            {"direct_url": '{"url": "file:///srv/a%20b", "dir_info": {"editable": true}}'},
            "/srv/a b",
        ),
        ({"direct_url": '{"url": "file:///srv/x", "dir_info": {}}'}, None),
        ({"egg_link": "/srv/old"}, "/srv/old"),
        ({"editable_files": ["__editable__.demo-1.pth"]}, "/site"),
        ({}, None),
    ],
)
def test_editable_is_recognised_in_every_form(
    raw: t.Dict[str, t.Any], editable: t.Optional[str]
) -> None:
    base = {
        "name": "demo",
        "version": "1",
        "location": "/site",
        "direct_url": None,
        "top_level": [],
        "editable_files": [],
        "egg_link": None,
    }
    assert Distribution.of({**base, **raw}).editable == editable


def test_commit_of_a_wheel_built_from_git() -> None:
    raw = {
        "name": "demo",
        "version": "1",
        "location": "/site",
        "direct_url": '{"url": "https://h", "vcs_info": {"commit_id": "abc"}}',
        "top_level": [],
        "editable_files": [],
        "egg_link": None,
    }
    assert Distribution.of(raw).commit == "abc"


def test_top_level_names() -> None:
    files = ["demo/__init__.py", "one.py", "demo-1.dist-info/RECORD", "../../bin/x"]
    assert top_level(None, files) == ["demo", "one"]
    assert top_level("a\nb\n", files) == ["a", "b"]


def test_dotted_names_of_an_expression() -> None:
    import ast

    found = chains(ast.parse("a.b.c == len(d) and a.b.f(e.g)[0]", mode="eval"))
    assert ["a", "b", "c"] in found
    assert ["e", "g"] in found


def test_probe_answers_under_this_interpreter(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "__init__.py").write_text("print('noise')\nV = 1\n")
    (tmp_path / "json.py").write_text("V = 2\n")

    seen = interpreter.look(
        [sys.executable],
        chdir=tmp_path,
        environ={"PATH": os.environ["PATH"]},
        packages=["absent-package"],
        names=["demo", "json"],
        expressions=["demo.V + json.V == 3", "demo.V == 2"],
        run_imports=True,
        shadowing=True,
    )

    assert seen.distributions == {"absent-package": None}
    assert seen.modules["demo"].origin == os.path.realpath(str(tmp_path / "demo" / "__init__.py"))
    assert [one.ok for one in seen.expressions] == [True, False]
    assert seen.expressions[1].left == "1"
    assert [name for name, _unused, _unused in seen.shadowed] == ["json"]
    assert not list(tmp_path.rglob("__pycache__"))


def test_without_names_the_imports_are_those_of_the_package(tmp_path: Path) -> None:
    seen = interpreter.look([sys.executable], chdir=tmp_path, environ={}, packages=["some-package"])
    assert seen.names == ("some_package",)


def test_the_job_environment_is_what_the_queue_gives() -> None:
    environ = {"PATH": "/bin", "SECRET": "x", "PYTHONPATH": "/y"}
    assert interpreter.job_environment(environ, {"A": "1"}) == {"PATH": "/bin", "A": "1"}


def test_an_answer_is_json_whatever_is_in_it() -> None:
    value = {
        "quotes": 'a "b" \\ \n\t\x00',
        "far": "für 😀 \udcff",
        "list": [None, True, False, ("x", [])],
        "": {},
    }
    assert json.loads(as_json(value)) == {**value, "list": [None, True, False, ["x", []]]}


def test_metadata_is_read_as_importlib_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # Test runners put finders of their own in front.
    monkeypatch.setattr(sys, "meta_path", [importlib.machinery.PathFinder])
    names = sorted({normal(one.metadata["Name"]) for one in metadata.distributions()})
    folders = {name: dist_info(name) for name in names}
    assert len(names) > 5
    for name, folder in folders.items():
        assert folder, name
        assert from_folder(folder) == from_metadata(name)
    assert dist_info("absent-package") is None


def test_what_is_no_plain_folder_is_left_to_importlib(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "meta_path", [importlib.machinery.PathFinder])
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    (tmp_path / "old_one-1.0-py3.11.egg-info").mkdir()
    assert dist_info("old-one") == ""
    assert dist_info("other") is None
    (tmp_path / "archive.zip").write_bytes(b"")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "archive.zip")])
    assert dist_info("other") == ""
    monkeypatch.setattr(sys, "meta_path", [metadata.DistributionFinder, *sys.meta_path])
    monkeypatch.setattr(sys, "path", [])
    assert dist_info("other") == ""


def test_two_folders_of_one_package_are_left_to_importlib(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an installation that was killed leaves them: which one counts is not ours to say."""
    monkeypatch.setattr(sys, "meta_path", [importlib.machinery.PathFinder])
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    (tmp_path / "bars-1.0.dist-info").mkdir()
    assert dist_info("bars") == str(tmp_path / "bars-1.0.dist-info")
    (tmp_path / "bars-2.0.dist-info").mkdir()
    assert dist_info("bars") == ""
