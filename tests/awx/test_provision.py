# SPDX-License-Identifier: GPL-3.0-or-later
"""The template *Provision*, on a systemd container that is reached over ssh."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.awx.controller import Controller, Launch
from ansible_collections.fleet.jobs.tests.awx.private_data import Inventory
from ansible_collections.fleet.jobs.tests.awx.templates import TEMPLATES
from ansible_collections.fleet.jobs.tests.awx.world import HOSTS, PROJECT
from ansible_collections.fleet.jobs.tests.lab.containers import Container, Group, reason
from ansible_collections.fleet.jobs.tests.support.binaries import binary
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

pytestmark = pytest.mark.skipif(bool(reason()), reason=reason() or "none")
ANSWERS = {**HOSTS, "queue_host_user": "jobs"}
ACCOUNT = "getent passwd jobs"


@pytest.fixture
def bare() -> t.Iterator[Container]:
    with Group("test-awx").up("bare") as (container,):
        yield container


@pytest.fixture
def awx(tmp_path: Path, bare: Container) -> t.Iterator[Controller]:
    made = Controller(tmp_path / "awx", PROJECT, _inventory(bare, cargo="/nonexistent/cargo"))
    yield made
    made.close()


def _inventory(bare: Container, **more: str) -> Inventory:
    known = {
        "ansible_user": "admin",
        "ansible_ssh_common_args": f"-F {bare.group.ssh_config}",
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    return Inventory({bare.name: {**known, **{f"queue_host_{k}": v for k, v in more.items()}}})


@pytest.mark.cell("Provision", "check", "run", "relaunch", "cancel")
def test_provision(
    awx: Controller, bare: Container, cell: t.Callable[..., None], tmp_path: Path
) -> None:
    """Foretold, cut off, failed for want of a compiler, relaunched, and nothing to do any more."""
    own = {"fleet_cap": "prefer", "queue_host_build_cache": str(tmp_path / "cache")}
    template = replace(TEMPLATES["Provision"], extra_vars=own)

    foretold = awx.launch(replace(template, job_type="check", diff=True), ANSWERS)
    assert foretold.status == "successful" and foretold.stats["changed"], foretold.explain()
    assert bare.run(ACCOUNT, "root", check=False).stdout == ""
    cell(foretold.status, column="check")

    cut = awx.start(Launch(template, ANSWERS))
    eventually(
        lambda: bare.run(ACCOUNT, "root", check=False).stdout, timeout=90, what="the account"
    )
    cut.cancel()
    assert cut.status == "canceled", cut.explain()
    cell(cut.status, column="cancel")

    failed = awx.launch(template, ANSWERS)
    assert failed.failed_hosts() == [bare.name], failed.explain()
    assert "/nonexistent/cargo" in failed.output

    programs = Path(binary("pueued")).resolve().parent
    cargo = tmp_path / "cargo"
    cargo.write_text(f'#!/bin/sh\nmkdir -p "$4/bin" && cp {programs}/pueue* "$4/bin/"\n')
    cargo.chmod(0o755)
    awx.inventory = _inventory(bare, cargo=str(cargo))
    again = awx.relaunch(failed)
    assert again.status == "successful", again.explain()
    assert "default" in bare.run("pueue status --json", "jobs").stdout
    cell(again.status, column="relaunch")

    last = awx.launch(template, ANSWERS)
    assert last.status == "successful" and not last.stats["changed"], last.explain()
    cell(f"{last.status}, again without a change", column="run")
