# SPDX-License-Identifier: GPL-3.0-or-later
"""AP-1: redeployed without looking; re-queued jobs meet old checkpoints, running ones new code.

Stopped by: ``deploy_audit`` waits for what runs and kills only jobs declared ``restart_safe``;
``deploy_apply`` needs its plan.
"""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._deploy.apply import (
    ApplyOptions,
    Deployment,
)
from ansible_collections.fleet.jobs.plugins.module_utils._deploy.audit import (
    Audit,
    AuditOptions,
    audit,
)
from ansible_collections.fleet.jobs.plugins.module_utils._deploy.request import DeployRequest
from ansible_collections.fleet.jobs.plugins.module_utils._deploy.uv import Index
from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError, Refused
from ansible_collections.fleet.jobs.tests.support import deployer
from ansible_collections.fleet.jobs.tests.support.fleet import EmbeddedHost, Origin, git
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

# It remembers the last row it wrote, and imports its second half only when it comes to it.
JOB = """\
import os, sys, time
import first
place = sys.argv[1]
begin = int(open(place + "/cursor").read()) if os.path.exists(place + "/cursor") else 0
for row in range(begin, 4):
    with open(place + "/rows", "a") as rows:
        rows.write("%d\\n" % row)
    if row == 1:
        while not os.path.exists(place + "/go"):
            time.sleep(0.05)
    with open(place + "/cursor", "w") as cursor:
        cursor.write(str(row + 1))
import second
print(first.VERSION, second.VERSION, file=open(place + "/versions", "w"))
"""


def _code(version: int) -> t.Dict[str, str]:
    text = f"VERSION = {version}\n"
    return {"work.py": JOB, "first.py": text, "second.py": text}


class Site:
    """One job that is half-way through, and a second version waiting in the repository."""

    def __init__(self, folder: Path) -> None:
        self.origin = Origin(folder / "origin")
        self.origin.commit("version 1", _code(1))
        self.host = EmbeddedHost("host", self.origin)
        self.place = folder / "place"
        self.place.mkdir()
        self.before = self.host.head()
        self.sha = self.origin.commit("version 2", _code(2))

    @property
    def words(self) -> t.List[str]:
        return [sys.executable, "-B", "work.py", str(self.place)]

    def half_way(self) -> None:
        """Wait until the job has written two rows of four."""
        eventually(lambda: self.rows() == ["0", "1"], timeout=30, what="two rows")

    def start(self, **options: t.Any) -> None:
        """The job by our queueing."""
        self.host.queue([{**self.host.job("work/A"), "command": self.words, **options}])
        self.half_way()

    def add(self) -> None:
        """The job by the plain command line."""
        place = ("--working-directory", str(self.host.project))
        self.host.daemon.cli("add", *place, "--label", "work/A", "--", *self.words)

    def let_go(self) -> None:
        (self.place / "go").touch()
        assert self.host.finished("work/A")["work/A"].ok

    def rows(self) -> t.List[str]:
        path = self.place / "rows"
        return path.read_text().split() if path.exists() else []

    def versions(self) -> t.List[str]:
        return (self.place / "versions").read_text().split()

    def audit(self, when_running: str) -> Audit:
        """As the playbook does, with a freeze."""
        asked = self.asked(when_running=when_running)
        options = AuditOptions(
            **{key: asked[key] for key in ("repository", "owner", "ttl", "take_over")},
            freeze=True,
            drain_timeout=600.0,
            slice_seconds=0.0,
            state={},
            check_mode=False,
        )
        return audit(DeployRequest.parse(asked), self.host.instance, options)

    def asked(self, **more: t.Any) -> t.Dict[str, t.Any]:
        options = {"repository": str(self.origin.path), "sha": self.sha, "assertions": []}
        return deployer.options(self.host, **{**options, **more})

    def untouched(self) -> bool:
        """The job runs on, on the code it began with."""
        running = self.host.tasks()["work/A"].status == "Running"
        return running and self.host.head() == self.before


@pytest.fixture
def site(tmp_path: Path) -> t.Iterator[Site]:
    made = Site(tmp_path)
    try:
        yield made
    finally:
        made.host.close()


def test_without_looking_the_second_run_collides_with_the_checkpoint(site: Site) -> None:
    site.add()
    site.half_way()
    site.host.daemon.cli("kill", "0")
    site.host.finished("work/A")
    git("fetch", "--quiet", cwd=site.host.project)
    git("reset", "--quiet", "--hard", site.sha, cwd=site.host.project)
    site.host.daemon.cli("start", "--group", "default")
    site.add()
    site.let_go()
    assert site.rows() == ["0", "1", "1", "2", "3"], "row 1 was written twice"


def test_without_looking_code_is_swapped_under_the_running_job(site: Site) -> None:
    site.add()
    site.half_way()
    git("fetch", "--quiet", cwd=site.host.project)
    git("reset", "--quiet", "--hard", site.sha, cwd=site.host.project)
    site.let_go()
    assert site.versions() == ["1", "2"], "half of each"


def test_the_audit_waits_and_the_job_ends_on_its_own_code(site: Site) -> None:
    site.start()
    found = site.audit("wait")
    assert (found.finished, found.proceed) == (False, False)
    assert "waiting for 1 running jobs (work/A)" in found.state["progress"]
    assert site.untouched()
    site.let_go()
    assert site.versions() == ["1", "1"] and site.rows() == ["0", "1", "2", "3"]
    assert deployer.carry_out(site.asked())["verdict"] == "applied"
    assert site.host.head() == site.sha


def test_a_kill_is_refused_where_nobody_vouches_for_the_checkpoints(site: Site) -> None:
    site.start(restart_safe=False)
    with pytest.raises(Refused) as error:
        site.audit("kill")
    assert error.value.hazard == "AP-1" and '"work/A"' in error.value.message
    assert site.untouched() and site.host.groups() == {"default": "Running"}
    site.let_go()
    assert site.rows() == ["0", "1", "2", "3"]


def test_nothing_is_applied_without_an_audit(site: Site) -> None:
    site.start()
    with site.host.instance.ledger() as ledger:
        lease = ledger.lease.take("ada@control", "by hand", 600.0)
    chosen = ApplyOptions(
        plan_id="my-own-0123456789ab",
        repository=str(site.origin.path),
        token=lease.token,
        ttl=600.0,
        index=Index(),
    )
    with site.host.instance.ledger() as ledger, pytest.raises(
        FleetError, match="Run deploy_audit first"
    ):
        Deployment(site.host.instance, ledger, chosen)
    assert site.untouched()
