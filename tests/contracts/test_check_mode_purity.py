# SPDX-License-Identifier: GPL-3.0-or-later
"""``--check --diff`` of every module leaves tree, git objects, queue, ledger and state directory
byte for byte as they were; where there is no state directory, none is made.

Each module is its own process, called as Ansible calls it. What an action plugin does around it is
proved with the playbooks.
"""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.support import deployer, direct, documentation
from ansible_collections.fleet.jobs.tests.support.environments import Environment, uv_binary
from ansible_collections.fleet.jobs.tests.support.fleet import EmbeddedHost, Fleet, fingerprint
from ansible_collections.fleet.jobs.tests.support.index import Index

Arguments = t.Dict[str, t.Any]
READING = {"deploy_verify", "host_probe", "host_watch", "pueue_status", "pueue_wait"}


class World(t.NamedTuple):
    """A host with a failed job and a fix upstream, and an older package in an environment."""

    host: EmbeddedHost
    repository: str
    sha: str
    environment: Environment
    index: Index
    apply: Arguments


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[World]:
    """Jobs were queued, one failed, and a deploy has audited and lives."""
    yield from _world(tmp_path_factory.mktemp("used"), used=True)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[World]:
    """Nobody of ours has ever been here."""
    yield from _world(tmp_path_factory.mktemp("fresh"), used=False)


def _world(folder: Path, *, used: bool) -> t.Iterator[World]:
    fleet = Fleet(1, folder / "fleet")
    try:
        (host,) = fleet.hosts
        environment = Environment.make(folder / "env")
        with Index() as index:
            (host.folder / "lib" / "uv-0.1.0").mkdir(parents=True)
            index.publish("demo-pkg", "1.0.0")
            index.publish("demo-pkg", "2.0.0")
            environment.install(index, "demo-pkg==1.0.0")
            if used:
                host.queue([host.job("work/1", "1"), host.job("work/2", "2")])
                host.finished("work/1", "work/2")
            sha = fleet.origin.fix()
            where = {"repository": str(fleet.origin.path), "sha": sha}
            apply = _audited(host, where) if used else {"plan_id": "x.y", "lease_token": "none"}
            yield World(host, where["repository"], sha, environment, index, apply)
    finally:
        fleet.close()


def _audited(host: EmbeddedHost, where: t.Mapping[str, str]) -> Arguments:
    """A plan and a lease, as a live deploy has them between its two steps."""
    cut = deployer.Cut("_deploy.apply:Deployment.run")
    assert deployer.finish(deployer.start(deployer.options(host, **where), cut))[0] == -9
    with host.ledger() as ledger:
        held = ledger.lease.current()
        (deploy,) = ledger.journal.history()
    assert held is not None
    return {"plan_id": deploy.id, "lease_token": held.token}


def _arguments(world: World, name: str) -> t.List[Arguments]:
    """Calls that would all change something."""
    host = world.host
    project = str(host.project)
    release = {"repository": world.repository, "sha": world.sha, "project": project}
    package = {"package": "demo-pkg", "version": "2.0.0"}
    new_job = host.job("work/new", "5")
    token = world.apply["lease_token"]
    mine = {} if token == "none" else {"lease_token": token}
    owner = {"owner": "ada@control", "purpose": "purity", "take_over": True}
    return {
        "deploy_apply": [{**world.apply, "repository": world.repository}],
        "deploy_audit": [
            {
                **{"deploy_id": "purity", "python": sys.executable, "take_over": True},
                **{**release, "drain_timeout": 0, **more},
            }
            for more in ({}, {"freeze": False})
        ],
        "deploy_lease": [owner, {"state": "absent", **mine}],
        "deploy_source": [
            {**release, **mine},
            {**release, "project": f"{project}-new", **mine},
            {"state": "resolved", "repository": world.repository, "ref": "main"},
        ],
        "deploy_verify": [{"chdir": project, "python": sys.executable, "modules": ["work"]}],
        "deploy_wheel": [
            {"python": world.environment.python, "index_url": world.index.url, **package, **mine}
        ],
        "emergency_stop": [
            {"state": "stopped", "owner": "ada@control"},
            {"state": "resumed", "owner": "ada@control"},
        ],
        "host_probe": [{}],
        "host_program": [
            {"name": "uv", "version": "1.2.3", "directory": f"{project}-lib"},
            {"name": "uv", "state": "absent", "directory": str(host.folder / "lib")},
        ],
        "host_tool": [{"state_dir": f"{project}-state"}],
        "host_watch": [{"seconds": 0.1}],
        "project_access": [
            {"project": f"{project}-new", "repository": world.repository, "trust": True}
        ],
        "pueue_clean": [{"older_than": "0", **mine}],
        "pueue_daemon": [
            {"binaries": str(Path(host.daemon.programs["pueued"]).parent), "adopt": "idle", **mine}
        ],
        "pueue_group": [
            {"name": "purity", "parallel": 2, **mine},
            {"name": "default", "parallel": 7, "status": "running", **mine},
        ],
        "pueue_queue_guarded": [{"jobs": [new_job], "cap": "none", **mine}],
        "pueue_restart_guarded": [{"labels": ["*"], "classes": ["app"], **mine}],
        "pueue_status": [{"labels": ["*"]}],
        "pueue_wait": [{"labels": ["*"], "timeout": 1}],
        "systemd_run_job": [
            {"command": ["/bin/true"], "chdir": project, "cap": cap, **mine}
            for cap in ("none", "prefer")
        ],
    }[name]


def _check(world: World, name: str, arguments: Arguments) -> t.Dict[str, t.Any]:
    """One module as a process, in check and diff mode."""
    host = world.host
    where = {"pueue_config": str(host.daemon.config_path), "state_dir": str(host.state_dir)}
    path = f"{Path(uv_binary()).parent}:{host.daemon.environ['PATH']}"
    return direct.call(
        name,
        {**where, **arguments},
        environ={**host.daemon.environ, "PATH": path},
        cwd=host.folder,
        check=True,
    )


def _everything(world: World) -> t.Dict[str, str]:
    """Bytes and times of all files, that of the package's environment and home too, and the
    queue as the daemon tells it, which its state file may lag behind."""
    with world.host.daemon.connect() as client:
        status = client.status()
    found = {**fingerprint(world.host), "queue": repr((status.tasks, status.groups))}
    for top in (world.host.daemon.home, world.environment.folder, world.host.folder):
        for path in [top, *top.glob("*")]:
            found[f"{path} itself"] = str(path.lstat().st_mtime_ns)
    return found


@pytest.mark.parametrize("name", documentation.modules_of_hosts())
def test_a_host_in_use_stays_as_it_is(used: World, name: str) -> None:
    for arguments in _arguments(used, name):
        before = _everything(used)
        result = _check(used, name, arguments)
        assert not result.get("failed"), result
        expected = name not in READING and arguments.get("state") not in ("resolved", "resumed")
        assert result["changed"] is expected, f"the call should have something to do: {result}"
        assert "diff" in result
        assert _everything(used) == before


@pytest.mark.parametrize("name", documentation.modules_of_hosts())
def test_a_fresh_host_gets_no_state_directory(fresh: World, name: str) -> None:
    for arguments in _arguments(fresh, name):
        before = _everything(fresh)
        result = _check(fresh, name, arguments)
        assert not result.get("failed") or name == "deploy_apply", result
        assert _everything(fresh) == before
        assert not fresh.host.state_dir.exists()
