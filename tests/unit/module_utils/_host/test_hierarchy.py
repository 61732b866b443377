# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hierarchy owns the controllers, and where we are in it."""

from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._host import hierarchy

V2 = "30 20 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw"
V2_ASIDE = "30 20 0:26 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw"
MEMORY = "31 20 0:27 / /sys/fs/cgroup/memory rw shared:10 - cgroup cgroup rw,memory"
NAMED = "33 20 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd"
OTHER = "21 20 0:5 / /proc rw - proc proc rw"


@pytest.mark.parametrize(
    ("mounts", "version"),
    [
        ([OTHER, V2], "v2"),
        ([MEMORY, NAMED], "v1"),
        ([MEMORY, V2_ASIDE, NAMED], "hybrid"),
        ([V2, NAMED], "v2"),
        ([V2_ASIDE, NAMED], "hybrid"),
        ([OTHER], "none"),
        (["garbage", ""], "none"),
    ],
    ids=["pure", "v1", "hybrid", "v2 with a name only", "v2 aside", "nothing", "garbage"],
)
def test_version(fake_root, mounts, version):
    root = fake_root({"proc/self/mountinfo": "\n".join(mounts)})
    assert hierarchy.version(root=root) == version


def test_without_procfs_there_is_no_hierarchy(tmp_path):
    assert hierarchy.version(root=tmp_path) == "none"
    assert hierarchy.chain("memory", root=tmp_path) == []


def test_chain_goes_from_our_cgroup_up_to_the_mount(fake_root):
    root = fake_root(
        {
            "proc/self/mountinfo": V2,
            "proc/self/cgroup": "0::/user.slice/user-1000.slice/a.scope",
            "sys/fs/cgroup/user.slice/user-1000.slice/a.scope/cgroup.procs": "",
        }
    )
    names = [str(path.relative_to(root)) for path in hierarchy.chain("", root=root)]
    assert names == [
        "sys/fs/cgroup/user.slice/user-1000.slice/a.scope",
        "sys/fs/cgroup/user.slice/user-1000.slice",
        "sys/fs/cgroup/user.slice",
        "sys/fs/cgroup",
    ]


def test_container_whose_path_is_outside_of_its_mount_uses_the_mounts_top(fake_root):
    root = fake_root(
        {
            "proc/self/mountinfo": V2,
            "proc/self/cgroup": "0::/../../elsewhere",
            "sys/fs/cgroup/memory.max": "1",
        }
    )
    assert hierarchy.chain("", root=root) == [root / "sys/fs/cgroup"]


def test_mounted_part_of_the_hierarchy_is_taken_off_our_path(fake_root):
    root = fake_root(
        {
            "proc/self/mountinfo": MEMORY.replace(" / /sys", " /docker/abc /sys"),
            "proc/self/cgroup": "4:memory:/docker/abc/inner\n0::/",
            "sys/fs/cgroup/memory/inner/memory.limit_in_bytes": "1",
        }
    )
    top = root / "sys/fs/cgroup/memory"
    assert hierarchy.chain("memory", root=root) == [top / "inner", top]
