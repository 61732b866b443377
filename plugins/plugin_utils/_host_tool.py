# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Build the host tool on the controller: what it needs of module_utils, always the same bytes."""

from __future__ import annotations

import functools
import typing as t
from pathlib import Path

from ansible_collections.fleet.jobs.plugins.module_utils._jobs.host_tool import (
    LAUNCHER,
    digest_of,
    pack,
)

PACKAGE = "fleet_jobs"
_SOURCES = Path(__file__).resolve().parent.parent / "module_utils"
# Rooms that no command of the tool needs.
_EXCLUDED = {"_ansible", "_capacity", "_daemon", "_deploy", "__pycache__"}
_MAIN = f"from {PACKAGE}._tool.main import start\n\nstart()\n"


class BuiltTool(t.NamedTuple):
    """The archive's bytes, and their digest."""

    content: bytes
    digest: str


@functools.lru_cache(maxsize=None)
def build(sources: Path = _SOURCES) -> BuiltTool:
    """Everything the tool needs in one file; no clock, user or file order gets in."""
    entries: t.Dict[str, bytes] = {"__main__.py": _MAIN.encode(), f"{PACKAGE}/__init__.py": b""}
    for path in sources.rglob("*.py"):
        inside = path.relative_to(sources)
        if _EXCLUDED.isdisjoint(inside.parts):
            entries[f"{PACKAGE}/{inside.as_posix()}"] = path.read_bytes()
    launcher = entries.pop(f"{PACKAGE}/_tool/launcher.py", b"")
    entries[LAUNCHER] = b"#!/usr/bin/env python3\n" + launcher
    for name in list(entries):
        # Real packages: namespace packages in an archive need folder entries and a slow search.
        for folder in Path(name).parents:
            if folder.parts:
                entries.setdefault(f"{folder.as_posix()}/__init__.py", b"")
    content = pack(entries)
    return BuiltTool(content=content, digest=digest_of(content))
