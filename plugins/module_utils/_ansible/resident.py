# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""A module's function called by its name, where the code is on the host already."""

from __future__ import annotations

import importlib
import typing as t

from .outcome import Request, result_of

_MODULES = "ansible_collections.fleet.jobs.plugins.modules"


def answer(name: str, params: t.Mapping[str, t.Any], *, diff: bool) -> t.Dict[str, t.Any]:
    """What the module would have answered; the controller checked the arguments."""
    module = importlib.import_module(f"{_MODULES}.{name}")
    function = getattr(module, name)
    result, warnings = result_of(function, Request(params=params, check_mode=False), diff=diff)
    if warnings:
        result["warnings"] = warnings
    return result
