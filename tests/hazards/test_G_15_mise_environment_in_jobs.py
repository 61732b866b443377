# SPDX-License-Identifier: GPL-3.0-or-later
"""G-15: jobs do not see mise's [env].

Stopped by: the runner starts jobs of a mise project through mise; secrets and overrides stay
above it.

Once with a real mise, and once with a stand-in for machines that cannot have one: a shell script
with the same command line, which sets what the project's configuration says and runs the rest.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._pueue.client import Client
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.requests import AddRequest
from ansible_collections.fleet.jobs.tests.support import mise
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.tool import Tool, install
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

STAND_IN = r"""#!/bin/sh
test "$1 $2" = "exec --" || exit 2
shift 2
eval "$(sed -n 's/^\([A-Z_]*\) = \(".*"\)$/export \1=\2/p' mise.toml)"
exec "$@"
"""
CONFIG = '[env]\nWINDOW = "250"\nTOKEN = ""\nONE_OFF = "usual"\n'
JOB = ["/bin/sh", "-c", 'echo "window=$WINDOW token=${#TOKEN} one-off=$ONE_OFF"']


@pytest.fixture(params=["real", "stand-in"])
def project(daemon: PrivateDaemon, request: t.Any) -> Path:
    folder = daemon.home / "project"
    folder.mkdir()
    (folder / "mise.toml").write_text(CONFIG)
    if request.param == "real":
        mise.Account(daemon.home).trust(folder)
        return folder
    program = daemon.home / ".local" / "bin" / "mise"
    program.parent.mkdir(parents=True)
    program.write_text(STAND_IN)
    program.chmod(0o755)
    return folder


def run(client: Client, daemon: PrivateDaemon, command: str, *, path: Path, **envs: str) -> str:
    base = {"PATH": "/usr/bin:/bin", "HOME": str(daemon.home), "MISE_OFFLINE": "1"}
    task_id = client.add(
        AddRequest(
            command=command,
            path=str(path),
            label="unit/job",
            group="default",
            envs={**base, **envs},
            stashed=False,
            enqueue_at=None,
            dependencies=(),
            priority=0,
        )
    )
    eventually(lambda: client.status().tasks[task_id].done, timeout=30, what="the task is done")
    return daemon.config.log_path(task_id).read_text()


def test_without_the_guard(daemon: PrivateDaemon, client: Client, project: Path) -> None:
    plain = run(client, daemon, 'echo "window=$WINDOW"', path=project)
    assert plain == "window=\n"


def guarded(daemon: PrivateDaemon) -> Tool:
    state_dir = daemon.directory / "state"
    return Tool(install(state_dir), state_dir=state_dir)


def test_with_the_guard(daemon: PrivateDaemon, client: Client, project: Path) -> None:
    command = guarded(daemon).command(JOB)
    log = run(client, daemon, command, path=project)
    assert log == "window=250 token=0 one-off=usual\n"


def test_secrets_and_overrides_stay_above_mise(
    daemon: PrivateDaemon, client: Client, project: Path
) -> None:
    secrets = daemon.home / "secrets.env"
    secrets.write_text("TOKEN='1234567'\n")
    secrets.chmod(0o600)
    command = guarded(daemon).command(JOB, options=["--env-file", str(secrets)])
    envs: t.Dict[str, str] = {"ONE_OFF": "changed", "FLEET_JOBS_OVERRIDES": "ONE_OFF"}
    log = run(client, daemon, command, path=project, **envs)
    assert log == "window=250 token=7 one-off=changed\n"
