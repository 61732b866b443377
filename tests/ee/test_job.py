# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs in the image reach the hosts over ssh and do their work, as on an AWX of either kind."""

from __future__ import annotations

import json
import signal
import typing as t

import pytest

from ansible_collections.fleet.jobs.tests.support import git
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

if t.TYPE_CHECKING:
    from ansible_collections.fleet.jobs.tests.ee.awx_node import Node

HOSTS = 2
LEASE_SECONDS = 12
MakeNode = t.Callable[[int], "Node"]
Say = t.Callable[[str], None]


def _write_queue(node: Node, label: str, *arguments: str) -> None:
    """A playbook that puts a job on every host."""
    job = node.fleet.hosts[0].job(label, *arguments, chdir="{{ deploy_project }}")
    where = {"pueue_config": "{{ fleet_pueue_config }}", "state_dir": "{{ fleet_state_dir }}"}
    task = {"fleet.jobs.pueue_queue_guarded": {"jobs": [job], "cap": "none", **where}}
    play = [{"hosts": "all", "gather_facts": False, "tasks": [task]}]
    (node.folder / "queue.json").write_text(json.dumps(play), encoding="utf-8")


def _answers(node: Node, served: str) -> t.Dict[str, str]:
    """Of a survey; the image and the hosts fetch from the same address."""
    return {
        "fleet_hosts": "all",
        "deploy_ref": "main",
        "deploy_repository": f"{served}/origin",
        "deploy_python": node.fleet.hosts[0].python,
        "deploy_monitor_seconds": "0",
        "deploy_drain_timeout": "",
    }


@pytest.mark.parametrize("kind", ["isolated", "pod"])
def test_a_fix_reaches_the_hosts(make_node: MakeNode, say: Say, kind: str) -> None:
    node = make_node(HOSTS)
    launch = getattr(node, kind)
    _write_queue(node, "work/1", "1")
    queued = launch("queue.json")
    assert queued.rc == 0, queued.explain()
    for host in node.fleet.hosts:
        assert host.finished("work/1")["work/1"].failed
    sha = node.fleet.origin.fix()
    with git.daemon(node.fleet.folder) as served:
        deployed = launch("deploy.yml", **_answers(node, served))
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


def test_a_cancelled_job_leaves_no_container_and_is_taken_up_again(make_node: MakeNode) -> None:
    """AWX cancels with a signal to ansible-runner, which has podman kill the container; the host
    thaws by itself when the lease ends."""
    node = make_node(1)
    (host,) = node.fleet.hosts
    release = host.account.home / "release"
    _write_queue(node, "work/hold", "hold", str(release))
    queued = node.isolated("queue.json")
    assert queued.rc == 0, queued.explain()
    host.running("work/hold")
    sha = node.fleet.origin.fix()
    with git.daemon(node.fleet.folder) as served:
        short = {**_answers(node, served), "deploy_lease_ttl": str(LEASE_SECONDS)}
        with node.running("deploy.yml", **short) as job:
            eventually(lambda: host.groups()["default"] == "Paused", timeout=60, what="a freeze")
            assert len(node.containers()) == 1
            job.send_signal(signal.SIGTERM)
            eventually(lambda: job.poll() is not None, timeout=30, what="ansible-runner ends")
        eventually(lambda: not node.containers(), timeout=20, what="the job's container is gone")
        eventually(lambda: host.groups()["default"] == "Running", timeout=60, what="the thaw")
        assert host.running("work/hold") and host.head() == node.fleet.origin.first
        release.touch()
        again = node.isolated("deploy.yml", **_answers(node, served))
    assert again.rc == 0, again.explain()
    assert host.head() == sha and host.groups()["default"] == "Running"
    assert host.tasks()["work/hold"].ok
