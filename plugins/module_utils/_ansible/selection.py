# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The options that say which jobs are meant."""

from __future__ import annotations

import typing as t

from .._pueue.selection import Selection
from .arguments import ArgumentSpec


def selection() -> ArgumentSpec:
    """By label pattern and group; documented by the fragment ``fleet.jobs.selection``."""
    option = {"type": "list", "elements": "str", "default": []}
    return ArgumentSpec(options={"labels": option, "groups": option})


def selected(params: t.Mapping[str, t.Any]) -> Selection:
    """The selection that the options describe."""
    return Selection(
        labels=tuple(params["labels"]),
        groups=tuple(params["groups"]),
        states=tuple(params.get("states") or ()),
    )
