# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that fills up under pueued: refused before, undone during, and said in one sentence."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError, Refused
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue


@pytest.fixture
def small():
    """A file system of 2 MB, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="fj-") as folder:
        mount = Path(folder) / "m"
        mount.mkdir()
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(mount)],
            capture_output=True,
            check=False,
        )
        if made.returncode:
            pytest.skip(f"cannot mount a small file system: {made.stderr!r}")
        try:
            yield mount
        finally:
            subprocess.run(["umount", str(mount)], check=True)


@pytest.fixture
def queue(small):
    daemon = PrivateDaemon(shared={"pueue_directory": str(small / "pueue")})
    try:
        daemon.start()
        ready = GuardedQueue(daemon)
        ready.pause()
        yield ready
    finally:
        daemon.close()


def fill(small):
    """Take all space that is left; the file that holds it."""
    filler = small / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
        while stream.write(b"x" * 4096):
            pass
    return filler


def test_the_floor_refuses_before_anything_is_touched(queue, small):
    fill(small)
    with pytest.raises(Refused, match="kills every running task") as error:
        queue.queue(queue.job("a/1"))
    assert error.value.hazard == "AP-10"
    assert str(small) in error.value.message and "disk_floor" in error.value.message
    assert not queue.status().tasks


def test_without_the_floor_a_failed_add_is_in_the_queue_and_is_undone(queue, small):
    """pueued says Failure and keeps the task all the same; nothing of ours may stay."""
    queue.add_stranger("x/1", "true")
    filler = fill(small)
    refused = queue.daemon.cli("add", "--label", "x/2", "--", "true", check=False)
    assert refused.returncode != 0 and len(queue.tasks("x/2")) == 1  # the accident
    with pytest.raises(FleetError, match="Failed to save state"):
        queue.queue(queue.job("a/1"), disk_floor=0)
    assert queue.tasks("a/1") == []
    filler.unlink()
    assert list(queue.queue(queue.job("a/1")).queued) == ["a/1"]
    assert len(queue.tasks("a/1")) == 1
