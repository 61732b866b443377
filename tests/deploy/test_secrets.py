# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret reaches a job from its ``env_file`` and from nowhere else, and is found nowhere else."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import threading
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.support import git as real
from ansible_collections.fleet.jobs.tests.support.ansible import (
    PlaybookRun,
    local_inventory,
    run_playbook,
)
from ansible_collections.fleet.jobs.tests.support.environments import Environment
from ansible_collections.fleet.jobs.tests.support.fleet import EmbeddedHost, Fleet
from ansible_collections.fleet.jobs.tests.support.index import Index
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

MakeFleet = t.Callable[[int], Fleet]

OF_CONTROLLER = "s3cret-of-the-controller"
OF_SUBMITTER = "s3cret-of-the-submitter"
OF_FILE = "s3cret-of-the-file"
OF_REPOSITORY = "s3cret-of-the-repository"
OF_INDEX = "s3cret-of-the-index"

# Says what it sees without saying it: a digest of the file's secret, and names of the others.
JOB = """\
import hashlib, json, os, pathlib, sys, time
seen = {
    "file": hashlib.sha256(os.environ.get("OF_FILE", "").encode()).hexdigest(),
    "others": sorted({"OF_CONTROLLER", "OF_SUBMITTER"} & set(os.environ)),
}
pathlib.Path(sys.argv[1]).write_text(json.dumps(seen))
while not os.path.exists(sys.argv[2]):
    time.sleep(0.05)
"""
ALL_IS_WELL = {"file": hashlib.sha256(OF_FILE.encode()).hexdigest(), "others": []}


class CommandLines:
    """Every command line that was seen on this machine meanwhile and holds one of the secrets."""

    def __init__(self, *secrets: str) -> None:
        self.secrets = [secret.encode() for secret in secrets]
        self.guilty: t.Set[bytes] = set()
        self.seen = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> CommandLines:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.03):
            self.look()

    def look(self) -> None:
        for name in os.listdir("/proc"):
            if name.isdigit():
                with contextlib.suppress(OSError):
                    line = Path("/proc", name, "cmdline").read_bytes()
                    self.seen += 1
                    if any(secret in line for secret in self.secrets):
                        self.guilty.add(line)


def places(secret: str, *tops: Path) -> t.List[str]:
    """Files below ``tops`` that hold the secret."""
    return [
        str(path)
        for top in tops
        for path in [top, *top.rglob("*")]
        if path.is_file() and not path.is_symlink() and secret.encode() in path.read_bytes()
    ]


def said(run: PlaybookRun) -> str:
    """Everything that came out of Ansible: printed with -vvv, and the results themselves."""
    return run.stdout + run.stderr + json.dumps([one.result for one in run.results])


def test_environments_stay_out_and_the_file_gets_in(make_fleet: MakeFleet, tmp_path: Path) -> None:
    fleet = make_fleet(1)
    (host,) = fleet.hosts
    goes_on = tmp_path / "goes-on"
    play = _submission(host, tmp_path, goes_on)
    secrets = (OF_CONTROLLER, OF_SUBMITTER, OF_FILE)
    with CommandLines(*secrets) as lines:
        run = run_playbook(
            play,
            inventory=local_inventory(
                tmp_path / "hosts.json", {"host1": {}}, python=_account(tmp_path)
            ),
            arguments=["-vvv"],
            env={"OF_CONTROLLER": OF_CONTROLLER},
        )
        assert run.rc == 0, run.explain()
        host.running("work/queued")
        for name in ("queued", "once"):
            eventually((tmp_path / name).exists, timeout=30, what=f"{name} has begun")
        lines.look()
    goes_on.touch()
    assert host.finished("work/queued")["work/queued"].ok

    for name in ("queued", "once"):
        assert json.loads((tmp_path / name).read_text()) == ALL_IS_WELL
    assert lines.seen and not lines.guilty
    for secret in secrets:
        assert places(secret, host.folder, tmp_path / "report.json") == [], secret
        assert secret not in said(run), secret


