# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller at hand takes every playbook and every document of the collection.

``make test-controllers`` runs this, a deploy and all modules under each supported ansible-core.
"""

from __future__ import annotations

import json
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.support.ansible import (
    COLLECTION,
    environment,
    local_inventory,
    program,
    run_playbook,
)

PLAYBOOKS = sorted(path.stem for path in (COLLECTION / "playbooks").glob("*.yml"))
ROLES = sorted(path.name for path in (COLLECTION / "roles").iterdir())


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_parses_the_playbook(name: str, tmp_path: Path) -> None:
    inventory = local_inventory(tmp_path / "hosts.json", {"one": {}})
    done = run_playbook(
        f"fleet.jobs.{name}",
        inventory=inventory,
        extra_vars={"fleet_hosts": "all"},
        arguments=["--syntax-check"],
    )
    assert done.rc == 0, done.explain()


@pytest.mark.parametrize("kind", ["module", "role", "filter"])
def test_reads_the_documents(kind: str, tmp_path: Path) -> None:
    listed = _doc(tmp_path, "--type", kind, "--list", "--json", "fleet.jobs")
    names = [name for name in listed if name.startswith("fleet.jobs.")]
    assert names
    assert kind != "role" or sorted(names) == [f"fleet.jobs.{name}" for name in ROLES]
    assert set(_doc(tmp_path, "--type", kind, "--json", *names)) == set(names)


def _doc(home: Path, *arguments: str) -> t.Dict[str, t.Any]:
    done = subprocess.run(
        [program("ansible-doc"), *arguments],
        env=environment(home, home / "record"),
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and "[ERROR]" not in done.stderr, done.stdout + done.stderr
    return t.cast(t.Dict[str, t.Any], json.loads(done.stdout))
