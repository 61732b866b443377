# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 in each step of a deploy: the next run converges, nothing is frozen, lost or doubled."""

from __future__ import annotations

import os
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.support import deployer
from ansible_collections.fleet.jobs.tests.support.deployer import Cut
from ansible_collections.fleet.jobs.tests.support.environments import Environment
from ansible_collections.fleet.jobs.tests.support.fleet import EmbeddedHost, Fleet, git
from ansible_collections.fleet.jobs.tests.support.index import Index
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

Asked = t.Dict[str, t.Any]

CUTS = [
    # lease
    Cut("_ledger.lease:Leases.take"),
    Cut("_ledger.lease:Leases.take", "after"),
    # freeze: on record, some of the groups, all of them
    Cut("_ledger.lease:Leases.set_frozen", "after"),
    Cut("_pueue.client:Client.pause_group", "after"),
    Cut("_pueue.client:Client.pause_group", "after", 2),
    # decide
    Cut("_ledger.journal:Journal.begin"),
    Cut("_ledger.journal:Journal.begin", "after"),
    # pull
    Cut("_deploy.transfer:fetch"),
    Cut("_deploy.transfer:fetch", "after"),
    Cut("_deploy.patch:save", "after"),
    Cut("_deploy.source:_move", "after"),
    # verify
    Cut("_deploy.apply:verification"),
    Cut("_deploy.apply:verification", "after"),
    # restart
    Cut("_ledger.budgets:Budgets.charge", "after"),
    Cut("_pueue.client:Client.restart"),
    Cut("_pueue.client:Client.restart", "after"),
    # release
    Cut("_ledger.releases:Releases.record"),
    Cut("_jobs.recovery:give_back"),
    Cut("_pueue.client:Client.start_group", "after"),
    Cut("_jobs.recovery:thaw", "after"),
    Cut("_ledger.lease:Leases.release", "after"),
    Cut("_jobs.recovery:give_back", "after"),
    # monitor
    Cut("_capacity.watch:_look_once", "after"),
]


@pytest.fixture
def fleet(tmp_path: Path) -> t.Iterator[Fleet]:
    made = Fleet(1, tmp_path / "fleet")
    yield made
    made.close()


@pytest.fixture
def host(fleet: Fleet) -> EmbeddedHost:
    """Done, failed and waiting jobs in three groups, one of which people have paused."""
    (one,) = fleet.hosts
    with one.daemon.connect() as client:
        client.parallel("default", 4)
        client.group_add("extra", 4)
        client.group_add("held", 1)
        client.pause_group("held")
    one.queue(
        [
            one.job("work/0", "0"),
            one.job("work/1", "1"),
            one.job("work/3", "3", group="extra"),
            one.job("work/9", "9", group="held"),
        ]
    )
    one.finished("work/0", "work/1", "work/3")
    return one


def asked(fleet: Fleet, host: EmbeddedHost, **more: t.Any) -> Asked:
    return deployer.options(host, repository=str(fleet.origin.path), sha=fleet.origin.fix(), **more)


def kill_at(options: Asked, cut: Cut) -> None:
    assert deployer.finish(deployer.start(options, cut))[0] == -9, f"it never came to {cut}"


def classes(host: EmbeddedHost, label: str) -> t.List[t.Optional[str]]:
    with host.ledger() as ledger:
        return [attempt.class_ for attempt in ledger.attempts.history(label)]


