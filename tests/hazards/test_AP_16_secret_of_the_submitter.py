# SPDX-License-Identifier: GPL-3.0-or-later
"""AP-16: what the submitter has in its environment lands in pueue's state file, in clear text.

Stopped by: a minimal task environment; secrets come from a private ``env_file``, read on the
host when the job starts.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from ansible_collections.fleet.jobs.plugins.module_utils._jobs import environment
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.client import Client
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.requests import AddRequest
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.tool import Tool, install
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

SECRET = "s3cret-of-the-submitter"
JOB = 'test -n "$API_TOKEN" && printf %s "$API_TOKEN" | wc -c'


def everything_stored(folder: Path) -> bytes:
    return b"".join(
        path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()
    )


def done(client: Client) -> bool:
    return all(task.done for task in client.status().tasks.values())


def test_without_the_guard_the_secret_is_stored(daemon: PrivateDaemon, client: Client) -> None:
    subprocess.run(
        [daemon.programs["pueue"], "--config", str(daemon.config_path), "add", "--", JOB],
        env={**daemon.environ, "API_TOKEN": SECRET},
        cwd=str(daemon.directory),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    eventually(lambda: done(client), timeout=30, what="the job is done")
    (task,) = client.status().tasks.values()
    assert task.ok
    state = daemon.config.state_file
    assert SECRET.encode() in state.read_bytes()
    assert state.stat().st_mode & 0o004, "and every account can read it"


def test_with_the_guard_it_comes_from_a_private_file_at_run_time(
    daemon: PrivateDaemon, client: Client
) -> None:
    state_dir = daemon.directory / "state"
    tool = Tool(install(state_dir), state_dir=state_dir)
    secrets = daemon.home / "secrets.env"
    secrets.write_text(f"API_TOKEN={SECRET}\n")
    secrets.chmod(0o600)
    argv = ["/bin/sh", "-c", JOB]
    submitter = {**daemon.environ, "API_TOKEN": SECRET}
    client.add(
        AddRequest(
            command=tool.command(argv, options=["--env-file", str(secrets)]),
            path=str(daemon.home),
            label="unit/job",
            group="default",
            envs=environment.minimal(submitter),
            stashed=False,
            enqueue_at=None,
            dependencies=(),
            priority=0,
        )
    )
    eventually(lambda: done(client), timeout=30, what="the job is done")
    (task,) = client.status().tasks.values()
    assert task.ok, daemon.config.log_path(task.id).read_text()
    log = daemon.config.log_path(task.id).read_text()
    assert str(len(SECRET)) in log, "the job had it"
    assert SECRET.encode() not in everything_stored(daemon.directory / "pueue")
    assert SECRET.encode() not in everything_stored(state_dir)


def test_a_secret_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    tool = Tool(install(tmp_path / "state"), state_dir=tmp_path / "state")
    secrets = tmp_path / "secrets.env"
    secrets.write_text(f"API_TOKEN={SECRET}\n")
    secrets.chmod(0o644)
    refused = tool.run(["/bin/sh", "-c", JOB], options=["--env-file", str(secrets)])
    assert refused.returncode == 121
    assert "chmod 600" in refused.stderr
    assert SECRET not in refused.stderr
    assert [one.class_ for one in tool.attempts()] == ["infra"]
    assert not os.environ.get("API_TOKEN")
