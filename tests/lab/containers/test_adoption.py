# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that worked before us: a plain pueued, started by hand, with 55 tasks of which 5 run.

It is provisioned, looked at, deployed to and at last taken over; no task is stopped, moved or lost.
"""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.lab.containers import Container, Group, reason
from ansible_collections.fleet.jobs.tests.support.ansible import PlaybookRun, run_playbook
from ansible_collections.fleet.jobs.tests.support.binaries import VERSION, binary
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

pytestmark = pytest.mark.skipif(bool(reason()), reason=reason() or "none")
USER = "crunch"
RUNNING = 5
TASKS = 55
Variables = t.Dict[str, t.Any]
# As many people set a host up: programs of cargo, a daemon of a login shell, loops that add tasks.
BY_HAND = """
set -e
export PATH=$HOME/.cargo/bin:$PATH
git clone -q /srv/bars.git bars
pueued --daemonize >/dev/null 2>&1
until pueue status >/dev/null 2>&1; do sleep 0.1; done
pueue parallel 10 >/dev/null
for n in 1 2 3 4 5 6 7 8; do pueue add -l "done/$n" true; pueue add "test $n -gt 4"; done >/dev/null
pueue wait --quiet
pueue parallel 5 >/dev/null
for n in 1 2 3; do pueue add -l "bars/$n" "while [ ! -e ~/go ]; do sleep 0.2; done" >/dev/null; done
for n in 4 5; do pueue add "while [ ! -e ~/go ]; do sleep 0.2; done" >/dev/null; done
for n in $(seq 24); do pueue add -l "next/$n" true >/dev/null; done
for n in $(seq 10); do pueue add --stashed -l "later/$n" true >/dev/null; done
"""
UPSTREAM = """
set -e
git config --system --add safe.directory '*'
git init -q --bare -b main /srv/bars.git
git clone -q /srv/bars.git /srv/work 2>/dev/null
git config --system user.name a; git config --system user.email a@example.org
cd /srv/work
echo 1 > work.py
git add .
git commit -q -m one
git push -q origin HEAD:main
"""
FIX = "cd /srv/work && echo 2 > work.py && git commit -q -a -m two && git push -q origin HEAD:main"


class Host:
    """The container, and what can be seen of the tasks."""

    def __init__(self, container: Container, folder: Path) -> None:
        self.container, self.folder = container, folder

    def shell(self, text: str, *, user: str = USER, check: bool = True) -> str:
        return self.container.run(text, user, check=check).stdout

    def play(self, name: str, *, rc: int = 0, user: str = USER, **variables: t.Any) -> PlaybookRun:
        inventory = self.folder / f"{user}.yml"
        self.container.group.write_inventory(inventory, user)
        given = {"fleet_hosts": "all", "fleet_cap": "prefer", **variables}
        run = run_playbook(f"fleet.jobs.{name}", inventory=inventory, extra_vars=given)
        assert run.rc == rc, run.explain()
        return run

    def provision(self, *, rc: int = 0, **variables: t.Any) -> PlaybookRun:
        programs = str(Path(binary("pueued")).resolve().parent)
        wish = {"queue_host_user": USER, "queue_host_pueue_source": programs, **variables}
        return self.play("provision", rc=rc, user="admin", **wish)

    def deploy(self, *, rc: int = 0, **variables: t.Any) -> t.Dict[str, t.Any]:
        report = self.folder / "deploy.json"
        given = {
            "deploy_project": f"/home/{USER}/bars",
            "deploy_repository": "/srv/bars.git",
            "deploy_ref": self.shell("git -C /srv/bars.git rev-parse main").strip(),
            "deploy_monitor_seconds": 0,
            "deploy_report_file": str(report),
            **variables,
        }
        run = self.play("deploy", rc=rc, **given)
        (host,) = json.loads(report.read_text(encoding="utf-8"))["hosts"].values()
        return {**host, "said": run.explain()}

    def tasks(self) -> t.Dict[str, t.Any]:
        """Everything that pueue says of every task, by id."""
        said = self.shell("~/.cargo/bin/pueue status --json")
        return t.cast(t.Dict[str, t.Any], json.loads(said)["tasks"])

    def facts(self) -> t.Dict[str, t.Any]:
        """What must stay: tasks with their states and moments, groups, processes since when."""
        return {
            "tasks": self.tasks(),
            "groups": self.shell("~/.cargo/bin/pueue group --json"),
            "daemon": self.shell("pgrep -x pueued"),
            "processes": self.shell(
                "for p in $(pgrep -P $(pgrep -x pueued)); do cut -d' ' -f1,22 /proc/$p/stat; done"
            ),
        }


@pytest.fixture
def host(tmp_path: Path) -> t.Iterator[Host]:
    with Group("test-adoption").up("old") as (container,):
        one = Host(container, tmp_path)
        one.shell(f"useradd -m -s /bin/bash {USER}", user="root")
        one.shell(UPSTREAM, user="root")
        for name in ("pueue", "pueued"):
            one.shell("mkdir -p .cargo/bin")
            container.copy_in(Path(binary(name)), f"/home/{USER}/.cargo/bin/{name}")
        one.shell(BY_HAND)
        yield one


def changed(run: PlaybookRun) -> int:
    (stats,) = run.stats.values()
    return stats["changed"]


def test_a_host_that_works_is_adopted_without_stopping_a_task(host: Host) -> None:
    before = host.facts()
    assert len(before["tasks"]) == TASKS
    assert len(before["processes"].splitlines()) == RUNNING

    # Unasked, it says whom it found; asked to, it sets up everything around the daemon.
    refused = host.provision(rc=2)
    assert f"{TASKS} tasks, and {RUNNING} jobs run" in refused.stdout
    assert "adopt: keep" in refused.stdout
    assert host.facts() == before
    kept = host.provision(queue_host_adopt="keep")
    assert changed(kept) > 0 and f"pueued {VERSION} as it was started by others" in kept.stdout
    assert host.facts() == before
    again = host.provision(queue_host_adopt="keep")
    assert changed(again) == 0, again.explain()
    assert "pueued-tidy.timer" in host.shell("systemctl --user list-timers --no-pager")
    host.shell("systemctl --user start pueued-tidy.service")
    assert host.facts() == before, "nor is anything of theirs tidied"

    assert f"{TASKS} tasks not ours" in host.play("status").stdout
    assert host.facts() == before
    _deploys_go_by_the_rule(host, before)

    # When they have ended by themselves, the queue becomes a service, with all that is in it.
    host.shell("touch go")
    eventually(
        lambda: not {"Running", "Queued"} & {_state(one) for one in host.tasks().values()},
        timeout=60,
        what="their tasks end",
    )
    assert host.deploy()["verdict"] == "applied"
    assert host.shell("cat bars/work.py") == "2\n"
    ended = {number: (task["label"], task["created_at"]) for number, task in host.tasks().items()}
    assert changed(host.provision(queue_host_adopt="idle")) > 0
    assert "active" in host.shell("systemctl --user is-active pueued.service")
    assert ended == {
        number: (task["label"], task["created_at"]) for number, task in host.tasks().items()
    }
    assert changed(host.provision()) == 0


def _deploys_go_by_the_rule(host: Host, before: t.Dict[str, t.Any]) -> None:
    """Wait, or ask; who says kill does not get somebody else's jobs killed."""
    host.shell(FIX, user="root")
    waited = host.deploy(deploy_drain_timeout=1)
    assert waited["verdict"] == "deferred" and f"{RUNNING} jobs" in waited["reason"], waited
    assert host.facts() == before
    asked = host.deploy(deploy_when_running="abort", rc=2)
    assert asked["verdict"] == "failed" and f"{RUNNING} jobs are running" in asked["reason"], asked
    assert host.facts() == before
    killed = host.deploy(deploy_when_running="kill", rc=2)
    assert killed["verdict"] == "failed" and "AP-1" in killed["said"], killed
    assert host.facts() == before
    assert host.shell("cat bars/work.py") == "1\n"


def _state(task: t.Mapping[str, t.Any]) -> str:
    status = task["status"]
    return status if isinstance(status, str) else str(next(iter(status)))
