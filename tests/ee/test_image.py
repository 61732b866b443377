# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in the image, and what is not."""

from __future__ import annotations

import json
import re
import typing as t

import yaml

from ansible_collections.fleet.jobs.tests.lab import ee_image
from ansible_collections.fleet.jobs.tests.support.ansible import COLLECTION

if t.TYPE_CHECKING:
    from ansible_collections.fleet.jobs.tests.lab.podman import Stored

# Nobody that the image knows, as on a cluster that gives every pod a user id of its own.
SOMEBODY = "--user=4711:0"


def _run(image: Stored, *command: str, user: str = SOMEBODY) -> str:
    """What a command in the image prints, without a network."""
    options = ("--rm", "--network=none", "--pull=never", user)
    return image.podman("run", *options, image.name, *command)


def test_has_what_the_lock_names_and_this_collection(
    image: Stored, say: t.Callable[[str], None]
) -> None:
    lock = ee_image.LOCK.read_text(encoding="utf-8")
    found = json.loads(_run(image, "python3", "-m", "pip", "list", "--format=json"))
    versions = {one["name"].lower(): one["version"] for one in found}
    for name in ("ansible-core", "ansible-runner"):
        assert re.search(rf"^{name}=={re.escape(versions[name])} ", lock, re.MULTILINE)
    listed = json.loads(_run(image, "ansible-galaxy", "collection", "list", "--format=json"))
    (mine,) = (place["fleet.jobs"] for place in listed.values() if "fleet.jobs" in place)
    version = yaml.safe_load((COLLECTION / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    assert mine["version"] == version
    size = int(image.podman("image", "inspect", "--format", "{{.Size}}", image.name))
    say(f"ansible-core {versions['ansible-core']}, {size / 2**20:.0f} MiB: {image.name}")


def test_has_the_programs_and_a_home_for_anybody(image: Stored) -> None:
    tell = (
        'command -v git ssh ssh-agent sshpass ansible-runner; cd "$HOME"; touch here; id -un; pwd'
    )
    said = _run(image, "bash", "-c", tell).split()
    assert len(said) == 7 and said[-2:] == ["4711", "/runner"]


def test_documents_itself_without_a_network(image: Stored) -> None:
    names = ["fleet.jobs.deploy_audit", "fleet.jobs.pueue_queue_guarded"]
    said = json.loads(_run(image, "ansible-doc", "--json", *names))
    assert sorted(said) == names


def test_keeps_nothing_of_the_build(image: Stored) -> None:
    """Neither the settings of the package index nor what pip and the build left on their way."""
    names = ("pip.conf", "pip", ".netrc", "authorities.pem", "lock.txt", "wheels")
    sought = " -o ".join(f"-name {name}" for name in names)
    script = rf"find /output /build / -xdev \( {sought} \) -not -path '/usr/*' 2>/dev/null"
    found = _run(image, "bash", "-c", f"{script}; python3 -m pip config list", user="--user=0")
    assert found.split("=")[0] in ("", ":env:.break-system-packages")
    assert found.count("\n") <= 1, found
    history = image.podman("history", "--no-trunc", "--format", "{{.CreatedBy}}", image.name)
    assert "index-url" not in history and "PIP_INDEX" not in history
