# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""One sample of the watch, from the host's own files."""

from __future__ import annotations

from pathlib import Path

from .._host import probe, process
from .watch import Sample


def measure(*, root: Path = Path("/")) -> Sample:
    """OSError where load or swap cannot be read: half a sample proves nothing."""
    if not (root / "proc/vmstat").exists():
        raise OSError(f"{root / 'proc/vmstat'} cannot be read")
    swap = probe.read_swap(root=root)
    return Sample(
        load=probe.read_load(root=root)[0],
        # The load average is the machine's, not this container's.
        cores=float(probe.online_cores(root=root)),
        swapped_in=swap.pages_in,
        swapped_out=swap.pages_out,
        pressure_full=probe.read_pressure(root=root).get("memory", {}).get("full_avg10"),
        boot_id=process.boot_id(proc=root / "proc"),
    )
