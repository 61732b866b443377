# SPDX-License-Identifier: GPL-3.0-or-later
"""G-11: programs in ~/.cargo/bin and ~/.local/bin are not found inside jobs.

Stopped by: the runner puts both folders on the job's PATH.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._pueue.client import Client
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.requests import AddRequest
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.snapshot import Task
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.tool import Tool, install
from ansible_collections.fleet.jobs.tests.support.waiting import eventually


def run(daemon: PrivateDaemon, client: Client, command: str) -> Task:
    envs = {"PATH": "/usr/bin:/bin", "HOME": str(daemon.home)}
    client.add(
        AddRequest(
            command=command,
            path=str(daemon.home),
            label="unit/job",
            group="default",
            envs=envs,
            stashed=False,
            enqueue_at=None,
            dependencies=(),
            priority=0,
        )
    )
    return eventually(
        lambda: next((one for one in client.status().tasks.values() if one.done), None),
        timeout=30,
        what="the task is done",
    )


@pytest.fixture(params=[".cargo/bin", ".local/bin"])
def program(daemon: PrivateDaemon, request: t.Any) -> Path:
    path = daemon.home / request.param / "accounts-own-tool"
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\necho found\n")
    path.chmod(0o755)
    return path


def test_without_the_guard(daemon: PrivateDaemon, client: Client, program: Path) -> None:
    task = run(daemon, client, program.name)
    assert (task.result, task.exit_code) == ("Failed", 127)


def test_with_the_guard(daemon: PrivateDaemon, client: Client, program: Path) -> None:
    state_dir = daemon.directory / "state"
    tool = Tool(install(state_dir), state_dir=state_dir)
    task = run(daemon, client, tool.command([program.name]))
    assert task.ok
    assert daemon.config.log_path(task.id).read_text() == "found\n"
