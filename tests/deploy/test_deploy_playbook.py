# SPDX-License-Identifier: GPL-3.0-or-later
"""``deploy.yml`` on an embedded fleet: a fix reaches running queues."""

from __future__ import annotations

import json
import threading
import typing as t
from pathlib import Path

from ansible_collections.fleet.jobs.plugins.module_utils._ledger.store import Ledger
from ansible_collections.fleet.jobs.tests.support.ansible import PlaybookRun, run_playbook
from ansible_collections.fleet.jobs.tests.support.fleet import EmbeddedHost, Fleet, fingerprint
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

MakeFleet = t.Callable[[int], Fleet]


def _deploy(fleet: Fleet, *, check: bool = False, **options: t.Any) -> PlaybookRun:
    return run_playbook(
        "fleet.jobs.deploy",
        inventory=fleet.inventory(),
        extra_vars={**fleet.options, **options},
        check=check,
        diff=check,
    )


def _report(fleet: Fleet, run: PlaybookRun, path: Path) -> t.Dict[str, t.Any]:
    assert path.exists(), run.explain()
    return t.cast(t.Dict[str, t.Any], json.loads(path.read_text(encoding="utf-8")))


def test_a_fix_restarts_only_what_failed(make_fleet: MakeFleet, tmp_path: Path) -> None:
    fleet = make_fleet(2)
    for host in fleet.hosts:
        host.parallel(4)
        host.queue([host.job(f"work/{number}", str(number)) for number in range(4)])
    for host in fleet.hosts:
        tasks = host.finished("work/0", "work/1", "work/2", "work/3")
        assert [tasks[f"work/{n}"].ok for n in range(4)] == [True, False, True, False]
    ends = {host.name: host.tasks()["work/0"].ended for host in fleet.hosts}
    sha = fleet.origin.fix()
    path = tmp_path / "report.json"

    run = _deploy(fleet, deploy_report_file=str(path))

    assert run.rc == 0, run.explain()
    report = _report(fleet, run, path)
    assert report["sha"] == sha and report["verdicts"]["applied"] == 2
    for host in fleet.hosts:
        assert report["hosts"][host.name]["restarted"] == ["work/1", "work/3"]
        assert host.head() == sha
        tasks = host.finished("work/1", "work/3")
        assert all(task.ok for task in tasks.values())
        assert host.tasks()["work/0"].ended == ends[host.name]
        assert host.groups() == {"default": "Running"}
    again = _deploy(fleet, deploy_report_file=str(path))
    assert again.rc == 0, again.explain()
    assert _report(fleet, again, path)["verdicts"]["noop"] == 2
    assert all(again.stats[host.name]["changed"] == 0 for host in fleet.hosts), again.explain()


def test_running_jobs_are_waited_for(make_fleet: MakeFleet, tmp_path: Path) -> None:
    fleet = make_fleet(1)
    (host,) = fleet.hosts
    release = tmp_path / "release"
    host.queue([host.job("work/hold", "hold", str(release)), host.job("work/next", "1")])
    host.running("work/hold")
    before, sha = host.head(), fleet.origin.fix()
    path = tmp_path / "report.json"

    deferred = _deploy(fleet, deploy_drain_timeout=1, deploy_report_file=str(path))

    assert deferred.rc == 0, deferred.explain()
    report = _report(fleet, deferred, path)["hosts"][host.name]
    assert report["verdict"] == "deferred" and report["running"] == ["work/hold"]
    assert host.head() == before and host.groups() == {"default": "Running"}
    assert "waiting for 1 running jobs (work/hold)" in deferred.stdout

    waiting = threading.Thread(target=_let_go, args=(host, release))
    waiting.start()
    run = _deploy(fleet, deploy_drain_timeout=120, deploy_report_file=str(path))
    waiting.join()

    assert run.rc == 0, run.explain()
    assert _report(fleet, run, path)["hosts"][host.name]["verdict"] == "applied"
    tasks = host.finished("work/hold", "work/next")
    assert host.head() == sha
    # It was queued behind the running job and met only the new code.
    assert tasks["work/next"].ok


