# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection says about itself, as ansible-core reads it, and what the code says."""

from __future__ import annotations

import functools
import importlib
import json
import subprocess
import tempfile
import typing as t
from pathlib import Path

import yaml
from ansible.module_utils.basic import AnsibleModule

from .ansible import COLLECTION, environment, program

Options = t.Dict[str, t.Dict[str, t.Any]]
ON_THE_CONTROLLER = {"deploy_report"}


def modules() -> t.List[str]:
    """Names of all modules, without the collection's."""
    return sorted(path.stem for path in (COLLECTION / "plugins" / "modules").glob("*.py"))


def modules_of_hosts() -> t.List[str]:
    """Without those that look at no instance: their action does the work on the controller."""
    return [name for name in modules() if name not in ON_THE_CONTROLLER]


def roles() -> t.List[str]:
    """Names of all roles."""
    return sorted(path.name for path in (COLLECTION / "roles").glob("*") if path.is_dir())


def load(*parts: str) -> t.Any:
    """A YAML file of the collection, by its path below the root."""
    return yaml.safe_load(COLLECTION.joinpath(*parts).read_text(encoding="utf-8"))


@functools.lru_cache(maxsize=None)
def documents() -> t.Dict[str, t.Dict[str, t.Any]]:
    """What ``ansible-doc --json`` says of every module, with its fragments merged."""
    names = [f"fleet.jobs.{name}" for name in modules()]
    with tempfile.TemporaryDirectory(prefix="fleet-doc-") as folder:
        home = Path(folder)
        done = subprocess.run(
            [program("ansible-doc"), "--type", "module", "--json", *names],
            env=environment(home, home / "record"),
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return {key.rpartition(".")[2]: value for key, value in json.loads(done.stdout).items()}


class _Captured(Exception):
    """Carries what a module's ``main`` gave to ``AnsibleModule``."""


@functools.lru_cache(maxsize=None)
def specification(name: str) -> t.Dict[str, t.Any]:
    """The keyword arguments with which the module makes its ``AnsibleModule``."""
    module = importlib.import_module(f"ansible_collections.fleet.jobs.plugins.modules.{name}")
    original = AnsibleModule.__init__

    def capture(_self: t.Any, **arguments: t.Any) -> None:
        raise _Captured(arguments)

    AnsibleModule.__init__ = capture
    try:
        module.main()
    except _Captured as captured:
        return dict(captured.args[0])
    finally:
        AnsibleModule.__init__ = original
    raise AssertionError(f'main() of "{name}" makes no AnsibleModule')
