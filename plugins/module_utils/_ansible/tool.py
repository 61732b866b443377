# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The host tool, from the module's side: there, or to be sent for by the action plugin."""

from __future__ import annotations

import typing as t
from pathlib import Path

from .._errors import FleetError
from .._jobs import host_tool
from .outcome import Outcome, Request


def installed(request: Request, state_dir: Path) -> host_tool.ToolState:
    """The tool that the call brought, or without an action plugin the current one.

    ``missing`` outside check mode: return ``send_for()``.
    """
    digest: t.Optional[str] = request.params.get("tool_digest")
    source: t.Optional[str] = request.params.get("tool_source")
    if digest:
        return host_tool.ensure(
            state_dir,
            digest=digest,
            source=Path(source) if source else None,
            check_mode=request.check_mode,
        )
    path = host_tool.current(state_dir)
    if path is None:
        raise FleetError(
            f'The host tool is not installed in "{state_dir}". Call this module through the '
            "collection's action plugin of the same name, which brings it along."
        )
    link = host_tool.tool_link(state_dir)
    return host_tool.ToolState(path=path, link=link, digest="", present=True, changed=False)


def send_for() -> Outcome:
    """Nothing was done yet: the action plugin transfers the file and calls again."""
    return Outcome(data={"tool_missing": True})
