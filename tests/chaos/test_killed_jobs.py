# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deploy killed runs again, whatever fails on the way and however often it is deployed."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._deploy import kill
from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import archive
from ansible_collections.fleet.jobs.tests.support import deployer
from ansible_collections.fleet.jobs.tests.support.deployer import Cut
from ansible_collections.fleet.jobs.tests.support.fleet import EmbeddedHost, Fleet
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

Asked = t.Dict[str, t.Any]

# Without "killed": so nothing but the deploy's own care brings these jobs back.
CLASSES = ["oom_host", "infra", "evicted", "yielded"]
JOB = "work/P"


class Site:
    """One host with one job that runs until it is let go, or told to end."""

    def __init__(self, fleet: Fleet, folder: Path) -> None:
        self.fleet, self.folder = fleet, folder
        (self.host,) = fleet.hosts
        self.go = folder / "go"

    def start(self, *more: t.Mapping[str, t.Any], label: str = JOB) -> None:
        self.host.queue([self.host.job(label, "hold", str(self.go)), *map(dict, more)])
        self.host.running(label)

    def start_stubborn(self) -> None:
        """It takes seconds to end after it was told so."""
        up = self.folder / "up"
        text = f"trap 'sleep 3; exit 1' TERM; touch {up}; while :; do sleep 0.1; done"
        job = {"label": JOB, "chdir": str(self.host.project), "restart_safe": True}
        self.host.queue([{**job, "command": ["bash", "-c", text]}])
        self.host.running(JOB)
        eventually(up.exists, timeout=20, what="the job holds the signal")

    def asked(self, sha: str, **more: t.Any) -> Asked:
        repository = str(self.fleet.origin.path)
        options = {"when_running": "kill", "restart_classes": CLASSES, "assertions": [], **more}
        return deployer.options(self.host, repository=repository, sha=sha, **options)

    def active(self, label: str = JOB) -> bool:
        return bool(self.host.tasks()[label].active)


@pytest.fixture
def site(tmp_path: Path) -> t.Iterator[Site]:
    fleet = Fleet(1, tmp_path / "fleet")
    yield Site(fleet, tmp_path)
    fleet.close()


def half_a_kill(monkeypatch: pytest.MonkeyPatch, left: t.Callable[[t.Any], t.Any]) -> None:
    """The jobs are ended, and then ``left`` says which are not."""
    real = kill.end

    def end(client: t.Any, tasks: t.Any) -> t.Any:
        real(client, tasks)
        return left(tasks)

    monkeypatch.setattr(kill, "end", end)


def no_answer(tasks: t.Any) -> t.Any:
    raise FleetError("pueued did not answer")


def test_more_kills_than_a_label_may_have_restarts(site: Site) -> None:
    site.start()
    for number in range(5):
        sha = site.fleet.origin.commit(f"change {number}", {"NOTES": str(number)})
        result = deployer.carry_out(site.asked(sha))
        assert (result["verdict"], result["killed"], result["restarted"]) == (
            "applied",
            [JOB],
            [JOB],
        )
        site.host.running(JOB)


@pytest.mark.parametrize("more", [{"restart_budget": 0}, {"restart_labels": ["x/*"]}], ids=str)
def test_a_dependant_goes_with_it_whatever_the_budget(site: Site, more: Asked) -> None:
    with site.host.daemon.connect() as client:
        client.group_add("extra", 4)
    site.start(site.host.job("work/C", "2", group="extra", after=[JOB]))
    asked = site.asked(site.fleet.origin.fix(), groups=["default"], **more)
    assert sorted(deployer.carry_out(asked)["restarted"]) == ["work/C", JOB]
    assert site.active() and site.active("work/C")


def test_it_ends_while_the_next_run_looks(site: Site) -> None:
    site.start_stubborn()
    asked = site.asked(site.fleet.origin.fix())
    dead = deployer.start(asked, Cut("_pueue.client:Client.kill", "after"))
    assert deployer.finish(dead)[0] == -9
    hang = site.folder / "hang"
    run = deployer.start(asked, Cut("_deploy.apply:owed", hang=str(hang)))
    eventually(hang.exists, timeout=60, what="the next run has looked")
    site.host.finished(JOB)
    hang.unlink()
    assert deployer.finish(run)[1]["restarted"] == [JOB]


