# SPDX-License-Identifier: GPL-3.0-or-later
"""The tarball holds the product and nothing else, and works where it is installed."""

from __future__ import annotations

import json
import re
import tarfile
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.support import documentation
from ansible_collections.fleet.jobs.tests.support import tarball as package
from ansible_collections.fleet.jobs.tests.support.ansible import COLLECTION

SHIPPED = {
    *("CHANGELOG.md", "CHANGELOG.rst", "FILES.json", "LICENSE", "MANIFEST.json", "README.md"),
    "bindep.txt",
    *("changelogs", "docs", "examples", "inventory", "meta", "playbooks", "plugins", "roles"),
}
PLAYBOOKS = sorted(path.stem for path in (COLLECTION / "playbooks").glob("*.yml"))
FILTERS = sorted(path.stem for path in (COLLECTION / "plugins" / "filter").glob("*.py"))
BY_PRODUCT = r"__pycache__|\.pyc$|/fragments|\.egg-info|(^|/)\.(?!gitkeep)"


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built once for all tests here."""
    return package.build(tmp_path_factory.mktemp("tarball"))


@pytest.fixture(scope="module")
def installed(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collections path that holds the tarball's content only."""
    return package.install(tarball, tmp_path_factory.mktemp("installed") / "collections")


def test_holds_the_product_only(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        names = archive.getnames()
    assert {name.split("/")[0] for name in names} <= SHIPPED
    assert [name for name in names if re.search(BY_PRODUCT, name)] == []
    assert {f"plugins/modules/{name}.py" for name in documentation.modules()} <= set(names)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("module", documentation.modules()),
        ("role", documentation.roles()),
        ("filter", FILTERS),
    ],
    ids=["modules", "roles", "filters"],
)
def test_is_documented_where_it_is_installed(
    installed: Path, tmp_path: Path, kind: str, names: t.Sequence[str]
) -> None:
    full = [f"fleet.jobs.{name}" for name in names]
    said = package.run(
        tmp_path, "ansible-doc", "--type", kind, "--json", *full, collections=installed
    )
    assert sorted(json.loads(said)) == full
    assert package.run(tmp_path, "ansible-doc", "--type", kind, *full, collections=installed)


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_playbooks_are_found_by_name(installed: Path, tmp_path: Path, name: str) -> None:
    package.run(
        *(tmp_path, "ansible-playbook", "--syntax-check", "-e", "fleet_hosts=all"),
        f"fleet.jobs.{name}",
        collections=installed,
    )