def _let_go(host: EmbeddedHost, release: Path) -> None:
    """Free the running job once the deploy has frozen its group."""
    eventually(lambda: host.groups()["default"] == "Paused", timeout=120, what="a freeze")
    release.touch()


def test_finish_old_is_called_mixed(make_fleet: MakeFleet, tmp_path: Path) -> None:
    fleet = make_fleet(1)
    (host,) = fleet.hosts
    release = tmp_path / "release"
    host.queue([host.job("work/hold", "hold", str(release))])
    host.running("work/hold")
    sha = fleet.origin.fix()
    path = tmp_path / "report.json"

    run = _deploy(fleet, deploy_when_running="finish_old", deploy_report_file=str(path))

    assert run.rc == 0, run.explain()
    assert _report(fleet, run, path)["hosts"][host.name]["verdict"] == "mixed"
    assert "import the new code from now on: work/hold" in run.stdout + run.stderr
    assert host.head() == sha and host.tasks()["work/hold"].status == "Running"
    release.touch()
    assert host.finished("work/hold")["work/hold"].ok


def test_kill_restarts_what_it_killed(make_fleet: MakeFleet, tmp_path: Path) -> None:
    fleet = make_fleet(1)
    (host,) = fleet.hosts
    release = tmp_path / "release"
    host.queue([host.job("work/hold", "hold", str(release))])
    host.running("work/hold")
    fleet.origin.fix()
    path = tmp_path / "report.json"

    run = _deploy(fleet, deploy_when_running="kill", deploy_report_file=str(path))

    assert run.rc == 0, run.explain()
    report = _report(fleet, run, path)["hosts"][host.name]
    assert (report["verdict"], report["restarted"]) == ("applied", ["work/hold"])
    host.running("work/hold")
    release.touch()
    assert host.finished("work/hold")["work/hold"].ok
    with host.ledger() as ledger:
        attempts = ledger.attempts.history("work/hold")
    assert [attempt.class_ for attempt in attempts] == ["killed", "ok"]


def test_kill_is_refused_for_jobs_that_may_not_run_again(
    make_fleet: MakeFleet, tmp_path: Path
) -> None:
    fleet = make_fleet(1)
    (host,) = fleet.hosts
    release = tmp_path / "release"
    host.queue([host.job("work/hold", "hold", str(release), restart_safe=False)])
    host.running("work/hold")
    before = host.head()
    fleet.origin.fix()

    run = _deploy(fleet, deploy_when_running="kill")

    assert run.rc == 2, run.explain()
    (audited,) = run.of(task="Audit |")
    assert audited.result["hazard"] == "AP-1" and '"work/hold"' in audited.result["msg"]
    assert host.head() == before and host.groups() == {"default": "Running"}
    assert host.tasks()["work/hold"].status == "Running"
    release.touch()


def test_abort_changes_nothing(make_fleet: MakeFleet, tmp_path: Path) -> None:
    fleet = make_fleet(1)
    (host,) = fleet.hosts
    release = tmp_path / "release"
    host.queue([host.job("work/hold", "hold", str(release))])
    host.running("work/hold")
    before = host.head()
    fleet.origin.fix()
    path = tmp_path / "report.json"

    run = _deploy(fleet, deploy_when_running="abort", deploy_report_file=str(path))

    assert run.rc == 2, run.explain()
    assert _report(fleet, run, path)["hosts"][host.name]["verdict"] == "failed"
    assert host.head() == before and host.groups() == {"default": "Running"}
    release.touch()


def test_code_that_is_not_proven_is_taken_back(make_fleet: MakeFleet, tmp_path: Path) -> None:
    fleet = make_fleet(1)
    (host,) = fleet.hosts
    host.queue([host.job("work/1", "1")])
    host.finished("work/1")
    before = host.head()
    fleet.origin.commit("not the fix", {"other.py": "X = 1\n"})
    path = tmp_path / "report.json"
    assertion = {"file": "work.py", "pattern": "FIXED = True"}

    run = _deploy(fleet, deploy_assertions=[assertion], deploy_report_file=str(path))

    assert run.rc == 2, run.explain()
    report = _report(fleet, run, path)["hosts"][host.name]
    assert report["verdict"] == "rolled_back" and "FIXED = True" in report["reason"]
    assert host.head() == before and host.groups() == {"default": "Running"}
    assert host.tasks()["work/1"].failed
    with host.ledger() as ledger:
        assert ledger.lease.current() is None


