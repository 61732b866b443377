# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deploy leaves for whoever called it: statistics, exit code, artifact, and a limit kept."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.support.ansible import PlaybookRun, run_playbook
from ansible_collections.fleet.jobs.tests.support.fleet import Fleet

MakeFleet = t.Callable[[int], Fleet]
WRONG = {"deploy_assertions": [{"file": "work.py", "pattern": "no such line"}]}
SHOW = {"ANSIBLE_SHOW_CUSTOM_STATS": "true"}


def _deploy(fleet: Fleet, *arguments: str, bad: t.Sequence[str] = (), **options: t.Any) -> t.Any:
    inventory = fleet.inventory(
        **{one.name: {**one.variables, **WRONG} for one in fleet.hosts if one.name in bad}
    )
    extra = {**fleet.options, **options}
    return run_playbook(
        "fleet.jobs.deploy", inventory=inventory, extra_vars=extra, arguments=arguments, env=SHOW
    )


def _failed(run: PlaybookRun) -> t.List[str]:
    """The hosts that "relaunch on failed hosts" takes."""
    return sorted(name for name, one in run.stats.items() if one["failures"] or one["unreachable"])


def _artifact(run: PlaybookRun) -> t.Dict[str, t.Any]:
    text = run.stdout.split("CUSTOM STATS:")[1].partition("RUN: ")[2].strip()
    return t.cast(t.Dict[str, t.Any], json.loads(text)["fleet_jobs_deploy"])


def test_a_bad_verdict_is_a_failed_host_and_the_exit_code_follows_the_bound(
    make_fleet: MakeFleet, tmp_path: Path
) -> None:
    fleet = make_fleet(3)
    *good, bad = [host.name for host in fleet.hosts]
    sha = fleet.origin.fix()

    within = _deploy(fleet, bad=[bad], deploy_max_failed="1")

    assert within.rc == 0, within.explain()
    assert _failed(within) == [bad]
    found = _artifact(within)
    assert (found["version"], found["sha"], found["exceeded"]) == (1, sha, [])
    assert found["hosts"] == {"applied": good, "rolled_back": [bad]}
    assert found["verdicts"] == {"applied": 2, "rolled_back": 1}

    path = tmp_path / "report.json"
    again = _deploy(fleet, "--limit", bad, bad=[bad], deploy_report_file=str(path))

    assert again.rc == 2, again.explain()
    assert _failed(again) == [bad] and list(again.stats) == [bad]
    assert list(json.loads(path.read_text(encoding="utf-8"))["hosts"]) == [bad]
    assert _artifact(again)["hosts"] == {"rolled_back": [bad]}

    mended = _deploy(fleet, "--limit", bad)

    assert mended.rc == 0 and _failed(mended) == [], mended.explain()
    assert _artifact(mended)["hosts"] == {"applied": [bad]}


