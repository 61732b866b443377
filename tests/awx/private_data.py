# SPDX-License-Identifier: GPL-3.0-or-later
"""The private data directory of one AWX job, laid out as AWX's ``RunJob`` lays it out.

Read from AWX's own ``awx/main/tasks/jobs.py``, ``models/inventory.py``, ``utils/safe_yaml.py``:
what is written where, with which mode, and how strings of a user are marked. What stands in a
container there (``/runner``) is the directory itself here, since process isolation is off; with a
container it runs in ``tests/ee``.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from ansible_collections.fleet.jobs.tests.support.ansible import COLLECTION

Variables = t.Mapping[str, t.Any]
GROUP = "fleet"
# What AWX gives to the programs that ask; one pattern per program, "" answers a second question.
PROMPTS = {
    r"Enter passphrase for .*:\s*?$": "ssh_key_unlock",
    r"BECOME password.*:\s*?$": "become_password",
    r"SSH password:\s*?$": "ssh_password",
    r"Password:\s*?$": "ssh_password",
    r"Vault password:\s*?$": "vault_password",
}


@dataclass(frozen=True)
class Inventory:
    """The hosts that AWX knows, all in one group, and variables of the whole."""

    hosts: t.Mapping[str, Variables]
    variables: Variables = field(default_factory=dict)

    def sliced(self, number: int, count: int) -> t.List[str]:
        """The names that one of ``count`` slices gets: every ``count``-th, by name."""
        return sorted(self.hosts)[number - 1 :: count]

    def script_data(self, number: int = 1, count: int = 1) -> t.Dict[str, t.Any]:
        """What the inventory script prints; a slice's has no trace of the other slices."""
        names = self.sliced(number, count)
        ids = {name: place for place, name in enumerate(sorted(self.hosts), start=1)}
        of_host = {
            name: {
                **self.hosts[name],
                "remote_host_enabled": "true",
                "remote_host_id": ids[name],
                "remote_tower_enabled": "true",
                "remote_tower_id": ids[name],
            }
            for name in names
        }
        return {
            "all": {"vars": dict(self.variables), "hosts": [], "children": [GROUP]},
            GROUP: {"hosts": names},
            "_meta": {"hostvars": of_host},
        }


@dataclass(frozen=True)
class Content:
    """What one job puts into its directory."""

    ident: int
    project: Path
    inventory: t.Mapping[str, t.Any]
    extra_vars: Variables
    trusted: Variables
    arguments: t.Sequence[str]
    passwords: t.Mapping[str, str]
    timeout: int = 0


def write(folder: Path, content: Content) -> Path:
    """Make ``awx_<id>`` below ``folder``; its path."""
    place = folder / f"awx_{content.ident}"
    for path in (place, place / "inventory", place / "env", place / "cp"):
        path.mkdir(mode=0o700)
    shutil.copytree(content.project, place / "project", symlinks=True)
    _link_collections(place / "requirements_collections")
    _file(place / "inventory" / "hosts", script(content.inventory), mode=0o700)
    _file(place / "env" / "extravars", marked(content.extra_vars, content.trusted))
    _file(place / "env" / "cmdline", shlex.join(content.arguments))
    _file(place / "env" / "settings", json.dumps(_settings(content.timeout)))
    _file(place / "env" / "passwords", json.dumps(prompts(content.passwords)))
    return place


def script(data: t.Mapping[str, t.Any]) -> str:
    """An inventory script that prints what AWX knows."""
    head = "#! /usr/bin/env python3\n# -*- coding: utf-8 -*-\n"
    return f"{head}print({json.dumps(data)!r})\n"


def marked(variables: Variables, trusted: Variables) -> str:
    """YAML in which every string is ``!unsafe`` that does not stand so in the template's own
    variables: nothing that a user types is ever a template of Jinja."""
    return "".join(
        yaml.dump({name: value}, Dumper=_dumper(trusted, name, value), default_flow_style=False)
        for name, value in variables.items()
    )


def prompts(passwords: t.Mapping[str, str]) -> t.Dict[str, str]:
    """Which question gets which password; those without one are left out."""
    known = {pattern: passwords.get(name, "") for pattern, name in PROMPTS.items()}
    return {pattern: password for pattern, password in known.items() if password}


def environment(place: Path, ident: int) -> t.Dict[str, str]:
    """What AWX puts into the environment of ``ansible-playbook``."""
    below = f"{place}/requirements"
    return {
        "ANSIBLE_HOST_KEY_CHECKING": "False",
        "ANSIBLE_FORCE_COLOR": "True",
        "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
        "ANSIBLE_PARAMIKO_RECORD_HOST_KEYS": "False",
        "ANSIBLE_RETRY_FILES_ENABLED": "False",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{place}/cp",
        "ANSIBLE_COLLECTIONS_PATH": f"{below}_collections:~/.ansible/collections",
        "ANSIBLE_ROLES_PATH": f"{below}_roles:~/.ansible/roles",
        "AWX_PRIVATE_DATA_DIR": str(place),
        "AWX_HOST": "https://awx.example.org",
        "JOB_ID": str(ident),
        "INVENTORY_ID": "1",
        "PROJECT_REVISION": "0" * 40,
        "MAX_EVENT_RES": "700000",
    }


class _Unsafe(yaml.SafeDumper):
    """Marks every string, keys too."""

    def represent_data(self, data: t.Any) -> yaml.Node:
        if isinstance(data, str):
            return self.represent_scalar("!unsafe", data)
        return super().represent_data(data)


def _dumper(trusted: Variables, name: str, value: t.Any) -> t.Type[yaml.SafeDumper]:
    return yaml.SafeDumper if name in trusted and trusted[name] == value else _Unsafe


def _settings(timeout: int) -> t.Dict[str, t.Any]:
    return {"job_timeout": timeout, "suppress_ansible_output": True, "suppress_output_file": True}


def _link_collections(place: Path) -> None:
    """Where a project update of AWX installs what ``collections/requirements.yml`` names."""
    (place / "ansible_collections" / "fleet").mkdir(parents=True)
    (place / "ansible_collections" / "fleet" / "jobs").symlink_to(COLLECTION)


def _file(path: Path, text: str, *, mode: int = 0o600) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
