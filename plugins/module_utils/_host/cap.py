# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""A job's memory cap: three strategies with one face, and the choice between them (INV-7).

The runner's use of it::

    cap = choose("require", 5 << 30, label=label)
    child = subprocess.Popen(argv, preexec_fn=cap.enter, start_new_session=True)
    cap.started(child.pid)
    while child.poll() is None:
        cap.poll()          # every 50-100 ms; True once it had to kill
    report = cap.finish()   # after the child was waited for; kills what the job left behind
"""

from __future__ import annotations

import os
import typing as t

from .._errors import Refused
from .cap_polled import PolledCap, UncappedJob
from .cap_report import CapReport, Strategy, Usage

__all__ = ["MODES", "CapReport", "Strategy", "Usage", "choose"]

MODES = ("require", "prefer", "none")


def choose(
    mode: str,
    memory_bytes: t.Optional[int],
    *,
    swap_bytes: int = 0,
    label: str = "job",
    environ: t.Optional[t.Mapping[str, str]] = None,
) -> Strategy:
    """The strongest cap that ``mode`` allows and the host can keep; never a silent weaker one.

    ``memory_bytes`` None means nothing was declared: there is nothing to enforce. With
    "require" and no working cgroup this is Refused (INV-7); "prefer" says in ``note`` why the
    cap is only polled. For "cgroup" this process is moved into a scope of its own.
    """
    if mode not in MODES:
        raise Refused(
            f'The cap mode "{mode}" is unknown; write one of {", ".join(MODES)}.', hazard="INV-7"
        )
    if mode == "none" or memory_bytes is None:
        reason = "cap: none was chosen" if mode == "none" else "no memory was declared"
        return UncappedJob(note=reason)
    # Half of what the runner would import, and of no use to a job without a cap.
    from . import cap_scope

    values = os.environ if environ is None else environ
    try:
        return cap_scope.enter(
            values, memory_bytes=memory_bytes, swap_bytes=swap_bytes, label=label
        )
    except cap_scope.REFUSALS as error:
        if mode == "require":
            raise Refused(
                f'"{label}" was not started: its memory cap of {memory_bytes} bytes cannot be '
                f"enforced here: {error}. Repair that (host_probe shows it), or allow a polled "
                "cap with cap: prefer.",
                hazard="INV-7",
                details={"missing": str(error)},
            ) from error
        return PolledCap(memory_bytes=memory_bytes, note=f"polled, because {error}")