def test_it_ends_after_a_deploy_that_let_it_finish(site: Site) -> None:
    site.start_stubborn()
    asked = site.asked(site.fleet.origin.fix())
    dead = deployer.start(asked, Cut("_pueue.client:Client.kill", "after"))
    assert deployer.finish(dead)[0] == -9
    assert deployer.carry_out({**asked, "when_running": "finish_old"})["verdict"] == "mixed"
    site.host.finished(JOB)
    result = deployer.carry_out({**asked, "when_running": "wait"})
    assert (result["verdict"], result["restarted"]) == ("applied", [JOB])
    site.host.running(JOB)
    assert deployer.carry_out({**asked, "when_running": "wait"})["verdict"] == "noop"


def test_the_code_is_there_and_the_lease_is_over(site: Site) -> None:
    site.start()
    asked = site.asked(site.fleet.origin.fix(), ttl=5.0)
    dead = deployer.start(asked, Cut("_deploy.apply:verification"))
    assert deployer.finish(dead)[0] == -9
    eventually(site.host.free, timeout=60, what="the keeper has thawed")
    assert deployer.carry_out({**asked, "ttl": 900.0})["restarted"] == [JOB]


def test_no_answer_half_way_through_the_kill(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.start()
    asked = site.asked(site.fleet.origin.fix())
    found = deployer.audited(asked)
    half_a_kill(monkeypatch, no_answer)
    with pytest.raises(FleetError, match="pueued did not answer"):
        deployer.applied(asked, found)
    assert site.active() and site.host.free()


def test_one_of_two_cannot_be_killed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.host.parallel(2)
    site.start()
    site.start(label="work/Q")
    asked = site.asked(site.fleet.origin.fix())
    found = deployer.audited(asked)
    half_a_kill(monkeypatch, lambda tasks: tasks[:1])
    with pytest.raises(FleetError, match="still run after SIGKILL") as error:
        deployer.applied(asked, found)
    assert error.value.details["changed"] is True
    assert site.active("work/Q") and site.host.free()


def test_the_disk_is_full_when_it_is_restarted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.start()
    asked = site.asked(site.fleet.origin.fix())
    found = deployer.audited(asked)

    def full(*_unused: t.Any, **_more: t.Any) -> t.NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive, "keep_copy", full)
    with pytest.raises(FleetError, match="No space left") as error:
        deployer.applied(asked, found)
    assert f"The killed jobs ({JOB}) were not restarted" in error.value.message
    assert error.value.details["killed"] == [JOB] and error.value.details["changed"] is True
    assert site.host.free()
    monkeypatch.undo()
    assert deployer.carry_out(asked)["restarted"] == [JOB]


def _daemon_dies(host: EmbeddedHost) -> None:
    host.daemon.kill9()
    host.daemon.start()
    assert host.daemon.leftovers(), "no accident: nothing lives on"


def test_pueued_dies_before_the_apply(site: Site) -> None:
    site.start()
    before = site.host.head()
    asked = site.asked(site.fleet.origin.fix())
    found = deployer.audited(asked)
    _daemon_dies(site.host)
    with pytest.raises(FleetError, match="outlived their pueued") as error:
        deployer.applied(asked, found)
    assert error.value.hazard == "AP-1" and error.value.details["changed"] is False
    assert site.host.daemon.leftovers() and site.host.head() == before and site.host.free()
    site.go.touch()


def test_pueued_dies_before_the_kill(site: Site) -> None:
    site.start()
    before = site.host.head()
    asked = site.asked(site.fleet.origin.fix())
    hang = site.folder / "hang"
    run = deployer.start(asked, Cut("_deploy.apply:kill_running", hang=str(hang)))
    eventually(hang.exists, timeout=60, what="it is about to kill")
    _daemon_dies(site.host)
    hang.unlink()
    result = deployer.finish(run)[1]
    assert result["hazard"] == "AP-1" and "The code was not moved" in result["msg"]
    assert site.host.daemon.leftovers() and site.host.head() == before and site.host.free()
    site.go.touch()
