# SPDX-License-Identifier: GPL-3.0-or-later
"""What 500 hosts say together fits into events of 64 KB, as AWX wants them."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible_collections.fleet.jobs.tests.support.ansible import local_inventory, run_playbook

HOSTS = [f"host{number:03}.example.org" for number in range(500)]
MOST = 64_000
LONG = "The verification failed: the pattern was not found in the deployed tree. " * 5


def _run(tmp_path: Path, variables: t.Mapping[str, t.Any], play: t.Mapping[str, t.Any]) -> None:
    inventory = local_inventory(tmp_path / "hosts.json", {name: variables for name in HOSTS})
    playbook = tmp_path / "play.json"
    playbook.write_text(json.dumps([{"gather_facts": False, **play}]), encoding="utf-8")
    run = run_playbook(playbook, inventory=inventory, env={"ANSIBLE_NO_LOG": "false"})
    assert run.rc == 0 and "host499" in run.stdout, run.explain()[-3000:]
    for one in run.results:
        shown = {} if "no_log" in str(one.result.get("censored")) else one.result
        size = len(json.dumps(shown, default=str))
        assert size < MOST, f"{one.task}: {size} bytes"


def test_the_status_of_a_large_fleet(tmp_path: Path) -> None:
    answered = {
        "counts": {
            "by_state": {"running": 40, "queued": 1000, "done": 5000},
            "by_result": {"success": 4900, "failed": 100},
            "by_class": {"ok": 4900, "app": 100},
        },
        "groups": {"count": 1, "shown": [{"name": "default", "status": "running"}]},
        "failures": [{"class": "app", "count": 100, "labels": ["bars/BTCUSDT@250"] * 3}],
        "duplicates": {"count": 0, "labels": []},
        "strangers": 0,
        "lease": None,
        "state_file": {"bytes": 10, "level": "ok"},
        "hints": [LONG],
    }
    _run(
        tmp_path,
        {"__status_queue": answered},
        {
            "hosts": "localhost",
            "tasks": [
                {
                    "ansible.builtin.include_role": {
                        "name": "fleet.jobs.status",
                        "tasks_from": "report",
                    },
                    "vars": {"__status_hosts": HOSTS},
                }
            ],
        },
    )


def test_the_report_of_a_large_fleet_that_failed(tmp_path: Path) -> None:
    failed = {"failed": True, "msg": LONG, "changed": False}
    arguments = {"deploy_id": "d", "ref": "main", "sha": "a" * 40}
    _run(
        tmp_path,
        {"__deploy_audit": failed},
        {"hosts": "all", "tasks": [{"fleet.jobs.deploy_report": arguments, "run_once": True}]},
    )
