# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet that can be put back to where it was, so that several ways meet the same state."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from .fleet import Fleet

KEPT = ("pueue", "state", "project")


class Standstill:
    """What was kept of a fleet whose jobs have all ended."""

    def __init__(self, fleet: Fleet, *, name: str = "kept") -> None:
        self.fleet = fleet
        self._name = name
        fleet.stop_queues()
        for host in fleet.hosts:
            (host.folder / name).mkdir()
            _copy(host.folder, host.folder / name)

    def restore(self) -> None:
        """Every host as it was kept, with its daemon up."""
        self.fleet.stop_queues()
        for host in self.fleet.hosts:
            for name in KEPT:
                shutil.rmtree(host.folder / name, ignore_errors=True)
            _copy(host.folder / self._name, host.folder)
        self.fleet.start_queues()


def _copy(source: Path, target: Path) -> None:
    """With owners, and with the times by which git knows its files."""
    paths = [str(source / name) for name in KEPT]
    subprocess.run(["cp", "--archive", *paths, str(target)], check=True)
