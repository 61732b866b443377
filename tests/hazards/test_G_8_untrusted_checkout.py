# SPDX-License-Identifier: GPL-3.0-or-later
"""G-8: on a fresh checkout mise does not trust the project, and every job of it fails.

Stopped by: ``project_access`` (role ``queue_host``) has mise trust exactly this project, before
its first deploy if need be; what lies beside it stays untrusted, and a whole home is refused.

With a real mise that asks before ``mise exec``; newer ones trust by themselves there.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.support import mise
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.direct import call
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue

CONFIG = '[env]\nWINDOW = "250"\n'
JOB = 'echo "window=$WINDOW"'


class Site:
    """A queue whose account has mise, and a checkout that nobody has trusted yet."""

    def __init__(self, daemon: PrivateDaemon) -> None:
        self.queue = GuardedQueue(daemon)
        self.daemon = daemon
        self.account = mise.Account(daemon.home)
        self.project = daemon.home / "project"

    def checkout(self, project: Path) -> None:
        project.mkdir(exist_ok=True)
        (project / "mise.toml").write_text(CONFIG)

    def log(self, label: str, project: Path) -> str:
        """Run a job there through the guard; what it and mise said."""
        self.queue.queue({"label": label, "shell": JOB, "chdir": str(project)})
        task = self.queue.finished(label).latest()[label]
        return self.daemon.config.log_path(task.id).read_text()

    def access(self, project: Path, *, check: bool = False) -> t.Dict[str, t.Any]:
        arguments = {"project": str(project), "trust": True}
        environ = {**self.daemon.environ, **self.account.environ()}
        return call("project_access", arguments, environ=environ, cwd=project.parent, check=check)


@pytest.fixture
def site(daemon: PrivateDaemon) -> Site:
    return Site(daemon)


def test_without_the_guard_every_job_fails(site: Site) -> None:
    site.checkout(site.project)
    log = site.log("bars/A", site.project)
    assert "not trusted" in log and "window=" not in log
    with site.queue.instance.ledger(read_only=True) as ledger:
        assert ledger.attempts.latest(["bars/A"])["bars/A"].class_ != "ok"


@pytest.mark.parametrize("before_the_checkout", [False, True])
def test_trusted_once_it_runs_and_nothing_else_is_trusted(
    site: Site, before_the_checkout: bool
) -> None:
    beside = site.project.with_name("beside")
    site.checkout(beside)
    if not before_the_checkout:
        site.checkout(site.project)
    done = site.access(site.project)
    assert done["changed"] and done["trusted"], done
    site.checkout(site.project)
    assert site.log("bars/A", site.project) == "window=250\n"
    assert "not trusted" in site.log("bars/B", beside)
    assert not site.access(site.project)["changed"]


def test_a_whole_home_is_refused(site: Site) -> None:
    refused = site.access(site.daemon.home)
    assert refused["failed"] and refused["hazard"] == "G-8"
    site.checkout(site.project)
    assert "not trusted" in site.log("bars/A", site.project)
