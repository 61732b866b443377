# SPDX-License-Identifier: GPL-3.0-or-later
"""A deploy that fails in the middle leaves nothing frozen or unproven, and says what was done."""

from __future__ import annotations

import fcntl
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import recovery, rerun
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.instance import Instance
from ansible_collections.fleet.jobs.tests.support import deployer
from ansible_collections.fleet.jobs.tests.support.deployer import Cut
from ansible_collections.fleet.jobs.tests.support.fleet import Fleet, git

Asked = t.Dict[str, t.Any]
LOUD = """\
import os
for number in range(3, 20):
    try:
        os.write(number, b"loud")
    except OSError:
        pass
"""


@pytest.fixture
def fleet(tmp_path: Path) -> t.Iterator[Fleet]:
    made = Fleet(1, tmp_path / "fleet")
    yield made
    made.close()


def asked_of(fleet: Fleet, sha: str, **more: t.Any) -> Asked:
    (host,) = fleet.hosts
    options = {"repository": str(fleet.origin.path), "assertions": [], **more}
    return deployer.options(host, sha=sha, **options)


def test_a_module_that_writes_into_the_answer_is_gone_back_from(fleet: Fleet) -> None:
    (host,) = fleet.hosts
    before = host.head()
    sha = fleet.origin.commit("loud", {"loud.py": LOUD})
    result = deployer.carry_out(asked_of(fleet, sha, modules=["loud"]))
    assert (
        result["verdict"] == "rolled_back" and "did not say what the jobs import" in result["msg"]
    )
    assert host.head() == before and host.free()


def test_what_nobody_foresaw_leaves_nothing_either(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ansible_collections.fleet.jobs.plugins.module_utils._deploy import apply

    (host,) = fleet.hosts
    before = host.head()
    asked = asked_of(fleet, fleet.origin.fix())
    found = deployer.audited(asked)

    def surprise(*_unused: t.Any, **_more: t.Any) -> t.NoReturn:
        raise KeyError("a mistake of ours")

    monkeypatch.setattr(apply, "verification", surprise)
    with pytest.raises(KeyError):
        deployer.applied(asked, found)
    assert host.head() == before and host.free()


def test_the_same_plan_again_knows_its_own_way_back(fleet: Fleet) -> None:
    (host,) = fleet.hosts
    first = host.head()
    asked = asked_of(fleet, fleet.origin.fix())
    assert deployer.carry_out(asked)["verdict"] == "applied"
    git("reset", "-q", "--hard", first, cwd=host.project)
    dead = deployer.start(asked, Cut("_deploy.apply:verification"))
    assert deployer.finish(dead)[0] == -9 and host.head() == asked["sha"]
    missing = {"file": "work.py", "pattern": "not there", "expression": None, "module": None}
    assert deployer.carry_out({**asked, "assertions": [missing]})["verdict"] == "rolled_back"
    assert host.head() == first


def test_a_restart_that_reaches_one_of_two_says_so(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    (host,) = fleet.hosts
    host.queue([host.job("work/1", "1"), host.job("work/3", "3")])
    host.finished("work/1", "work/3")
    asked = asked_of(fleet, fleet.origin.fix())
    found = deployer.audited(asked)
    real = rerun._runs_again
    monkeypatch.setattr(
        rerun, "_runs_again", lambda task, after: task.label == "work/1" and real(task, after)
    )
    with pytest.raises(FleetError, match="did not become active") as error:
        deployer.applied(asked, found)
    assert error.value.details["changed"] is True
    assert (error.value.details["restarted"], error.value.details["missing"]) == (
        ["work/1"],
        ["work/3"],
    )


def test_a_thaw_that_fails_is_no_success(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asked_of(fleet, fleet.origin.fix())
    found = deployer.audited(asked)

    def unheard(*_unused: t.Any) -> t.NoReturn:
        raise FleetError("pueued does not answer")

    monkeypatch.setattr(recovery, "thaw", unheard)
    with pytest.raises(FleetError, match="pueued does not answer") as error:
        deployer.applied(asked, found)
    assert error.value.details["verdict"] == "failed"


def test_a_later_slice_that_cannot_begin_thaws(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (host,) = fleet.hosts
    host.queue([host.job("work/P", "hold", str(tmp_path / "go"))])
    host.running("work/P")
    asked = asked_of(fleet, fleet.origin.fix())
    found = deployer.audited(asked)
    assert not found.finished and host.groups()["default"] == "Paused"
    wrapped: t.Any = Instance.lock
    monkeypatch.setattr(wrapped.__wrapped__, "__kwdefaults__", {"timeout": 0.5})
    with open(host.state_dir / "instance.lock", "a", encoding="utf-8") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(FleetError):
            deployer.audited(asked, found.state)
    assert host.free()
