# SPDX-License-Identifier: GPL-3.0-or-later
"""The tarball holds the product and nothing else, and works where it is installed."""

from __future__ import annotations

import subprocess
import tarfile
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.support import documentation
from ansible_collections.fleet.jobs.tests.support.ansible import COLLECTION, environment, program

SHIPPED = {
    *("CHANGELOG.md", "CHANGELOG.rst", "FILES.json", "LICENSE", "MANIFEST.json", "README.md"),
    *("changelogs", "docs", "inventory", "meta", "playbooks", "plugins", "roles"),
}


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the files that git would take, as ``make build`` does."""
    folder = tmp_path_factory.mktemp("tarball")
    staged = folder / "staged"
    stage = COLLECTION / "tools" / "stage.py"
    subprocess.run([program("python"), str(stage), str(staged)], check=True)
    _run(folder, "ansible-galaxy", "collection", "build", "--output-path", str(folder), str(staged))
    return next(folder.glob("fleet-jobs-*.tar.gz"))


def test_holds_the_product_only(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        names = archive.getnames()
    assert {name.split("/")[0] for name in names} <= SHIPPED
    assert not [name for name in names if "__pycache__" in name or "/fragments" in name]
    assert {f"plugins/modules/{name}.py" for name in documentation.modules()} <= set(names)


def test_works_where_it_is_installed(tarball: Path, tmp_path: Path) -> None:
    """Every module is documented there and every playbook is found by its name."""
    place = tmp_path / "collections"
    _run(
        *(tmp_path, "ansible-galaxy", "collection", "install", "--offline"),
        *("-p", str(place), str(tarball)),
        collections=place,
    )
    names = [f"fleet.jobs.{name}" for name in documentation.modules()]
    listed = _run(tmp_path, "ansible-doc", "--list", "fleet.jobs", collections=place)
    assert all(name in listed for name in names)
    for path in sorted((COLLECTION / "playbooks").glob("*.yml")):
        name = f"fleet.jobs.{path.stem}"
        _run(
            tmp_path,
            "ansible-playbook",
            "--syntax-check",
            "-e",
            "fleet_hosts=all",
            name,
            collections=place,
        )


def _run(home: Path, name: str, *arguments: str, collections: t.Optional[Path] = None) -> str:
    values = environment(home, home / "record")
    if collections:
        values["ANSIBLE_COLLECTIONS_PATH"] = str(collections)
    done = subprocess.run(
        [program(name), *arguments],
        env=values,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