def assert_converged(host: EmbeddedHost, options: Asked, *, frozen: str = "held") -> None:
    """Everything that must hold after a deploy, whatever happened on the way."""
    assert host.head() == options["sha"]
    assert git("status", "--porcelain", cwd=host.project) == ""
    expected = {"default": "Running", "extra": "Running", frozen: "Paused"}
    assert host.groups() == expected
    with host.ledger() as ledger:
        assert ledger.lease.held() is None
        assert ledger.lease.expired_frozen() == []
    tasks = host.finished("work/0", "work/1", "work/3")
    assert all(task.ok for task in tasks.values())
    assert classes(host, "work/0") == ["ok"]
    assert classes(host, "work/1") == ["app", "ok"]
    assert classes(host, "work/3") == ["app", "ok"]
    with host.daemon.connect() as client:
        by_label = client.status().by_label()
    assert {label: len(found) for label, found in by_label.items()} == dict.fromkeys(by_label, 1)
    assert by_label["work/9"][0].status == "Queued"
    again = deployer.carry_out(options)
    assert again.get("verdict") == "noop", again


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_the_next_run_converges(fleet: Fleet, host: EmbeddedHost, cut: Cut) -> None:
    (host.project / "work.py").write_text("broken = 'by hand'\n", encoding="utf-8")
    options = asked(fleet, host, monitor=0.2)
    kill_at(options, cut)

    run = deployer.carry_out(options)

    assert run.get("verdict") in ("applied", "noop"), run
    assert_converged(host, options)


def test_while_it_waits_for_running_jobs(fleet: Fleet, host: EmbeddedHost, tmp_path: Path) -> None:
    release = tmp_path / "release"
    host.queue([host.job("work/hold", "hold", str(release))])
    host.running("work/hold")
    options = asked(fleet, host)
    kill_at(options, Cut("_deploy.audit:_wait_for_drain", "after", 2))
    assert host.groups()["default"] == "Paused"

    run = deployer.start(options)
    eventually(lambda: fence(host) == 2, timeout=30, what="the next run has the lease")
    release.touch()

    assert deployer.finish(run)[1].get("verdict") == "applied"
    assert host.tasks()["work/hold"].ok and classes(host, "work/hold") == ["ok"]
    assert_converged(host, options)


@pytest.mark.parametrize(
    "cut",
    [
        Cut("_ledger.kills:Kills.record", "after"),
        Cut("_pueue.client:Client.kill", "after"),
        Cut("_deploy.apply:kill_running", "after"),
        Cut("_ledger.journal:Journal.mark", "after", 1),
        Cut("_pueue.client:Client.restart", "before"),
    ],
    ids=str,
)
def test_what_a_dead_deploy_killed_runs_again(
    fleet: Fleet, host: EmbeddedHost, tmp_path: Path, cut: Cut
) -> None:
    """Also where failed jobs of that label or class would not be restarted."""
    release = tmp_path / "release"
    host.queue([host.job("hold/1", "hold", str(release))])
    host.running("hold/1")
    wish = {"restart_labels": ["work/*"], "restart_classes": ["app"]}
    options = asked(fleet, host, when_running="kill", **wish)
    kill_at(options, cut)

    run = deployer.carry_out(options)

    assert run.get("verdict") == "applied", run
    release.touch()
    assert host.finished("hold/1")["hold/1"].ok
    assert classes(host, "hold/1") == ["killed", "ok"]
    assert_converged(host, options)


def test_another_owner_waits_for_the_dead_ones_lease_and_then_inherits_its_freeze(
    fleet: Fleet, host: EmbeddedHost
) -> None:
    options = asked(fleet, host, ttl=5.0)
    kill_at(options, Cut("_ledger.journal:Journal.begin"))
    other = {**options, "owner": "grace@elsewhere"}

    locked = deployer.carry_out(other)

    assert locked["verdict"] == "locked" and "ada@control" in locked["msg"], locked
    assert "deploy_lease_take_over" in locked["msg"]
    assert host.groups() == {"default": "Paused", "extra": "Paused", "held": "Paused"}
    eventually(lambda: not live(host), timeout=20, what="the lease expires")
    run = deployer.carry_out(other)
    assert run.get("verdict") == "applied", run
    assert_converged(host, options)


