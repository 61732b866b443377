# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet that can be put back to where it was, so that several ways meet the same state."""

from __future__ import annotations

import shutil

from .fleet import EmbeddedHost, Fleet

KEPT = ("pueue", "state", "project")


class Standstill:
    """What was kept of a fleet whose jobs have all ended."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        for host in fleet.hosts:
            host.daemon.stop()
            for name in KEPT:
                shutil.copytree(host.folder / name, host.folder / "kept" / name, symlinks=True)

    def restore(self) -> None:
        """Every host as it was kept, with its daemon up."""
        for host in self.fleet.hosts:
            if host.daemon.running:
                host.daemon.stop()
            _put_back(host)
        for host in self.fleet.hosts:
            host.daemon.start()


def _put_back(host: EmbeddedHost) -> None:
    for name in KEPT:
        shutil.rmtree(host.folder / name, ignore_errors=True)
        # copy2 keeps the times, by which git knows its files.
        shutil.copytree(host.folder / "kept" / name, host.folder / name, symlinks=True)
