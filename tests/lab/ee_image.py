# SPDX-License-Identifier: GPL-3.0-or-later
"""The execution environment: an image with this collection for AWX, from Debian's packages.

    python tests/lab/ee_image.py TARBALL [--save FILE]

``execution-environment.yml`` says what is in it and ``ansible-builder`` builds it; here is what
that needs: a base image, the tarball of the collection, and the account's package index, which
one step of the build asks and nothing of which stays in the image.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import os
import shutil
import ssl
import subprocess
import sys
import tarfile
import tempfile
import typing as t
from pathlib import Path

if __name__ == "__main__":  # "make link" put the tree there under its collection name
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".build"))

from ansible_collections.fleet.jobs.tests.lab import packages
from ansible_collections.fleet.jobs.tests.lab.cache import LabError, digest
from ansible_collections.fleet.jobs.tests.lab.podman import (
    CONTAINERS_CONF,
    SUITE,
    Stored,
    run,
    write_archive,
)

ROOT = Path(__file__).resolve().parents[2]
DEFINITION = ROOT / "execution-environment.yml"
LOCK = ROOT / "requirements" / "ee-image.txt"
TARBALL = Path(".build", "ee", "fleet-jobs.tar.gz")
"""Where the definition looks for it, below its own folder."""
# What bindep.txt names has to be here: the build asks no server for packages of Debian.
INCLUDE = "ca-certificates git openssh-client python3 python3-pip rsync sshpass"
REPOSITORY = "localhost/fleet-jobs-ee"
KEPT = 3
# Of pip's settings, those that say where packages come from.
_PIP = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "retries")


def reason() -> str:
    """Why no image can be built here, or nothing."""
    if os.geteuid() != 0:
        return "the image is built from a root file system that only root can make here"
    return packages.reason("containers")


def image(tarball: Path) -> Stored:
    """The image with this collection, built first where there is none of the same inputs."""
    found = base()
    wanted = Stored(found.folder, found.storage, f"{REPOSITORY}:{_digest(found, tarball)}")
    with wanted.alone():
        if not wanted.there:
            with tempfile.TemporaryDirectory(prefix="fleet-ee-") as folder:
                _build(wanted, found, tarball, Path(folder))
            _forget_old(wanted)
    return wanted


def base() -> Stored:
    """The image below it: Debian with Python, git and ssh."""
    name = f"ee-{digest(SUITE, INCLUDE, CONTAINERS_CONF)}"
    return Stored.cached(name, _write_base, name=f"{REPOSITORY}-base:latest")


def _write_base(work: Path) -> None:
    print(f"ee: making the base image in {work.parent}", file=sys.stderr)
    write_archive(work, INCLUDE)


def stage(folder: Path, tarball: Path) -> Path:
    """A copy of the definition in ``folder``, beside the files that it takes."""
    for source, name in ((DEFINITION, DEFINITION.name), (LOCK, LOCK.relative_to(ROOT))):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / name)
    (folder / TARBALL).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(tarball, folder / TARBALL)
    return folder / DEFINITION.name


def _digest(found: Stored, tarball: Path) -> str:
    """Of what goes in. A tarball counts by the checksums that it carries, not by its times."""
    with tarfile.open(tarball) as archive:
        files = archive.extractfile("FILES.json")
        assert files is not None, f"{tarball} is no tarball of a collection"
        content = hashlib.sha256(files.read()).hexdigest()
    recipe = [one.read_text(encoding="utf-8") for one in (DEFINITION, LOCK, Path(__file__))]
    return digest(found.folder.name, content, *recipe)


def _build(wanted: Stored, found: Stored, tarball: Path, folder: Path) -> None:
    print(f"ee: building {wanted.name}", file=sys.stderr)
    definition = stage(folder, tarball)
    create(definition, folder / "context")
    command = ["podman", "build", "--network=host", "--pull-never", "--tag", wanted.name]
    command += ["--build-arg", f"EE_BASE_IMAGE={found.name}", *_secrets(folder)]
    done = run([*command, str(folder / "context")], environment=wanted.environment)
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-30:])
        raise LabError(f"The execution environment could not be built:\n{tail}")


def create(definition: Path, context: Path) -> Path:
    """``ansible-builder create``: the Containerfile."""
    command = ["ansible-builder", "create", "--file", str(definition), "--context", str(context)]
    done = run([*command, "--output-filename", "Containerfile"])
    if done.returncode != 0:
        raise LabError(f"ansible-builder create failed:\n{done.stdout}{done.stderr}")
    return context / "Containerfile"


def _secrets(folder: Path) -> t.List[str]:
    """The account's package index and what vouches for it, for the one step that asks it."""
    settings = _settings()
    options = []
    authorities = settings.pop("cert", "") or os.environ.get("SSL_CERT_FILE", "")
    authorities = authorities or ssl.get_default_verify_paths().cafile or ""
    if Path(authorities).is_file():
        options.append(f"--secret=id=authorities,src={authorities}")
        settings["cert"] = "/output/authorities.pem"
    lines = [f"{name} = {' '.join(value.split())}\n" for name, value in settings.items()]
    path = folder / "pip.conf"
    path.touch(mode=0o600)
    path.write_text("[global]\n" + "".join(lines), encoding="utf-8")
    return [*options, f"--secret=id=pip,src={path}"]


def _settings() -> t.Dict[str, str]:
    """As pip would have them here, from its files and the environment; else as uv would."""
    pip = ROOT / ".build" / "venv-uv" / "bin" / "python"
    done = run([str(pip), "-m", "pip", "config", "list"])
    found: t.Dict[str, str] = {}
    # In the order of their weight: files first, then what the environment says.
    for line in sorted(done.stdout.splitlines(), key=lambda one: one.startswith(":env:")):
        name, _equals, value = line.partition("=")
        name = name.rpartition(".")[2].replace("default-timeout", "timeout")
        if name in (*_PIP, "cert"):
            found[name] = str(ast.literal_eval(value))
    index = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL")
    if index:
        found.setdefault("index-url", index)
    return found


def _forget_old(wanted: Stored) -> None:
    """All but the newest, and layers that nobody built on for a day; one in use stays."""
    names = wanted.podman("images", "--format", "{{.Repository}}:{{.Tag}}", REPOSITORY).split()
    for name in names[KEPT:]:
        wanted.podman("rmi", name, check=False)
    wanted.podman("image", "prune", "--force", "--filter", "until=24h", check=False)


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--save", metavar="FILE", help="for podman load, or to push it")
    parser.add_argument("tarball", type=Path)
    options = parser.parse_args()
    lacking = reason()
    if lacking:
        raise LabError(lacking)
    built = image(options.tarball)
    settings = " ".join(f"{name}={value}" for name, value in built.environment.items())
    print(f"{built.name}\n  by hand: {settings} podman run --rm -it --network=host {built.name}")
    if options.save:
        Path(options.save).unlink(missing_ok=True)
        built.podman("save", "--quiet", "--output", options.save, built.name)
        print(f"  saved:   {options.save}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (LabError, subprocess.CalledProcessError) as failure:
        print(f"ee: {failure}", file=sys.stderr)
        sys.exit(1)