@pytest.mark.parametrize(
    "cut",
    [
        Cut("_deploy.apply:Deployment.run"),
        Cut("_deploy.transfer:fetch", "after"),
        Cut("_deploy.apply:rerun"),
        Cut("_deploy.apply:rerun", "after"),
        Cut("_jobs.recovery:give_back"),
    ],
    ids=str,
)
def test_a_late_step_of_who_was_thought_dead_is_refused(
    fleet: Fleet, host: EmbeddedHost, tmp_path: Path, cut: Cut
) -> None:
    options = asked(fleet, host)
    hangs = tmp_path / "hangs"
    late = deployer.start(options, replace(cut, hang=str(hangs)))
    try:
        eventually(hangs.exists, timeout=60, what=f"it stops {cut}")
        run = deployer.carry_out({**options, "owner": "grace@elsewhere", "take_over": True})
        assert run.get("verdict") == "applied", run
        assert_converged(host, options)
    finally:
        hangs.unlink(missing_ok=True)
        code, answer = deployer.finish(late)

    assert code == 0
    if "give_back" not in str(cut):
        assert answer["failed"] and answer["hazard"] == "INV-2", answer
        assert "not valid any more" in answer["msg"]
    assert_converged(host, options)


def test_in_the_middle_of_an_upgrade(
    fleet: Fleet, host: EmbeddedHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before uv, after it, and when it has removed the old version and not yet put the new one."""
    environment = Environment.make(tmp_path / "env")
    for name, value in environment.environ.items():
        monkeypatch.setenv(
            name, os.pathsep.join([value, os.environ["PATH"]]) if name == "PATH" else value
        )
    with Index() as index:
        index.publish("demo-pkg", "1.0.0")
        index.publish("demo-pkg", "2.0.0")
        environment.install(index, "demo-pkg==1.0.0")
        options = asked(
            fleet,
            host,
            package="demo-pkg",
            version="2.0.0",
            python=environment.python,
            index_url=index.url,
        )
        for when in ("before", "after"):
            kill_at(options, Cut("_deploy.wheel:apply", when))
        environment.uv("pip", "uninstall", "-q", "--python", environment.python, "demo-pkg")
        run = deployer.carry_out(options)

        assert run.get("verdict") == "applied", run
        assert run["phases"]["upgrade"] == "installed"
        version = environment.evaluate("import demo_pkg; print(demo_pkg.__version__)")
        assert version == "2.0.0"
        assert_converged(host, options)


def test_git_outlives_the_module_that_started_it(
    fleet: Fleet, host: EmbeddedHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its reset goes on while the next run begins."""
    started, goes_on = deployer.slow_reset(tmp_path, monkeypatch)
    options = asked(fleet, host)
    module = deployer.start(options)
    eventually(started.exists, timeout=60, what="git resets")
    module.kill()
    deployer.finish(module)
    waits = tmp_path / "waits"
    run = deployer.start(options, Cut("_deploy.other_git:_works_in", "after", hang=str(waits)))
    eventually(waits.exists, timeout=30, what="the next run waits for git")
    goes_on.touch()
    waits.unlink()

    code, answer = deployer.finish(run)

    assert (code, answer.get("verdict")) == (0, "applied"), answer
    assert_converged(host, options)


def fence(host: EmbeddedHost) -> int:
    """The number of the lease that is held; 0 for none."""
    with host.ledger() as ledger:
        held = ledger.lease.held()
    return held.fence if held else 0


def live(host: EmbeddedHost) -> bool:
    with host.ledger() as ledger:
        return ledger.lease.current() is not None


def test_code_that_a_dead_run_brought_and_nobody_proved_is_taken_back(
    fleet: Fleet, host: EmbeddedHost
) -> None:
    """The thaw would let jobs start on it."""
    before = host.head()
    wrong = [{"file": "work.py", "pattern": "FIXED = never"}]
    options = asked(fleet, host, assertions=wrong)
    kill_at(options, Cut("_deploy.apply:verification"))
    assert host.head() == options["sha"]

    run = deployer.carry_out(options)

    assert (run["verdict"], host.head()) == ("rolled_back", before), run
    assert host.groups() == {"default": "Running", "extra": "Running", "held": "Paused"}
    assert fence(host) == 0 and host.tasks()["work/1"].failed
