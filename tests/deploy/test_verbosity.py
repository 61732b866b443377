# SPDX-License-Identifier: GPL-3.0-or-later
"""Every verbosity that AWX offers, with diff, in a check and in a run: same end, nothing secret."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.support.ansible import run_playbook
from ansible_collections.fleet.jobs.tests.support.fleet import Fleet, fingerprint

SECRET = "correct-horse-battery"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Fleet]:
    made = Fleet(1, tmp_path_factory.mktemp("verbosity") / "fleet")
    yield made
    made.close()


@pytest.mark.parametrize("level", range(6))
def test_a_check_and_a_run(fleet: Fleet, tmp_path: Path, level: int) -> None:
    (host,) = fleet.hosts
    sha = fleet.origin.commit(f"change {level}", {"level.py": f"LEVEL = {level}\n"})
    options = {
        **fleet.options,
        "deploy_index_url": f"https://ada:{SECRET}@index.example.org/simple",
        "deploy_index_username": "ada",
        "deploy_index_password": SECRET,
    }
    loud = ["-" + "v" * level] if level else []

    def deploy(*, check: bool) -> str:
        run = run_playbook(
            "fleet.jobs.deploy",
            inventory=fleet.inventory(),
            extra_vars=options,
            check=check,
            diff=True,
            arguments=loud,
        )
        assert run.rc == 0, run.explain()
        assert SECRET not in run.stdout + run.stderr + str(run.results)
        return run.stdout

    before = fingerprint(host) if level in (0, 5) else None
    foretold = deploy(check=True)
    assert "would deploy" in foretold and host.head() != sha
    assert before is None or fingerprint(host) == before
    assert "applied" in deploy(check=False) and host.head() == sha
