# SPDX-License-Identifier: GPL-3.0-or-later
"""One sample from kernel files; half a sample is an error."""

from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._capacity.host_sample import measure

FILES = {
    "proc/loadavg": "2.50 1.00 0.50 1/2 3",
    "proc/vmstat": "pswpin 5\npswpout 6",
    "proc/stat": "cpu 1\ncpu0 1\ncpu1 1\n",
    "proc/meminfo": "MemTotal: 1 kB",
    "proc/sys/kernel/random/boot_id": "abc",
    "proc/pressure/memory": "some avg10=1.00 total=1\nfull avg10=0.50 total=1",
}


def root(tmp_path, without=None):
    for name, text in FILES.items():
        if name != without:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="ascii")
    return tmp_path


def test_sample(tmp_path):
    sample = measure(root=root(tmp_path))
    assert (sample.load, sample.cores, sample.boot_id) == (2.5, 2.0, "abc")
    assert (sample.swapped_in, sample.swapped_out, sample.pressure_full) == (5, 6, 0.5)


def test_kernel_without_pressure(tmp_path):
    assert measure(root=root(tmp_path, "proc/pressure/memory")).pressure_full is None


@pytest.mark.parametrize("missing", ["proc/loadavg", "proc/vmstat"])
def test_half_a_sample_is_an_error(tmp_path, missing):
    with pytest.raises(OSError, match=missing):
        measure(root=root(tmp_path, missing))


def test_this_machine():
    sample = measure()
    assert sample.cores >= 1 and sample.boot_id
