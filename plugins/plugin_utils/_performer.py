# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Who runs the play, as leases and records show it."""

from __future__ import annotations

import getpass
import socket
import typing as t

from ansible_collections.fleet.jobs.plugins.module_utils._deploy.owner import with_job

# As AWX and its older name call their variables.
SYSTEMS = ("awx", "tower")


def performer(task_vars: t.Mapping[str, t.Any]) -> str:
    """The user and the job of AWX where it runs the play, else the user and the controller."""
    for system in SYSTEMS:
        job = task_vars.get(f"{system}_job_id")
        if job:
            workflow_job = task_vars.get(f"{system}_workflow_job_id")
            who = _who(task_vars, system)
            return with_job(who, system=system, job=job, workflow_job=workflow_job)
    return f"{getpass.getuser()}@{socket.gethostname()}"


def _who(task_vars: t.Mapping[str, t.Any], system: str) -> str:
    """A job that a schedule started has no user."""
    name = task_vars.get(f"{system}_user_name")
    if name:
        return str(name)
    schedules = (f"{system}_schedule_name", f"{system}_parent_job_schedule_name")
    for schedule in filter(None, map(task_vars.get, schedules)):
        return f"schedule {schedule}"
    return "somebody"


def part_of_a_fleet(task_vars: t.Mapping[str, t.Any]) -> t.Optional[str]:
    """A sentence where the run sees less than the fleet, so that bounds count less than it."""
    seen = len(task_vars.get("ansible_play_hosts_all") or ())
    limit, slice_ = task_vars.get("ansible_limit"), _slice(task_vars)
    said = [f"one slice of {slice_}"] if slice_ else []
    said += [f'what the limit "{limit}" leaves'] if limit else []
    if not said:
        return None
    return (
        f"This run sees {' and '.join(said)}, {seen} hosts: deploy_max_failed, "
        "deploy_max_unreachable, deploy_serial and their percentages count these hosts alone."
    )


def _slice(task_vars: t.Mapping[str, t.Any]) -> t.Optional[str]:
    """The job that AWX cut into slices, where this is one of them.

    A slice is told neither its number nor how many there are. But they belong to a workflow job
    with the name of the job template; one of a workflow template of that name looks the same.
    """
    for system in SYSTEMS:
        job = task_vars.get(f"{system}_workflow_job_id")
        name = task_vars.get(f"{system}_workflow_job_name")
        if job and name and name == task_vars.get(f"{system}_job_template_name"):
            return f'{system} workflow job {job} ("{name}")'
    return None
