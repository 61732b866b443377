# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Where this process stands in the cgroup hierarchies, v1 and v2, and which limits lie above it."""

from __future__ import annotations

import typing as t
from pathlib import Path

from .._dataclass import dataclass

UNIFIED = ""


@dataclass(frozen=True)
class Mount:
    """One mounted hierarchy: which part of it, where, and what it controls."""

    part: str
    point: str
    kind: str
    controllers: t.FrozenSet[str]


def read_text(path: Path) -> str:
    """The file's text; empty where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def mounts(*, root: Path = Path("/")) -> t.List[Mount]:
    """Every cgroup mount that this process sees."""
    found: t.List[Mount] = []
    for line in read_text(root / "proc/self/mountinfo").splitlines():
        left, separator, right = line.partition(" - ")
        before, after = left.split(), right.split()
        if separator and len(before) > 4 and len(after) > 2 and after[0] in ("cgroup", "cgroup2"):
            controllers = frozenset(after[2].split(",")) if after[0] == "cgroup" else frozenset()
            found.append(Mount(before[3], before[4], after[0], controllers))
    return found


def version(*, root: Path = Path("/")) -> str:
    """``v2``, ``hybrid`` (v2 mounted, but v1 owns the controllers), ``v1`` or ``none``."""
    found = mounts(root=root)
    kinds = {mount.kind for mount in found}
    if kinds == {"cgroup2"}:
        return "v2"
    if kinds == {"cgroup", "cgroup2"}:
        named = all(_only_names(mount) for mount in found if mount.kind == "cgroup")
        return "v2" if named and _unified_at_top(found) else "hybrid"
    return "v1" if kinds else "none"


def _only_names(mount: Mount) -> bool:
    """A v1 hierarchy such as ``name=systemd`` that controls nothing."""
    known = {"memory", "cpu", "cpuacct", "cpuset", "pids", "blkio", "devices", "freezer"}
    return not mount.controllers & known


def _unified_at_top(found: t.Iterable[Mount]) -> bool:
    return any(mount.kind == "cgroup2" and mount.point == "/sys/fs/cgroup" for mount in found)


def own_paths(*, root: Path = Path("/")) -> t.Dict[str, str]:
    """Controller → our path in its hierarchy; the key of v2 is the empty string."""
    found: t.Dict[str, str] = {}
    for line in read_text(root / "proc/self/cgroup").splitlines():
        _number, _colon, rest = line.partition(":")
        controllers, _colon, path = rest.partition(":")
        for controller in controllers.split(","):
            found[controller] = path
    return found


def chain(controller: str, *, root: Path = Path("/")) -> t.List[Path]:
    """Our own directory for this controller and its ancestors, nearest first, as far as mounted.

    In a container the path may name something outside of what is mounted: then the top of the
    mount is where the container's limits are.
    """
    path = own_paths(root=root).get(controller)
    for mount in mounts(root=root):
        wanted = (
            mount.kind == "cgroup2" if controller == UNIFIED else controller in mount.controllers
        )
        if not wanted or path is None:
            continue
        top = root / mount.point.lstrip("/")
        own = top / _below(path, mount.part)
        if not own.is_dir():
            own = top
        return [own, *(parent for parent in own.parents if parent == top or top in parent.parents)]
    return []


def _below(path: str, part: str) -> str:
    if part != "/" and (path == part or path.startswith(part + "/")):
        path = path[len(part) :]
    return "" if ".." in path.split("/") else path.strip("/")
