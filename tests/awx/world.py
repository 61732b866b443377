# SPDX-License-Identifier: GPL-3.0-or-later
"""An embedded fleet, as AWX has it: an inventory, a synced project, and the templates."""

from __future__ import annotations

import sys
import typing as t
from dataclasses import replace
from pathlib import Path

from ansible_collections.fleet.jobs.tests.awx.controller import Controller, Template
from ansible_collections.fleet.jobs.tests.awx.private_data import GROUP, Inventory
from ansible_collections.fleet.jobs.tests.awx.templates import TEMPLATES
from ansible_collections.fleet.jobs.tests.support.ansible import COLLECTION
from ansible_collections.fleet.jobs.tests.support.fleet import EmbeddedHost, Fleet

PROJECT = COLLECTION / "examples" / "awx-project"
# The checkout of a host that nobody can reach: the port where nothing listens.
LOST = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}


class World:
    """What one test has to itself; ``close`` leaves nothing of it behind."""

    def __init__(self, folder: Path, count: int) -> None:
        self.fleet = Fleet(count, folder / "fleet")
        self.awx = Controller(folder / "awx", PROJECT, self._inventory({}))

    @property
    def hosts(self) -> t.List[EmbeddedHost]:
        """The embedded hosts, in order."""
        return self.fleet.hosts

    def template(self, name: str, **variables: t.Any) -> Template:
        """A template of ``awx_setup.yml``, for this fleet, with more variables of its own."""
        own = {
            "deploy_repository": str(self.fleet.origin.path),
            "deploy_python": sys.executable,
            "fleet_cap": "none",
        }
        return replace(TEMPLATES[name], extra_vars={**own, **variables})

    def change(self, **hosts: t.Mapping[str, t.Any]) -> None:
        """Give hosts other variables, as somebody edits them in AWX."""
        self.awx.inventory = self._inventory(hosts)

    def failed_job(self) -> None:
        """On every host a job that the fix mends."""
        for host in self.hosts:
            host.queue([host.job("work/1", "1"), host.job("work/2", "2")])
        for host in self.hosts:
            host.finished("work/1", "work/2")

    def _inventory(self, more: t.Mapping[str, t.Mapping[str, t.Any]]) -> Inventory:
        return Inventory(
            {
                host.name: {
                    "ansible_connection": "local",
                    "ansible_python_interpreter": sys.executable,
                    **host.variables,
                    **more.get(host.name, {}),
                }
                for host in self.hosts
            }
        )

    def close(self) -> None:
        """Jobs first, since they work on the hosts."""
        try:
            self.awx.close()
        finally:
            self.fleet.close()


MakeWorld = t.Callable[[int], World]
Say = t.Callable[[str], None]
HOSTS = {"fleet_hosts": GROUP}
DEPLOY = {**HOSTS, "deploy_ref": "main", "deploy_monitor_seconds": 0}
