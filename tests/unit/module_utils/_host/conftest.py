# SPDX-License-Identifier: GPL-3.0-or-later
"""A false root with the few kernel files that a test needs."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

V2_MOUNT = "30 20 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw"
HYBRID_MOUNTS = (
    "31 20 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
    "32 20 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
    "33 20 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd",
)

Root = t.Callable[[t.Mapping[str, t.Any]], Path]


@pytest.fixture
def fake_root(tmp_path: Path) -> Root:
    """Write files (path below the root → text or number) and return the root."""

    def write(files: t.Mapping[str, t.Any]) -> Path:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{content}\n", encoding="utf-8")
        return tmp_path

    return write
