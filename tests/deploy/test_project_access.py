# SPDX-License-Identifier: GPL-3.0-or-later
"""Access to the repository without a prompt (G-7), and the trust of a real mise (G-8)."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.support import git as real
from ansible_collections.fleet.jobs.tests.support.ansible import run_module
from ansible_collections.fleet.jobs.tests.support.files import everything
from ansible_collections.fleet.jobs.tests.support.mise import Account

CONFIG = '[env]\nWINDOW = "250"\n'


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return Account(tmp_path / "home")


def call(account: Account, *, check: bool = False, **options: t.Any) -> t.Dict[str, t.Any]:
    return run_module(
        "project_access", options, check=check, diff=True, env=account.environ(PATH=_path(account))
    )


def _path(account: Account) -> str:
    return f"{account.program_folder}:/usr/local/bin:/usr/bin:/bin"


def uses(account: Account, project: Path) -> bool:
    """Whether mise takes the project's configuration, without trusting it on the way."""
    return "WINDOW=250" in account.run("env", cwd=project).stdout


@pytest.mark.parametrize("checkout", [True, False], ids=["checked-out", "before-the-checkout"])
def test_check_run_check_run(account: Account, checkout: bool) -> None:
    project, other = account.home / "bars", account.home / "other"
    for folder in (project, other) if checkout else (other,):
        folder.mkdir()
        (folder / "mise.toml").write_text(CONFIG)
    before = everything(account.home)
    foreseen = call(account, check=True, project=str(project), trust=True)
    assert foreseen["changed"] and everything(account.home) == before
    done = call(account, project=str(project), trust=True)
    assert (done["changed"], done["actions"], done["diff"]) == (
        *(True, foreseen["actions"]),
        foreseen["diff"],
    )
    for check in (True, False):
        again = call(account, check=check, project=str(project), trust=True)
        assert (again["changed"], again["actions"], again["trusted"]) == (False, [], True)
    (project / "mise.toml").write_text(CONFIG)
    assert uses(account, project)
    assert not uses(account, other), "exactly the project was to be trusted"
    assert not call(account, project=str(project), trust=True)["changed"]


def test_what_a_person_trusted_is_seen(account: Account) -> None:
    project = account.home / "bars"
    project.mkdir()
    (project / "mise.toml").write_text(CONFIG)
    account.trust(project)
    assert not call(account, project=str(project), trust=True)["changed"]


@pytest.mark.parametrize("place", ["~", "/"])
def test_a_home_is_no_project(account: Account, place: str) -> None:
    refused = call(account, project=place, trust=True)
    assert (refused["failed"], refused["hazard"]) == (True, "G-8")


def test_without_mise(account: Account) -> None:
    (account.program_folder / "mise").unlink()
    project = str(account.home / "bars")
    assert call(account, project=project, trust=True, check=True)["changed"], "it may come first"
    failed = call(account, project=project, trust=True)
    assert failed["failed"] and "mise is not installed" in failed["msg"]


def test_access_is_asked_for_and_nobody_is_prompted(account: Account, tmp_path: Path) -> None:
    repository = real.Repository.make(tmp_path / "upstream")
    sha = repository.commit({"x": "1\n"})
    project = str(account.home / "bars")
    with real.http_server(repository.bare.parent, user="deploy:s3cret") as url:
        where = {"project": project, "repository": f"{url}/up.git"}
        for check in (True, False):
            failed = call(account, check=check, **where)
            assert (failed["failed"], failed["hazard"]) == (True, "G-7")
            assert "deploy key" in failed["msg"]
        netrc = account.home / ".netrc"
        netrc.write_text("machine 127.0.0.1 login deploy password s3cret\n")
        netrc.chmod(0o600)
        for check in (True, False):
            found = call(account, check=check, **where)
            assert (found["changed"], found["sha"]) == (False, sha)
        gone = call(account, **where, ref="gone")
        assert gone["failed"] and 'no branch or tag "gone"' in gone["msg"]
    assert not (account.home / "bars").exists()
