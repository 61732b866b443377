# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe on hosts and in containers of every kind, from files the tests write."""

from __future__ import annotations

import os

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._host import probe

GIB = 1 << 30
MEMINFO = """MemTotal:       16777216 kB
MemFree:         1048576 kB
MemAvailable:    8388608 kB
Cached:          4194304 kB
SwapTotal:       2097152 kB
SwapFree:        1048576 kB"""
V2 = "30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw"
MEMORY_V1 = "31 20 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
CPU_V1 = "32 20 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct"
BASE = {"proc/meminfo": MEMINFO, "proc/self/mountinfo": V2, "proc/self/cgroup": "0::/a/b"}
A, B = "sys/fs/cgroup/a/", "sys/fs/cgroup/a/b/"


def test_bare_host_gives_what_is_available(fake_root):
    memory = probe.read_memory(root=fake_root(BASE))
    assert (memory.total, memory.available) == (16 * GIB, 8 * GIB)
    assert (memory.cgroup_limit, memory.usable) == (None, 8 * GIB)


def test_old_kernel_without_memavailable_counts_free_and_cache(fake_root):
    text = "\n".join(line for line in MEMINFO.splitlines() if "Available" not in line)
    memory = probe.read_memory(root=fake_root({**BASE, "proc/meminfo": text}))
    assert memory.available == 5 * GIB


def test_tightest_ancestor_counts_and_droppable_cache_does_not(fake_root):
    root = fake_root(
        {
            **BASE,
            B + "memory.max": "max",
            B + "memory.current": GIB,
            A + "memory.max": 4 * GIB,
            A + "memory.current": 3 * GIB,
            A + "memory.stat": f"anon 5\ninactive_file {2 * GIB}",
        }
    )
    memory = probe.read_memory(root=root)
    assert (memory.cgroup_limit, memory.cgroup_used, memory.usable) == (4 * GIB, GIB, 3 * GIB)


def test_cgroup_over_its_limit_leaves_nothing_and_never_less(fake_root):
    root = fake_root({**BASE, B + "memory.max": GIB, B + "memory.current": 2 * GIB, A + "x": ""})
    assert probe.read_memory(root=root).usable == 0


def test_host_shortage_counts_although_the_cgroup_has_room(fake_root):
    root = fake_root({**BASE, B + "memory.max": 12 * GIB, B + "memory.current": 0})
    assert probe.read_memory(root=root).usable == 8 * GIB


def test_v1_limit_and_v1s_giant_that_means_none(fake_root):
    files = {
        "proc/meminfo": MEMINFO,
        "proc/self/mountinfo": MEMORY_V1,
        "proc/self/cgroup": "4:memory:/job",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": 9223372036854771712,
        "sys/fs/cgroup/memory/memory.usage_in_bytes": 5 * GIB,
        "sys/fs/cgroup/memory/job/memory.limit_in_bytes": 2 * GIB,
        "sys/fs/cgroup/memory/job/memory.usage_in_bytes": GIB,
        "sys/fs/cgroup/memory/job/memory.stat": f"total_inactive_file {GIB // 2}",
    }
    memory = probe.read_memory(root=fake_root(files))
    assert (memory.cgroup_limit, memory.usable) == (2 * GIB, 2 * GIB - GIB // 2)


@pytest.mark.parametrize(
    ("own", "parent", "usable", "quota"),
    [
        ("max 100000", "max 100000", 8.0, None),
        ("150000 100000", "max 100000", 1.5, 1.5),
        ("400000 100000", "200000 100000", 2.0, 2.0),
        ("1600000 100000", "max 100000", 8.0, 16.0),
        ("", "", 8.0, None),
    ],
    ids=["unlimited", "own quota", "parent's quota", "quota above the mask", "no file"],
)
def test_cores_are_the_mask_cut_by_the_quota(fake_root, own, parent, usable, quota):
    root = fake_root({**BASE, B + "cpu.max": own, A + "cpu.max": parent})
    cores = probe.read_cores(root=root, affinity=8)
    assert (cores.usable, cores.quota) == (usable, quota)


@pytest.mark.parametrize(("quota", "usable"), [(-1, 4.0), (250000, 2.5)])
def test_v1_quota(fake_root, quota, usable):
    root = fake_root(
        {
            "proc/self/mountinfo": CPU_V1,
            "proc/self/cgroup": "2:cpu,cpuacct:/job",
            "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us": quota,
            "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us": 100000,
        }
    )
    assert probe.read_cores(root=root, affinity=4).usable == usable


def test_pressure_where_the_kernel_keeps_it(fake_root):
    line = "avg10={} avg60=1.50 avg300=0.10 total=12345"
    root = fake_root(
        {
            "proc/pressure/memory": f"some {line.format('3.25')}\nfull {line.format('2.00')}",
            "proc/pressure/cpu": f"some {line.format('0.00')}",
        }
    )
    pressure = probe.read_pressure(root=root)
    assert pressure["memory"]["full_avg10"] == 2.0
    assert pressure["memory"]["some_avg60"] == 1.5
    assert "full_avg10" not in pressure["cpu"]
    assert "io" not in pressure


def test_no_pressure_files_is_empty_and_not_zero(tmp_path):
    assert probe.read_pressure(root=tmp_path) == {}


def test_swap_and_its_traffic(fake_root):
    root = fake_root({**BASE, "proc/vmstat": "nr_free_pages 7\npswpin 11\npswpout 13"})
    swap = probe.read_swap(root=root)
    assert (swap.total, swap.free, swap.pages_in, swap.pages_out) == (2 * GIB, GIB, 11, 13)


def test_load_that_cannot_be_read_is_an_error_and_not_zero(fake_root, tmp_path):
    with pytest.raises(OSError, match="loadavg"):
        probe.read_load(root=tmp_path)
    root = fake_root({"proc/loadavg": "0.50 1.25 3.00 2/345 6789"})
    assert probe.read_load(root=root) == (0.5, 1.25, 3.0)


def test_machine_cores_come_from_its_own_list(fake_root):
    root = fake_root({"proc/stat": "cpu  1 2\ncpu0 1\ncpu1 1\ncpu10 1\nintr 5\nctxt 4"})
    assert probe.online_cores(root=root) == 3


def test_disk_of_a_path_that_does_not_exist_yet(tmp_path):
    disk = probe.read_disk(str(tmp_path / "not" / "there"))
    facts = os.statvfs(tmp_path)
    assert disk.total_bytes == facts.f_blocks * facts.f_frsize
    assert 0 < disk.free_bytes <= disk.total_bytes


def test_probe_of_this_machine_is_plausible():
    facts = probe.probe_host(paths=["/"])
    assert 0 < facts.cores.usable <= facts.cores.affinity
    assert 0 < facts.memory.usable <= facts.memory.total
    assert facts.boot_id and facts.disks[0].free_bytes > 0