def _account(folder: Path) -> str:
    """The interpreter of an account whose environment holds a secret when modules run there."""
    path = folder / "python"
    path.write_text(
        f'#!/bin/sh\nexport OF_SUBMITTER={OF_SUBMITTER}\nexec {sys.executable} "$@"\n',
        encoding="utf-8",
    )
    path.chmod(0o755)
    return str(path)


def _submission(host: EmbeddedHost, folder: Path, goes_on: Path) -> Path:
    """A play that gives its jobs a secret file."""
    script, secrets = folder / "job.py", folder / "secrets.env"
    script.write_text(JOB, encoding="utf-8")
    secrets.write_text(f"OF_FILE={OF_FILE}\n", encoding="utf-8")
    secrets.chmod(0o600)
    where = {"pueue_config": str(host.daemon.config_path), "state_dir": str(host.state_dir)}

    def job(name: str) -> t.Dict[str, t.Any]:
        command = [sys.executable, str(script), str(folder / name), str(goes_on)]
        return {"command": command, "chdir": str(host.project), "env_file": str(secrets)}

    tasks: t.List[t.Dict[str, t.Any]] = [
        {
            "fleet.jobs.pueue_queue_guarded": {
                "jobs": [{"label": "work/queued", **job("queued")}],
                "cap": "none",
            }
        },
        {
            "fleet.jobs.systemd_run_job": {
                **job("once"),
                **{"label": "work/once", "cap": "none", "wait": False},
            }
        },
        {"fleet.jobs.pueue_status": {"labels": ["*"]}, "register": "status"},
        {
            "ansible.builtin.copy": {
                "content": "{{ status | to_json }}",
                "dest": str(folder / "report.json"),
                "mode": "0600",
            }
        },
    ]
    play = {
        "hosts": "all",
        "gather_facts": False,
        "module_defaults": {"group/fleet.jobs.all": where},
        "tasks": [{"name": f"task {number}", **task} for number, task in enumerate(tasks)],
    }
    path = folder / "play.json"
    path.write_text(json.dumps([play]), encoding="utf-8")
    return path


@pytest.mark.parametrize("works", [True, False], ids=["applied", "refused by the index"])
def test_credentials_of_repository_and_index_appear_nowhere(
    make_fleet: MakeFleet, tmp_path: Path, works: bool
) -> None:
    fleet = make_fleet(1)
    (host,) = fleet.hosts
    host.queue([host.job("work/2", "2")])
    host.finished("work/2")
    sha = fleet.origin.fix()
    upstream = tmp_path / "served" / "up.git"
    real.git(tmp_path, "clone", "-q", "--bare", str(fleet.origin.path), str(upstream))
    environment = Environment.make(tmp_path / "env")
    report, project = tmp_path / "report.json", host.folder / "new"
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(real.http_server(upstream.parent, user=f"deploy:{OF_REPOSITORY}"))
        index = stack.enter_context(Index(credential=f"reader:{OF_INDEX if works else 'another'}"))
        index.publish("demo-pkg", "1.0.0")
        lines = stack.enter_context(CommandLines(OF_REPOSITORY, OF_INDEX))
        run = run_playbook(
            "fleet.jobs.deploy",
            inventory=fleet.inventory(),
            extra_vars={
                **fleet.options,
                "deploy_repository": url.replace("://", f"://deploy:{OF_REPOSITORY}@") + "/up.git",
                "deploy_project": str(project),
                "deploy_python": environment.python,
                "deploy_package": "demo-pkg",
                "deploy_version": "1.0.0",
                "deploy_index_url": index.url,
                "deploy_index_username": "reader",
                "deploy_index_password": OF_INDEX,
                "deploy_report_file": str(report),
            },
            arguments=["-vvv", "--diff"],
            env=environment.environ,
        )

    assert (run.rc == 0) is works, run.explain()
    if works:
        assert real.git(project, "rev-parse", "HEAD").strip() == sha
        assert environment.evaluate("import demo_pkg; print(demo_pkg.__version__)") == "1.0.0"
        assert "127.0.0.1" in (project / ".git" / "config").read_text()
    assert lines.seen and not lines.guilty
    for secret in (OF_REPOSITORY, OF_INDEX):
        assert places(secret, host.folder, tmp_path / "env", report) == [], secret
        assert secret not in said(run), secret
