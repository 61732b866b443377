# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Who holds a lease, with the job of AWX that asks in his name."""

from __future__ import annotations

import re
import typing as t

_JOB = re.compile(r" \((?:awx|tower) job \d+(?: of workflow job \d+)?\)$")


def with_job(person: str, *, system: str, job: t.Any, workflow_job: t.Any = None) -> str:
    """``ada (awx job 12 of workflow job 7)``."""
    part_of = f" of workflow job {workflow_job}" if workflow_job else ""
    return f"{person} ({system} job {job}{part_of})"


def person(owner: str) -> str:
    """Without the job: a relaunch is another job, and goes on with what the first one began."""
    return _JOB.sub("", owner)
