# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits are believed only when they read back; a folder stands in for the kernel here."""

from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._host import cgroup
from ansible_collections.fleet.jobs.plugins.module_utils._host.cap_cgroup import CgroupCap

MIB = 1 << 20


@pytest.fixture
def job(tmp_path):
    """A plain folder: whatever is written to its files reads back."""
    for name in ("memory.max", "memory.swap.max", "memory.oom.group", "cgroup.procs"):
        (tmp_path / "job" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "job" / name).write_text("", encoding="ascii")
    return tmp_path / "job"


def test_both_limits_are_written(job):
    cgroup.JobCgroup.create(job, memory_bytes=64 * MIB)
    assert (job / "memory.max").read_text() == str(64 * MIB)
    assert (job / "memory.swap.max").read_text() == "0"
    assert (job / "memory.oom.group").read_text() == "1"


def test_folder_without_the_kernels_files_is_refused_and_nothing_is_created_in_it(tmp_path):
    with pytest.raises(cgroup.CgroupError, match="cannot write"):
        cgroup.JobCgroup.create(tmp_path / "job", memory_bytes=64 * MIB)
    assert list(tmp_path.iterdir()) == []


def test_limit_that_reads_back_wrong_is_refused(job, tmp_path):
    sink = tmp_path / "sink"
    sink.write_text("max\n", encoding="ascii")
    (job / "memory.max").unlink()
    (job / "memory.max").symlink_to("/dev/null")
    with pytest.raises(cgroup.CgroupError, match="but reads None"):
        cgroup.JobCgroup.create(job, memory_bytes=64 * MIB)


def test_missing_swap_limit_is_refused_where_the_host_has_swap(job, monkeypatch):
    (job / "memory.swap.max").unlink()
    monkeypatch.setattr(cgroup, "_swap_total", lambda: 1)
    with pytest.raises(cgroup.CgroupError, match="leak into it"):
        cgroup.JobCgroup.create(job, memory_bytes=64 * MIB)


def test_missing_swap_limit_is_harmless_without_swap(job, monkeypatch):
    (job / "memory.swap.max").unlink()
    monkeypatch.setattr(cgroup, "_swap_total", lambda: 0)
    cgroup.JobCgroup.create(job, memory_bytes=64 * MIB)
    assert not (job / "memory.swap.max").exists()


def test_kernel_rounds_down_to_pages_and_that_is_right(job, monkeypatch):
    monkeypatch.setattr(cgroup, "read_number", lambda path: 64 * MIB)
    found = cgroup.JobCgroup(job)
    found.limit("memory.max", 64 * MIB + 100)
    with pytest.raises(cgroup.CgroupError):
        found.limit("memory.max", 64 * MIB + 100_000)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("123\n", 123),
        ("max\n", cgroup.UNLIMITED),
        (str(1 << 63), cgroup.UNLIMITED),
        ("-1", -1),
        ("", None),
        ("x", None),
    ],
)
def test_numbers(tmp_path, text, number):
    (tmp_path / "file").write_text(text, encoding="ascii")
    assert cgroup.read_number(tmp_path / "file") == number
    assert cgroup.read_number(tmp_path / "none") is None


EVENTS = "low 0\nhigh 0\nmax {max}\noom {oom}\noom_kill {kill}\noom_group_kill 0"


@pytest.mark.parametrize(
    ("maximum", "oom", "kill", "by_cap", "by_host"),
    [
        (0, 0, 0, False, False),
        (63, 1, 2, True, False),
        (0, 0, 1, False, True),
        (900, 0, 1, False, True),
        (900, 0, 0, False, False),
    ],
    ids=[
        "quiet",
        "its own cap",
        "the host ran out",
        "the host ran out while cache was reclaimed",
        "only cache was reclaimed",
    ],
)
def test_who_ran_out_is_told_by_counters(job, tmp_path, maximum, oom, kill, by_cap, by_host):
    cap = CgroupCap(
        tmp_path,
        cgroup.JobCgroup(job),
        memory_bytes=MIB,
        swap_bytes=0,
        numbers=iter([1]),
    )
    (job / "memory.events").write_text(EVENTS.format(max=maximum, oom=oom, kill=kill))
    (job / "memory.peak").write_text("4096\n")
    (job / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1\n")
    for name in ("cgroup.procs",):
        (job / name).write_text("")
    cap._job = _Kept(job)
    report = cap.finish()
    assert (report.killed_by_cap, report.killed_by_host) == (by_cap, by_host)
    assert (report.peak_bytes, report.cpu_seconds) == (4096, 1.5)


class _Kept(cgroup.JobCgroup):
    """A plain folder cannot be removed as a cgroup can."""

    def remove(self, *, seconds: float = 2.0) -> bool:
        return True


def test_scope_has_room_for_a_bigger_second_job(tmp_path):
    (tmp_path / "memory.max").write_text(str(100 * MIB))
    cgroup.make_room(tmp_path, 10 * MIB)
    assert (tmp_path / "memory.max").read_text() == str(100 * MIB)
    cgroup.make_room(tmp_path, 200 * MIB)
    assert int((tmp_path / "memory.max").read_text()) > 200 * MIB


def test_scope_without_the_memory_controller_is_refused_by_name(tmp_path):
    (tmp_path / "cgroup.controllers").write_text("pids cpu\n")
    with pytest.raises(cgroup.CgroupError, match="memory controller is not delegated"):
        cgroup.split(tmp_path)
    assert not (tmp_path / "runner").exists()


def test_only_offered_controllers_are_asked_for(tmp_path):
    (tmp_path / "cgroup.controllers").write_text("memory\n")
    (tmp_path / "cgroup.subtree_control").write_text("")
    (tmp_path / "runner").mkdir()
    (tmp_path / "runner" / "cgroup.procs").write_text("")
    cgroup.split(tmp_path)
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+memory"
    assert (tmp_path / "runner" / "cgroup.procs").read_text().isdigit()
