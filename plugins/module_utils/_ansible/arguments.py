# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Argument-spec pieces that compose; rules live in the spec, not in code."""

from __future__ import annotations

import typing as t

from .._dataclass import dataclass, field
from .._jobs.instance import DEFAULT_STATE_DIR

Rule = t.Sequence[t.Any]


@dataclass(frozen=True)
class ArgumentSpec:
    """Options of a module together with the rules between them."""

    options: t.Mapping[str, t.Mapping[str, t.Any]] = field(default_factory=dict)
    mutually_exclusive: t.Sequence[Rule] = ()
    required_together: t.Sequence[Rule] = ()
    required_one_of: t.Sequence[Rule] = ()
    required_if: t.Sequence[Rule] = ()

    def merge(self, *others: ArgumentSpec) -> ArgumentSpec:
        """All options and rules of this spec and the others; a later option wins."""
        merged: t.Dict[str, t.Mapping[str, t.Any]] = dict(self.options)
        specs = (self, *others)
        for other in others:
            merged.update(other.options)
        return ArgumentSpec(
            options=merged,
            mutually_exclusive=[rule for spec in specs for rule in spec.mutually_exclusive],
            required_together=[rule for spec in specs for rule in spec.required_together],
            required_one_of=[rule for spec in specs for rule in spec.required_one_of],
            required_if=[rule for spec in specs for rule in spec.required_if],
        )

    def to_kwargs(self) -> t.Dict[str, t.Any]:
        """Keyword arguments for ``AnsibleModule``."""
        return {
            "argument_spec": {name: dict(option) for name, option in self.options.items()},
            "mutually_exclusive": list(self.mutually_exclusive),
            "required_together": list(self.required_together),
            "required_one_of": list(self.required_one_of),
            "required_if": list(self.required_if),
        }


def instance() -> ArgumentSpec:
    """Where the queue lives; documented by the fragment ``fleet.jobs.instance``."""
    return ArgumentSpec(
        options={
            "pueue_config": {"type": "str"},
            "state_dir": {"type": "str", "default": DEFAULT_STATE_DIR},
        }
    )


def lease() -> ArgumentSpec:
    """The right to change; documented by the fragment ``fleet.jobs.instance.lease``.

    The token is a fence against late tasks, not a secret: results must be able to show it.
    """
    return ArgumentSpec(options={"lease_token": {"type": "str", "no_log": False}})


def host_tool() -> ArgumentSpec:
    """Filled in by the action plugin; documented by ``fleet.jobs.instance.host_tool``."""
    return ArgumentSpec(
        options={"tool_digest": {"type": "str"}, "tool_source": {"type": "str"}},
    )