def test_all_hosts_may_be_bad(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(2)
    names = [host.name for host in fleet.hosts]
    fleet.origin.fix()

    run = _deploy(fleet, bad=names, deploy_max_failed="100%")

    assert run.rc == 0 and _failed(run) == names, run.explain()


def test_a_deferred_host_is_a_failed_one_on_request(make_fleet: MakeFleet, tmp_path: Path) -> None:
    fleet = make_fleet(2)
    busy, idle = fleet.hosts
    release = tmp_path / "release"
    busy.queue([busy.job("work/hold", "hold", str(release))])
    busy.running("work/hold")
    fleet.origin.fix()

    run = _deploy(fleet, deploy_drain_timeout=1, deploy_deferred_is="failed")

    assert run.rc == 2 and _failed(run) == [busy.name], run.explain()
    assert _artifact(run)["hosts"] == {"deferred": [busy.name], "applied": [idle.name]}
    release.touch()
    busy.finished("work/hold")


def test_a_report_that_cannot_be_written_says_so_after_the_verdicts(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(1)

    run = _deploy(fleet, deploy_report_file="/proc/none/report.json")

    assert run.rc == 2, run.explain()
    assert "noop 1" in run.stdout and "correct deploy_report_file" in run.stdout


def test_a_pattern_without_hosts_is_refused(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(1)

    run = _deploy(fleet, fleet_hosts="nobody")

    assert run.rc == 2, run.explain()
    assert "No host of the inventory matches fleet_hosts: nobody." in run.stdout


@pytest.mark.parametrize("name", ["emergency_stop", "provision"])
@pytest.mark.parametrize("given", [{"fleet_hosts": "nobody"}, {}], ids=["mistyped", "missing"])
def test_what_must_not_pass_over_hosts_refuses_as_well(
    make_fleet: MakeFleet, name: str, given: t.Dict[str, str]
) -> None:
    confirmed = {**given, "emergency_stop_confirm": "stop nobody"}
    inventory = make_fleet(1).inventory()

    run = run_playbook(f"fleet.jobs.{name}", inventory=inventory, extra_vars=confirmed)

    assert run.rc == 2, run.explain()
    assert "No host of the inventory matches fleet_hosts" in run.stdout
    assert "Give a pattern with -e fleet_hosts=PATTERN" in run.stdout


def test_a_second_stop_finds_nothing_left(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(1)
    stop = {**fleet.options, "emergency_stop_confirm": f"stop {fleet.options['fleet_hosts']}"}
    for _unused in range(2):
        run = run_playbook(
            "fleet.jobs.emergency_stop", inventory=fleet.inventory(), extra_vars=stop
        )
        assert run.rc == 0, run.explain()
        assert "In the queue:" in run.stdout


def test_a_watch_that_ends_badly_says_why(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(1)
    (host,) = fleet.hosts
    command = ["/bin/sh", "-c", "sleep 6; exit 1"]
    host.queue([{"label": "work/late", "chdir": str(host.project), "command": command}])
    options = {**fleet.options, "watch_seconds": 12, "watch_load_share": 100}

    run = run_playbook("fleet.jobs.watch", inventory=fleet.inventory(), extra_vars=options)

    assert run.rc == 2, run.explain()
    assert '"msg": "bad: ' in run.stdout and "work/late" in run.stdout


def test_a_relative_report_file_lies_where_the_caller_is(
    make_fleet: MakeFleet, tmp_path: Path
) -> None:
    fleet = make_fleet(1)
    file, here = {"status_report_file": "status.json"}, {"PWD": str(tmp_path)}

    run = run_playbook("fleet.jobs.status", inventory=fleet.inventory(), extra_vars=file, env=here)

    assert run.rc == 0, run.explain()
    written = json.loads((tmp_path / "status.json").read_text(encoding="utf-8"))
    assert list(written["hosts"]) == [fleet.hosts[0].name]


def test_status_keeps_to_a_limit(make_fleet: MakeFleet, tmp_path: Path) -> None:
    fleet = make_fleet(2)
    path = tmp_path / "status.json"

    run = run_playbook(
        "fleet.jobs.status",
        inventory=fleet.inventory(),
        extra_vars={"status_report_file": str(path)},
        arguments=["--limit", fleet.hosts[1].name],
    )

    assert run.rc == 0, run.explain()
    assert list(json.loads(path.read_text(encoding="utf-8"))["hosts"]) == [fleet.hosts[1].name]


def test_a_node_after_a_plan_applies_that_plan_and_no_other(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(2)
    sha = fleet.origin.fix()
    planned = _artifact(_deploy(fleet, "--check"))
    assert (planned["check"], planned["sha"]) == (True, sha)
    # The branch moves on before somebody approves.
    fleet.origin.commit("later", {"later.txt": "later\n"})

    other = _deploy(fleet, fleet_jobs_deploy={**planned, "plan_id": "0123456789abcdef"})

    assert other.rc == 2, other.explain()
    assert _artifact(other)["exceeded"] != [] and "0123456789abcdef" in other.stdout
    assert "applied" not in _artifact(other)["verdicts"]

    applied = _deploy(fleet, fleet_jobs_deploy=planned)

    assert applied.rc == 0, applied.explain()
    found = _artifact(applied)
    assert (found["check"], found["sha"], found["plan_id"]) == (False, sha, planned["plan_id"])
    assert found["verdicts"] == {"applied": 2}

    # What a relaunch on some hosts gets is the same artifact, and a plan that cannot be the same.
    name = fleet.hosts[0].name
    again = _deploy(
        fleet, "--limit", name, fleet_jobs_deploy=planned, awx_job_launch_type="relaunch"
    )
    assert again.rc == 0, again.explain()
    assert (_artifact(again)["sha"], _artifact(again)["verdicts"]) == (sha, {"noop": 1})
