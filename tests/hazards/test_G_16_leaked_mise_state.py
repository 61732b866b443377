# SPDX-License-Identifier: GPL-3.0-or-later
"""G-16: the __MISE_DIFF of the submitter's session breaks mise on the host, or takes a folder off
the job's PATH.

Stopped by: nothing of mise's own is stored with a task, and the runner starts mise without it.

With a real mise: the diff comes from a real session in another project, on its way to the host in
the environment that ``pueue add`` stores.
"""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.support import mise
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue
from ansible_collections.fleet.jobs.tests.support.tool import Tool

JOB = 'echo "region=$REGION_OF_JOB"; tool-of-the-host'


@dataclass(frozen=True)
class Site:
    """A host whose jobs need mise, a variable and a folder on PATH; and a foreign session."""

    queue: GuardedQueue
    account: mise.Account
    session: t.Mapping[str, str]

    def log(self, label: str) -> str:
        task = self.queue.finished(label).latest()[label]
        return self.queue.daemon.config.log_path(task.id).read_text()


@pytest.fixture
def site(tmp_path: Path) -> t.Iterator[Site]:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "tool-of-the-host").write_text("#!/bin/sh\necho the tool runs\n")
    (tools / "tool-of-the-host").chmod(0o755)
    account = mise.Account(tmp_path / "home")
    path = f"{tools}:{account.environ()['PATH']}"
    session = _foreign_session(tmp_path, account, tools)
    # The daemon's environment is that of ``pueue add``: of the session that submits.
    with PrivateDaemon(environ=account.environ(PATH=path, REGION="eu", **session)) as daemon:
        queue = GuardedQueue(daemon)
        (queue.work / "mise.toml").write_text('[env]\nREGION_OF_JOB = "eu"\n')
        account.trust(queue.work)
        yield Site(queue, account, session)


def _foreign_session(folder: Path, account: mise.Account, tools: Path) -> t.Dict[str, str]:
    """What mise keeps in the environment of a session that stands in another project."""
    other = folder / "other"
    other.mkdir()
    (other / "mise.toml").write_text(f'[env]\nREGION = "us"\n_.path = ["{tools}"]\n')
    account.trust(other)
    dump = "import json, os; print(json.dumps(dict(os.environ)))"
    done = account.run("exec", "--", "python3", "-c", dump, cwd=other)
    assert done.returncode == 0, done.stderr
    kept = {k: v for k, v in json.loads(done.stdout).items() if k.startswith("__MISE_")}
    assert "__MISE_DIFF" in kept
    return kept


def add(site: Site, label: str, text: str) -> None:
    """As a person does who wraps the job in mise by hand (G-15)."""
    words = ("--working-directory", str(site.queue.work), "--label", label)
    site.queue.daemon.cli("add", *words, "--escape", "--", "mise", "exec", "--", "sh", "-c", text)


def test_without_the_guard_the_job_loses_a_folder_of_its_path(site: Site) -> None:
    add(site, "bars/A", JOB)
    log = site.log("bars/A")
    assert "region=eu" in log and "tool-of-the-host: not found" in log


def test_without_the_guard_mise_itself_fails(site: Site) -> None:
    (site.queue.work / "mise.toml").write_text('[env]\nREGION_OF_JOB = "{{ env.REGION }}"\n')
    add(site, "bars/A", JOB)
    log = site.log("bars/A")
    assert "mise ERROR failed to parse template" in log and "REGION" in log
    clean = site.account.run("exec", "--", "sh", "-c", JOB, cwd=site.queue.work, REGION="eu")
    assert "region=eu" in clean.stdout


def test_with_the_guard_the_job_finds_both(site: Site) -> None:
    site.queue.queue(site.queue.job("bars/A", f"{JOB}; env"))
    log = site.log("bars/A")
    assert "region=eu\nthe tool runs\n" in log
    assert site.session["__MISE_DIFF"] not in log


def test_the_runner_takes_it_away_whoever_stored_it(site: Site) -> None:
    tool = Tool(site.queue.tool.path, state_dir=site.queue.state_dir)
    words = ("--working-directory", str(site.queue.work), "--label", "bars/A")
    site.queue.daemon.cli("add", *words, "--", tool.command(["/bin/sh", "-c", JOB]))
    assert site.log("bars/A") == "region=eu\nthe tool runs\n"


def test_nothing_of_it_is_stored_with_the_task(site: Site) -> None:
    site.queue.pause()
    add(site, "bars/A", JOB)
    site.queue.queue(site.queue.job("bars/B", JOB))
    state = json.loads(site.queue.daemon.config.state_file.read_text())
    stored = {task["label"]: task["envs"] for task in state["tasks"].values()}
    assert "__MISE_DIFF" in stored["bars/A"]
    assert not [name for name in stored["bars/B"] if name.startswith("__MISE_")]