def test_somebody_elses_lease_locks_the_host(make_fleet: MakeFleet, tmp_path: Path) -> None:
    fleet = make_fleet(1)
    (host,) = fleet.hosts
    host.queue([host.job("work/2", "2")])
    with Ledger.open(host.state_dir) as ledger:
        ledger.lease.take("ada@control", "maintenance", 600)
    before = host.head()
    sha = fleet.origin.fix()
    path = tmp_path / "report.json"

    locked = _deploy(fleet, deploy_report_file=str(path))

    assert locked.rc == 2, locked.explain()
    report = _report(fleet, locked, path)["hosts"][host.name]
    assert report["verdict"] == "locked" and "ada@control" in report["reason"]
    assert host.head() == before

    taken = _deploy(fleet, deploy_report_file=str(path), deploy_lease_take_over=True)

    assert taken.rc == 0, taken.explain()
    assert host.head() == sha


def test_a_host_that_cannot_be_reached_stops_the_fleet(
    make_fleet: MakeFleet, tmp_path: Path
) -> None:
    fleet = make_fleet(1)
    (host,) = fleet.hosts
    host.queue([host.job("work/2", "2")])
    before = host.head()
    sha = fleet.origin.fix()
    path = tmp_path / "report.json"
    lost = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    inventory = fleet.inventory(lost={**host.variables, **lost})

    def deploy(**options: t.Any) -> PlaybookRun:
        extra = {**fleet.options, "deploy_report_file": str(path), **options}
        return run_playbook("fleet.jobs.deploy", inventory=inventory, extra_vars=extra)

    stopped = deploy()
    assert stopped.rc != 0, stopped.explain()
    report = _report(fleet, stopped, path)
    assert report["hosts"]["lost"]["verdict"] == "unreachable"
    assert host.head() == before and host.groups() == {"default": "Running"}
    assert "deploy_max_unreachable allows 0" in stopped.stdout

    allowed = deploy(deploy_max_unreachable="1")
    assert _report(fleet, allowed, path)["hosts"][host.name]["verdict"] == "applied"
    assert host.head() == sha


def test_check_mode_foretells_and_touches_nothing(make_fleet: MakeFleet, tmp_path: Path) -> None:
    fleet = make_fleet(1)
    (host,) = fleet.hosts
    host.queue([host.job("work/1", "1"), host.job("work/2", "2")])
    host.finished("work/1", "work/2")
    fleet.origin.fix()
    before = fingerprint(host)
    path = tmp_path / "report.json"

    run = _deploy(fleet, check=True, deploy_report_file=str(path))

    assert run.rc == 0, run.explain()
    report = _report(fleet, run, path)["hosts"][host.name]
    assert report["reason"].startswith("Check mode: would deploy")
    (audited,) = run.of(task="Audit |")
    assert audited.result["plan"]["restart"] == ["work/1"]
    assert fingerprint(host) == before


def test_an_approved_plan_is_the_only_one_applied(make_fleet: MakeFleet, tmp_path: Path) -> None:
    fleet = make_fleet(1)
    (host,) = fleet.hosts
    host.queue([host.job("work/1", "1")])
    host.finished("work/1")
    before = host.head()
    fleet.origin.fix()
    path = tmp_path / "report.json"
    _deploy(fleet, check=True, deploy_report_file=str(path))
    approved = json.loads(path.read_text(encoding="utf-8"))["plan_id"]
    host.queue([host.job("work/3", "3")])
    host.finished("work/3")

    foretold = _deploy(fleet, check=True, deploy_plan_id=approved, deploy_max_failed="100%")
    assert foretold.rc == 2 and approved in foretold.stdout, foretold.explain()
    # However many hosts may fail: nobody approved this plan.
    refused = _deploy(
        fleet, deploy_plan_id=approved, deploy_report_file=str(path), deploy_max_failed="100%"
    )

    assert refused.rc == 2, refused.explain()
    assert approved in refused.stdout and host.head() == before
    found = _report(fleet, refused, path)["plan_id"]
    assert found != approved
    run = _deploy(fleet, deploy_plan_id=found, deploy_report_file=str(path))
    assert run.rc == 0, run.explain()
    assert all(task.ok for task in host.finished("work/1", "work/3").values())


