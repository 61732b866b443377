# SPDX-License-Identifier: GPL-3.0-or-later
"""Process facts, from false and from real procfs."""

from __future__ import annotations

import os
import subprocess
import sys

from ansible_collections.fleet.jobs.plugins.module_utils._host import process
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

TAIL = " ".join(["0"] * 14)


def test_command_names_with_brackets_and_spaces_do_not_shift_the_fields(fake_root):
    line = f"42 (evil ) S 7 (x) Z 5 42 40 {TAIL} 987 0"
    # fields after the last bracket: state ppid pgrp session …, start time is the 20th
    root = fake_root({"42/stat": line})
    stat = process.read_stat(42, proc=root)
    assert stat == process.Stat(42, "Z", 5, 42, 40, int(line.rpartition(")")[2].split()[19]))
    assert stat.dead


def test_gone_process_is_none_everywhere(tmp_path):
    assert process.read_stat(1, proc=tmp_path) is None
    assert process.identity(1, proc=tmp_path) is None
    assert process.children(1, proc=tmp_path) == []
    assert process.private_memory(1, proc=tmp_path) == 0
    assert process.proportional_memory(1, proc=tmp_path) is None


def test_page_cache_of_a_process_does_not_count(fake_root):
    root = fake_root(
        {
            "5/status": "VmRSS:\t 900 kB\nRssAnon:\t 100 kB\nRssFile:\t 780 kB\n"
            "RssShmem:\t  20 kB\nVmSwap:\t   3 kB",
            "5/smaps_rollup": "Rss: 900 kB\nPss: 700 kB\nPss_Anon: 60 kB\nPss_File: 630 kB\n"
            "Pss_Shmem: 10 kB\nSwap: 3 kB\nSwapPss: 1 kB",
        }
    )
    assert process.private_memory(5, proc=root) == 123 * 1024
    assert process.proportional_memory(5, proc=root) == 71 * 1024


def test_old_kernel_without_the_split_counts_all_resident_memory(fake_root):
    root = fake_root({"5/status": "VmRSS:\t 900 kB"})
    assert process.private_memory(5, proc=root) == 900 * 1024


def test_kernel_without_children_lists_is_scanned(fake_root):
    root = fake_root(
        {
            "9/stat": f"9 (a) S 1 9 9 {TAIL} 1 0 0",
            "9/task/9/stat": "",
            "10/stat": f"10 (b) S 9 9 9 {TAIL} 1 0 0",
            "11/stat": f"11 (c) S 10 9 9 {TAIL} 1 0 0",
            "uptime": "",
        }
    )
    assert process.children(9, proc=root) == [10]


def test_descendants_of_this_process_include_grandchildren_and_leave_out_ignored_trees():
    code = "import subprocess,sys; subprocess.run([sys.executable,'-c','input()'])"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as child:
        try:
            found = eventually(
                lambda: (
                    len(process.descendants(child.pid)) == 1 and process.descendants(os.getpid())
                ),
                timeout=20,
                what="the grandchild starts",
            )
            assert child.pid in found and len(found) >= 2
            rest = process.descendants(os.getpid(), ignore={child.pid})
            assert child.pid not in rest
            assert not set(process.descendants(child.pid)) & set(rest)
        finally:
            process.kill_all(lambda: [child.pid, *process.descendants(child.pid)])


def test_identity_differs_for_two_processes_and_is_stable():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        first = process.identity(child.pid)
        assert first and first == process.identity(child.pid)
        assert first != process.identity(os.getpid())
        child.kill()
    assert process.identity(child.pid) is None
