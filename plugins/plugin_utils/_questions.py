# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the filter and the lookup instead.
"""What a playbook can be asked for: the options of its role, and the few that are its own."""

from __future__ import annotations

import functools
import typing as t
from pathlib import Path

import yaml

Options = t.Dict[str, t.Dict[str, t.Any]]
_ROLES = Path(__file__).resolve().parents[2] / "roles"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# Variables that no role knows; text everywhere where nothing else is said.
OWN: t.Mapping[str, Options] = {
    "fleet": {
        "fleet_hosts": {"type": "str"},
        "fleet_pueue_config": {"type": "str"},
        "fleet_state_dir": {"type": "str"},
        "fleet_cap": {"type": "str", "choices": ["require", "prefer", "none"]},
        "fleet_answer_timeout": {"type": "float"},
    },
    "deploy": {
        "deploy_serial": {
            "type": "list",
            "elements": "str",
            "default": ["100%"],
            "counts_hosts": True,
        },
    },
    "emergency_stop": {
        "emergency_stop_confirm": {"type": "str"},
        "resume": {"type": "bool", "default": False},
    },
}
# Text that has to be a number of hosts or a percentage.
_BOUNDS = ("deploy_max_failed", "deploy_max_unreachable")


@functools.lru_cache(maxsize=None)
def questions(name: str, entry: str = "main") -> Options:
    """All variables of a playbook, or of a role's entry point, by name."""
    found = {**OWN["fleet"], **_specs(name).get(entry, {})}
    for option in _BOUNDS:
        if option in found:
            found[option] = {**found[option], "counts_hosts": True}
    return {**found, **OWN.get(name, {})}


@functools.lru_cache(maxsize=None)
def question(name: str) -> t.Dict[str, t.Any]:
    """One variable, whatever playbook it belongs to."""
    for role in sorted({*OWN, *(path.name for path in _ROLES.iterdir())} - {"fleet"}):
        for entry in ("main", *_specs(role)):
            found = questions(role, entry)
            if name in found:
                return found[name]
    raise KeyError(name)


@functools.lru_cache(maxsize=None)
def _specs(role: str) -> t.Dict[str, Options]:
    """The options of each entry point; a playbook without a role has none."""
    path = _ROLES / role / "meta" / "argument_specs.yml"
    if not path.exists():
        return {}
    loaded = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)["argument_specs"]
    return {entry: spec.get("options") or {} for entry, spec in loaded.items()}
