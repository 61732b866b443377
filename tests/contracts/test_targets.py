# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module does its work on a real queue under the oldest and the newest target Python.

One play per interpreter runs them all in check mode, one then for real; the tests read the results.
What each module does exactly is proved in its own suite.
"""

from __future__ import annotations

import json
import subprocess
import typing as t
from dataclasses import dataclass
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.support import documentation, interpreters, returns
from ansible_collections.fleet.jobs.tests.support.ansible import (
    PlaybookRun,
    local_inventory,
    run_playbook,
)
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon

Task = t.Dict[str, t.Any]
INTERPRETERS = interpreters.chosen()
MODULES = documentation.modules_of_hosts()
PACKAGE = {"package": "pipeline", "version": "1.0"}
WHO = ("-c", "user.name=test", "-c", "user.email=test@example.org")
# Modules that only go on from what an earlier real run made: check mode has nothing to look at.
NEEDS_REAL_RUN = {"deploy_apply"}
# Modules that need a user manager of systemd (tests/lab); here they only say what they would do.
NEEDS_SYSTEMD = {"pueue_daemon"}


@dataclass(frozen=True)
class World:
    """A queue, a repository with two commits, a checkout of the first and an environment."""

    daemon: PrivateDaemon
    folder: Path
    python: str
    sha: str

    @property
    def instance(self) -> t.Dict[str, str]:
        return {
            "pueue_config": str(self.daemon.config_path),
            "state_dir": str(self.folder / "state"),
        }

    @property
    def repository(self) -> str:
        return str(self.folder / "repository")

    @property
    def project(self) -> str:
        return str(self.folder / "project")

    @property
    def environment(self) -> str:
        return str(self.folder / "environment")


@dataclass(frozen=True)
class Live:
    """Both runs on one interpreter."""

    check: PlaybookRun
    real: PlaybookRun


def test_says_which_pythons_were_found() -> None:
    print(interpreters.describe())
    assert INTERPRETERS, "no Python of a supported target was found"


@pytest.fixture(scope="module", params=list(INTERPRETERS))
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> t.Any:
    """Both plays, run once per interpreter; all that they started is gone afterwards."""
    folder = tmp_path_factory.mktemp(f"target-{request.param}")
    daemon = PrivateDaemon()
    try:
        world = _world(daemon.start(), folder, python=INTERPRETERS[request.param])
        yield Live(check=_run(world, check=True), real=_run(world, check=False))
    finally:
        daemon.close()


@pytest.mark.parametrize("name", MODULES)
def test_answers_in_check_mode(live: Live, name: str) -> None:
    if name in NEEDS_REAL_RUN:
        pytest.skip("works from what a real audit recorded")
    _assert_worked(live.check, name)


@pytest.mark.parametrize("name", MODULES)
def test_works(live: Live, name: str) -> None:
    if name in NEEDS_SYSTEMD:
        pytest.skip("works with a user manager of systemd, in tests/lab")
    _assert_worked(live.real, name)


def _assert_worked(run: PlaybookRun, name: str) -> None:
    """It ran at least once, and what it said is a success with sentences."""
    answers = [one for one in run.results if one.action == f"fleet.jobs.{name}"]
    assert answers, f"the play has no task for {name}, or stopped before it\n{run.explain()}"
    for one in answers:
        assert one.status == "ok", json.dumps(one.result, indent=2)
        returns.check(one.action, one.result)
        assert isinstance(one.result["changed"], bool)
        assert isinstance(one.result["actions"], list)


def _run(world: World, *, check: bool) -> PlaybookRun:
    left_out = NEEDS_REAL_RUN if check else NEEDS_SYSTEMD
    tasks = [task for task in _tasks(world) if task["name"] not in left_out]
    play = {
        "hosts": "target",
        "gather_facts": False,
        "module_defaults": {"group/fleet.jobs.all": world.instance},
        "tasks": [{**task, "ignore_errors": True} for task in tasks],
    }
    path = world.folder / "play.json"
    path.write_text(json.dumps([play]), encoding="utf-8")
    inventory = local_inventory(
        world.folder / "hosts.json",
        {"target": {}},
        python=world.python,
    )
    return run_playbook(path, inventory=inventory, check=check, diff=True, documented=False)


def _tasks(world: World) -> t.List[Task]:
    calls = [*_provision(world), *_queue(world), *_deploy(world), *_end()]
    return [
        {"name": name, f"fleet.jobs.{name}": arguments, **more} for name, arguments, more in calls
    ]


def _provision(world: World) -> t.List[t.Tuple[str, Task, Task]]:
    place = {"directory": str(world.folder / "programs"), "source": str(world.folder)}
    return [
        ("host_program", {"name": "tool", "version": "1.0", **place}, {}),
        ("host_tool", {}, {}),
        ("pueue_daemon", {**_elsewhere(world), "binaries": str(world.folder)}, {}),
        ("project_access", {"project": world.project, "repository": world.repository}, {}),
    ]


def _elsewhere(world: World) -> Task:
    """Another instance, which nobody serves."""
    place = world.folder / "elsewhere"
    return {"pueue_config": str(place / "pueue.yml"), "state_dir": str(place / "state")}


def _queue(world: World) -> t.List[t.Tuple[str, Task, Task]]:
    job = {"chdir": str(world.folder), "restart_safe": True}
    jobs = [
        {"label": "targets/good", "command": ["/bin/sh", "-c", "echo good"], **job},
        {"label": "targets/bad", "command": ["/bin/sh", "-c", "exit 3"], **job},
    ]
    once = {"chdir": str(world.folder)}
    wait = {"labels": ["targets/*"], "timeout": 30}
    return [
        ("host_probe", {}, {}),
        ("pueue_group", {"name": "targets", "parallel": 2}, {}),
        ("pueue_queue_guarded", {"jobs": jobs, "cap": "none"}, {}),
        ("pueue_wait", wait, {}),
        ("pueue_status", {"labels": ["targets/*"]}, {}),
        ("pueue_restart_guarded", {"labels": ["targets/bad"]}, {}),
        ("pueue_wait", wait, {}),
        ("pueue_clean", {}, {}),
        ("systemd_run_job", {"command": ["/bin/true"], "cap": "none", **once}, {}),
    ]


def _deploy(world: World) -> t.List[t.Tuple[str, Task, Task]]:
    release = {"repository": world.repository, "project": world.project, "sha": world.sha}
    token = "{{ audit.lease_token | default('none', true) }}"
    apply = {
        "plan_id": "{{ audit.plan.plan_id }}",
        "repository": world.repository,
        "lease_token": token,
    }
    return [
        ("deploy_lease", {"owner": "test", "purpose": "targets"}, {"register": "lease"}),
        (
            "deploy_lease",
            {"state": "absent", "lease_token": "{{ lease.lease_token | default('none', true) }}"},
            {},
        ),
        ("deploy_source", {"state": "resolved", "repository": world.repository, "ref": "main"}, {}),
        ("deploy_source", release, {}),
        ("deploy_wheel", {"python": f"{world.environment}/bin/python", **PACKAGE}, {}),
        ("deploy_verify", {"chdir": world.project, "python": world.python}, {}),
        (
            "deploy_audit",
            {"deploy_id": "targets", "python": world.python, **release},
            {"register": "audit"},
        ),
        ("deploy_apply", apply, {"when": "audit.proceed"}),
        ("host_watch", {"seconds": 1}, {}),
    ]


def _end() -> t.List[t.Tuple[str, Task, Task]]:
    return [
        ("emergency_stop", {"state": "stopped"}, {}),
        ("emergency_stop", {"state": "resumed"}, {}),
    ]


def _world(daemon: PrivateDaemon, folder: Path, *, python: str) -> World:
    repository = folder / "repository"
    repository.mkdir()
    _git(repository, "init", "--quiet", "--initial-branch=main")
    for version in (1, 2):
        (repository / "job.py").write_text(f"VERSION = {version}\n", encoding="utf-8")
        _git(repository, "add", "job.py")
        _git(repository, *WHO, "commit", "--quiet", "--message", f"Version {version}")
        if version == 1:
            _git(folder, "clone", "--quiet", str(repository), "project")
    world = World(daemon, folder, python, _git(repository, "rev-parse", "HEAD"))
    _environment(world)
    (folder / "tool").write_text("#!/bin/sh\necho tool 1.0\n", encoding="utf-8")
    (folder / "tool").chmod(0o755)
    return world


def _environment(world: World) -> None:
    """An environment with one package in it, made without asking any index."""
    subprocess.run([world.python, "-m", "venv", "--without-pip", world.environment], check=True)
    library = next(Path(world.environment).glob("lib/python3.*/site-packages"))
    metadata = library / "{package}-{version}.dist-info".format(**PACKAGE) / "METADATA"
    metadata.parent.mkdir()
    content = "Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n".format(**PACKAGE)
    metadata.write_text(content, encoding="utf-8")


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout.strip()
