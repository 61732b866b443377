# SPDX-License-Identifier: GPL-3.0-or-later
"""What the image is made of, as ansible-builder understands it; no container is needed for that."""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.fleet.jobs.tests.lab import ee_image
from ansible_collections.fleet.jobs.tests.support import tarball as package
from ansible_collections.fleet.jobs.tests.support.ansible import COLLECTION, program

GUIDE = COLLECTION / "docs" / "execution-environment.md"
# A host with a name, as a registry has; "localhost/" is podman's word for an image made here.
REGISTRY = re.compile(r"\b[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?/[a-z]|https?://")


@pytest.fixture(scope="module")
def containerfile(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What ``ansible-builder create`` makes of the definition."""
    folder = tmp_path_factory.mktemp("definition")
    definition = ee_image.stage(folder, tarball)
    return ee_image.create(definition, folder / "context").read_text(encoding="utf-8")


def test_the_containerfile_starts_from_the_image_made_here(containerfile: str) -> None:
    assert f'ARG EE_BASE_IMAGE="{ee_image.REPOSITORY}-base:latest"' in containerfile
    sources = re.findall(r"^FROM (\S+)", containerfile, re.MULTILINE)
    assert set(sources) == {"$EE_BASE_IMAGE", "base"}
    assert "ansible-galaxy collection install" in containerfile
    assert "--offline" in containerfile


def test_the_index_is_asked_once_and_by_hash(containerfile: str) -> None:
    """What later steps want is there already; each names nothing that the lock does not have."""
    installs = [line for line in containerfile.splitlines() if "pip install" in line]
    assert "--require-hashes" in installs[0] and "--no-deps" in installs[0]
    assert sum("--mount=type=secret" in line for line in containerfile.splitlines()) == 1
    lock = ee_image.LOCK.read_text(encoding="utf-8")
    locked = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    (refs,) = re.findall(r'^ARG ANSIBLE_INSTALL_REFS="(.*)"$', containerfile, re.MULTILINE)
    wanted = set(refs.split())
    for line in installs[1:]:
        words = line.split("--no-cache-dir ", 1)[1].replace("'", "").split()
        wanted |= {word for word in words if not word.startswith("$")}
    assert wanted and wanted <= locked


def test_no_registry_and_no_index_has_a_name_here(containerfile: str) -> None:
    files = [ee_image.DEFINITION, ee_image.LOCK, COLLECTION / "bindep.txt"]
    files += (COLLECTION / "meta").glob("e*")
    for text in (containerfile, *(one.read_text(encoding="utf-8") for one in files)):
        assert not REGISTRY.search(text), REGISTRY.search(text)


def test_the_collection_says_what_it_needs(tarball: Path, tmp_path: Path) -> None:
    """As ansible-builder finds it in any image into which somebody installs the collection."""
    place = package.install(tarball, tmp_path / "collections")
    found = _introspected(place, tmp_path)
    lines = found["system"]
    names = {line.split()[0] for line in lines}
    assert names == {"git", "openssh-client", "openssh-clients", "sshpass"}
    # The base image has them, since its build asks no server of packages.
    debian = {line.split()[0] for line in lines if "platform:rpm" not in line}
    assert debian <= set(ee_image.INCLUDE.split())
    # A builder takes no collection's word for ansible-core, which the definition chooses.
    assert found["python"] == []


def test_python_needs_what_the_collection_says_to_ansible() -> None:
    runtime = yaml.safe_load((COLLECTION / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    text = (COLLECTION / "meta" / "ee-requirements.txt").read_text(encoding="utf-8")
    wanted = [line for line in text.splitlines() if not line.startswith("#")]
    assert wanted == [f"ansible-core{runtime['requires_ansible']}"]


def _introspected(place: Path, folder: Path) -> t.Dict[str, t.List[str]]:
    done = subprocess.run(
        [program("ansible-builder"), "introspect", str(place)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    document = done.stdout[done.stdout.index("---") :]
    return t.cast("t.Dict[str, t.List[str]]", yaml.safe_load(document))


def test_the_tarball_has_what_builders_read_and_not_our_recipe(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        listed = archive.extractfile("FILES.json")
        assert listed is not None
        names = {one["name"] for one in json.load(listed)["files"]}
    assert {"bindep.txt", "meta/execution-environment.yml", "meta/ee-requirements.txt"} <= names
    assert ee_image.DEFINITION.name not in names


def test_the_definition_that_the_guide_shows_is_one(tmp_path: Path) -> None:
    text = GUIDE.read_text(encoding="utf-8")
    shown = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert len(shown) == 1
    definition = tmp_path / "execution-environment.yml"
    definition.write_text(shown[0], encoding="utf-8")
    made = ee_image.create(definition, tmp_path / "context").read_text(encoding="utf-8")
    assert "ansible-galaxy collection install" in made
    requirements = tmp_path / "context" / "_build" / "requirements.yml"
    named = yaml.safe_load(requirements.read_text(encoding="utf-8"))["collections"]
    version = yaml.safe_load((COLLECTION / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    assert {"name": "fleet.jobs", "version": version} in named
