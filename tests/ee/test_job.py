# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs in the image reach the hosts over ssh and do their work, as on an AWX of either kind."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.fleet.jobs.tests.support import git
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

if t.TYPE_CHECKING:
    from ansible_collections.fleet.jobs.tests.ee.awx_node import Node

HOSTS = 2


def _write_queue(node: Node) -> None:
    """A playbook that puts a job on every host which the fix mends."""
    job = node.fleet.hosts[0].job("work/1", "1", chdir="{{ deploy_project }}")
    where = {"pueue_config": "{{ fleet_pueue_config }}", "state_dir": "{{ fleet_state_dir }}"}
    task = {"fleet.jobs.pueue_queue_guarded": {"jobs": [job], "cap": "none", **where}}
    play = [{"hosts": "all", "gather_facts": False, "tasks": [task]}]
    (node.folder / "queue.json").write_text(json.dumps(play), encoding="utf-8")


@pytest.mark.parametrize("kind", ["isolated", "pod"])
def test_a_fix_reaches_the_hosts(
    make_node: t.Callable[[int], Node], say: t.Callable[[str], None], kind: str
) -> None:
    node = make_node(HOSTS)
    launch = getattr(node, kind)
    _write_queue(node)
    queued = launch("queue.json")
    assert queued.rc == 0, queued.explain()
    for host in node.fleet.hosts:
        assert host.finished("work/1")["work/1"].failed
    sha = node.fleet.origin.fix()
    with git.daemon(node.fleet.folder) as served:
        # Both the image and the hosts fetch from here.
        deployed = launch(
            "deploy.yml",
            fleet_hosts="all",
            deploy_ref="main",
            deploy_repository=f"{served}/origin",
            deploy_python=node.fleet.hosts[0].python,
            deploy_monitor_seconds="0",
            deploy_drain_timeout="",
        )
    assert deployed.rc == 0, deployed.explain()
    for host in node.fleet.hosts:
        assert host.head() == sha
        assert host.finished("work/1")["work/1"].ok
    assert set(deployed.stats["ok"]) >= {host.name for host in node.fleet.hosts}
    assert not deployed.stats["failures"] and not deployed.stats["dark"]
    artifact = deployed.stats["artifact_data"]["fleet_jobs_deploy"]
    assert artifact["verdicts"]["applied"] == HOSTS
    eventually(lambda: not node.containers(), timeout=20, what="the job's container is gone")
    say(f"{HOSTS} hosts at {sha[:12]}, {node.fleet.sshd.traffic().connections} connections of ssh")