def test_a_watch_that_cannot_be_is_said_before_the_change(make_fleet: MakeFleet) -> None:
    """Also where only one host, and not the first one, has the wrong value."""
    fleet = make_fleet(2)
    before = fleet.hosts[0].head()
    fleet.origin.fix()
    host = fleet.hosts[1]
    wrong = {host.name: {**host.variables, "deploy_monitor_seconds": "5m"}}
    options = {name: one for name, one in fleet.options.items() if name != "deploy_monitor_seconds"}
    run = run_playbook("fleet.jobs.deploy", inventory=fleet.inventory(**wrong), extra_vars=options)
    assert run.rc != 0 and 'deploy_monitor_seconds: "5m" is no whole number' in run.explain()
    assert [host.head() for host in fleet.hosts] == [before, before]
    assert {group for host in fleet.hosts for group in host.groups().values()} == {"Running"}


def test_a_job_that_outlived_its_daemon_is_waited_for(
    make_fleet: MakeFleet, tmp_path: Path
) -> None:
    fleet = make_fleet(1)
    (host,) = fleet.hosts
    release = tmp_path / "release"
    host.queue([host.job("work/hold", "hold", str(release))])
    host.running("work/hold")
    eventually(lambda: _open_attempts(host), timeout=20, what="the attempt on record")
    host.daemon.kill9()
    host.daemon.start()
    # pueue calls it killed, and its process goes on.
    assert host.tasks()["work/hold"].result == "Killed"
    before = host.head()
    fleet.origin.fix()
    path = tmp_path / "report.json"

    deferred = _deploy(fleet, deploy_drain_timeout=1, deploy_report_file=str(path))

    assert deferred.rc == 0, deferred.explain()
    report = _report(fleet, deferred, path)["hosts"][host.name]
    assert (report["verdict"], report["running"]) == ("deferred", ["work/hold"])
    assert host.head() == before
    assert deferred.stats[host.name]["changed"] == 0
    killed = _deploy(fleet, deploy_when_running="kill")
    (audited,) = killed.of(task="Audit |")
    assert audited.result["hazard"] == "AP-1" and "outlived" in audited.result["msg"]
    release.touch()
    eventually(lambda: not _open_attempts(host), timeout=20, what="the end of the job")


def _open_attempts(host: EmbeddedHost) -> int:
    with host.ledger() as ledger:
        return len([one for one in ledger.attempts.open_attempts() if one.pid])


def test_a_wave_that_went_wrong_stops_the_next_one(make_fleet: MakeFleet, tmp_path: Path) -> None:
    fleet = make_fleet(2)
    canary, later = fleet.hosts
    for host in fleet.hosts:
        host.queue([host.job("work/2", "2")])
        host.finished("work/2")
    before = later.head()
    fleet.origin.fix()
    path = tmp_path / "report.json"
    wrong = {"deploy_assertions": [{"file": "work.py", "pattern": "no such line"}]}
    inventory = fleet.inventory(**{canary.name: {**canary.variables, **wrong}})
    extra = {**fleet.options, "deploy_serial": 1, "deploy_report_file": str(path)}

    run = run_playbook("fleet.jobs.deploy", inventory=inventory, extra_vars=extra)

    assert run.rc == 2, run.explain()
    hosts = _report(fleet, run, path)["hosts"]
    assert hosts[canary.name]["verdict"] == "rolled_back"
    assert "deploy_max_failed allows 0" in hosts[later.name]["reason"], hosts[later.name]
    assert later.head() == before and later.groups() == {"default": "Running"}
