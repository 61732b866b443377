# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The host tool of one call: known at once, installed only when something is to be queued."""

from __future__ import annotations

import typing as t
from pathlib import Path

from .._dataclass import dataclass
from .._errors import FleetError
from . import host_tool


@dataclass(frozen=True)
class FrontTool:
    """Where the tool is or will be; ``missing`` means that its file has to be sent first."""

    path: Path
    missing: bool
    state_dir: Path
    digest: t.Optional[str] = None
    source: t.Optional[Path] = None

    @classmethod
    def find(
        cls, state_dir: Path, *, digest: t.Optional[str], source: t.Optional[str]
    ) -> FrontTool:
        """Look only. Without a digest the tool that is installed already is taken."""
        if digest:
            file = Path(source) if source else None
            state = host_tool.ensure(state_dir, digest=digest, source=file, check_mode=True)
            return cls(state.path, state.missing, state_dir, digest, file)
        path = host_tool.current(state_dir)
        if path is None:
            raise FleetError(
                f'The host tool is not installed in "{state_dir}" and no tool_digest was given. '
                "Call this module by its full name (fleet.jobs.NAME), so that the collection's "
                "action plugin of the same name brings the tool along."
            )
        return cls(path, False, state_dir)

    def install(self, *, check_mode: bool) -> t.Tuple[str, ...]:
        """Put it in place if it is not yet; sentences of what was, or would be, done."""
        if self.digest is None:
            return ()
        if self.missing:  # check mode on a host that has never seen this tool
            link = host_tool.tool_link(self.state_dir)
            return (
                f'install the host tool "{self.path}"',
                f'point "{link}" to "{self.path.name}"',
            )
        state = host_tool.ensure(
            self.state_dir, digest=self.digest, source=self.source, check_mode=check_mode
        )
        return state.actions
