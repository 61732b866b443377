# SPDX-License-Identifier: GPL-3.0-or-later
"""check, run, check, run of the three modules through the real ansible-core."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._ledger.store import Ledger
from ansible_collections.fleet.jobs.tests.support import git as real
from ansible_collections.fleet.jobs.tests.support.ansible import run_module
from ansible_collections.fleet.jobs.tests.support.environments import Environment
from ansible_collections.fleet.jobs.tests.support.index import Index


class Scene(t.NamedTuple):
    """A host's folder, what is upstream, and two commits."""

    folder: Path
    upstream: real.Repository
    first: str
    second: str

    @property
    def project(self) -> Path:
        return self.folder / "project"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def source(self, sha: str, **options: t.Any) -> t.Dict[str, t.Any]:
        return {
            "project": str(self.project),
            "repository": f"file://{self.upstream.bare}",
            "sha": sha,
            "state_dir": str(self.state),
            **options,
        }

    def releases(self) -> t.List[t.Tuple[str, str]]:
        with Ledger.open(self.state, read_only=True) as ledger:
            found = ledger.releases.history(str(self.project))
        return [(one.sha, one.version) for one in found]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    upstream = real.Repository.make(tmp_path / "upstream")
    first = upstream.commit({"demo/__init__.py": "V = 1\n"})
    second = upstream.commit({"demo/__init__.py": "V = 2\n"})
    folder = tmp_path / "host"
    folder.mkdir()
    return Scene(folder, upstream, first, second)


def test_source_check_run_check_run(scene: Scene) -> None:
    real.git(scene.folder, "clone", "-q", str(scene.upstream.bare), str(scene.project))
    real.git(scene.project, "reset", "-q", "--hard", scene.first)
    (scene.project / "demo" / "__init__.py").write_text("V = 'edited'\n")
    before = real.fingerprint(scene.folder)

    planned = run_module("deploy_source", scene.source(scene.second), check=True, diff=True)
    assert real.fingerprint(scene.folder) == before
    done = run_module("deploy_source", scene.source(scene.second), diff=True)
    after = real.fingerprint(scene.folder)
    checked = run_module("deploy_source", scene.source(scene.second), check=True, diff=True)
    again = run_module("deploy_source", scene.source(scene.second), diff=True)

    assert [one["changed"] for one in (planned, done, checked, again)] == [True, True, False, False]
    assert planned["actions"] == done["actions"][: len(planned["actions"])]
    assert planned["diff"] == done["diff"]
    assert done["diff"]["before"] == {"sha": scene.first, "dirty": ["demo/__init__.py"]}
    assert done["diff"]["after"]["files"] == ["M demo/__init__.py"]
    assert "V = 'edited'" in Path(done["patch"]).read_text()
    assert again["actions"] == []
    assert real.fingerprint(scene.folder) == after
    assert scene.releases() == [(scene.second, "")]


def test_source_makes_what_is_missing_and_check_mode_does_not(scene: Scene) -> None:
    planned = run_module("deploy_source", scene.source(scene.second), check=True, diff=True)
    assert list(scene.folder.iterdir()) == []
    assert planned["changed"]
    assert "not known before the fetch" in planned["unknown"][0]
    assert run_module("deploy_source", scene.source(scene.second))["before_sha"] == ""
    assert not run_module("deploy_source", scene.source(scene.second))["changed"]


def test_source_resolves(scene: Scene) -> None:
    asked = {"state": "resolved", "repository": str(scene.upstream.bare), "ref": "main"}
    found = run_module("deploy_source", asked, check=True)
    assert (found["changed"], found["sha"], found["kind"]) == (False, scene.second, "branch")
    failed = run_module("deploy_source", {**asked, "ref": "gone"})
    assert failed["failed"]
    assert 'no branch or tag "gone"' in failed["msg"]


def test_source_without_the_token_of_the_lease(scene: Scene) -> None:
    scene.state.mkdir()
    with Ledger.open(scene.state) as ledger:
        lease = ledger.lease.take("anna", "maintenance", 600)

    refused = run_module("deploy_source", scene.source(scene.second))
    assert refused["failed"]
    assert "anna" in refused["msg"]
    assert not scene.project.exists()
    allowed = run_module("deploy_source", scene.source(scene.second, lease_token=lease.token))
    assert allowed["changed"]


def test_source_shows_no_credential(scene: Scene) -> None:
    with real.http_server(scene.upstream.bare.parent, user="deploy:s3cret") as url:
        address = url.replace("http://", "http://deploy:s3cret@") + "/up.git"
        results = [
            run_module("deploy_source", scene.source(scene.second, repository=address), **mode)
            for mode in ({"check": True, "diff": True}, {"diff": True}, {"diff": True})
        ]
        wrong = address.replace("s3cret", "wr0ng")
        results.append(run_module("deploy_source", scene.source(scene.first, repository=wrong)))
        token = url.replace("http://", "http://wr0ngtoken@") + "/up.git"
        asked = {"state": "resolved", "ref": "main", "repository": token}
        results.append(run_module("deploy_source", asked))
    assert [bool(one.get("failed")) for one in results] == [False, False, False, False, True]
    assert "s3cret" not in json.dumps(results)
    assert "wr0ng" not in json.dumps(results)


def test_wheel_check_run_check_run(scene: Scene, tmp_path: Path) -> None:
    env = Environment.make(tmp_path / "host" / "env")
    scene.project.mkdir()
    with Index(credential="deploy:s3cret") as index:
        index.publish("demo-pkg", "2.0.0", after=1)
        args = {
            "python": env.python,
            "package": "demo-pkg",
            "version": "2.0.0",
            "chdir": str(scene.project),
            "index_url": index.url,
            "index_username": "deploy",
            "index_password": "s3cret",
            "state_dir": str(scene.state),
        }
        before = real.fingerprint(scene.folder)
        planned = run_module("deploy_wheel", args, check=True, diff=True, env=env.environ)
        assert (real.fingerprint(scene.folder), index.log) == (before, [])
        done = run_module("deploy_wheel", args, diff=True, env=env.environ)
        checked = run_module("deploy_wheel", args, check=True, diff=True, env=env.environ)
        again = run_module("deploy_wheel", args, diff=True, env=env.environ)

    results = (planned, done, checked, again)
    assert [one["changed"] for one in results] == [True, True, False, False]
    assert (
        planned["diff"]
        == done["diff"]
        == {
            "before": {"version": ""},
            "after": {"version": "2.0.0"},
        }
    )
    assert (done["attempts"], again["attempts"]) == (2, 0)
    assert "s3cret" not in json.dumps(results)


def test_verify_says_ok_or_why_not(scene: Scene) -> None:
    env = Environment.make(scene.folder / "env")
    run_module("deploy_source", scene.source(scene.second))
    before = real.fingerprint(scene.project)
    args = {
        "python": env.python,
        "chdir": str(scene.project),
        "modules": ["demo"],
        "expected_sha": scene.second,
        "assertions": [{"expression": "demo.V == 2"}],
    }
    for check in (True, False):
        found = run_module("deploy_verify", args, check=check)
        assert (found.get("failed", False), found["changed"]) == (False, False)
        assert (found["kind"], found["commit"]) == ("source", scene.second)
    wrong = run_module("deploy_verify", {**args, "assertions": [{"expression": "demo.V == 3"}]})
    assert wrong["failed"]
    assert wrong["findings"] == ['Assertion "demo.V == 3" does not hold: the left side is 2.']
    assert wrong["msg"] == wrong["findings"][0]
    assert real.fingerprint(scene.project) == before
