# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a deploy, in one step: shown, written, and kept for the next node of a workflow."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError
from ansible_collections.fleet.jobs.plugins.module_utils._files import write_atomic
from ansible_collections.fleet.jobs.plugins.plugin_utils._checked import CheckedModule, Result
from ansible_collections.fleet.jobs.plugins.plugin_utils._deploy_artifact import (
    NAME,
    artifact,
    bad,
)
from ansible_collections.fleet.jobs.plugins.plugin_utils._deploy_report import (
    build,
    collect,
    lines,
)
from ansible_collections.fleet.jobs.plugins.plugin_utils._performer import part_of_a_fleet

_MODULE = CheckedModule("deploy_report")


class ActionModule(ActionBase):  # type: ignore[misc]
    """It reads variables of all hosts, so it happens on the controller and connects to nobody."""

    _requires_connection = False

    def run(self, tmp: t.Any = None, task_vars: t.Optional[Result] = None) -> Result:
        """Ansible's way in."""
        result: Result = super().run(tmp, task_vars)
        del tmp
        arguments = dict(self._task.args)
        checked = _MODULE.check(arguments)
        if checked is None:
            raise AnsibleActionFail("; ".join(_MODULE.complaints(arguments)))
        parameters = checked.parameters
        report = _report(parameters, task_vars or {})
        for line in filter(None, [*lines(report), part_of_a_fleet(task_vars or {})]):
            self._display.display(line)
        _write(parameters["dest"], report)
        data = artifact(report, check=self._task.check_mode)
        stats = {"data": {NAME: data}, "per_host": False, "aggregate": False}
        result.update(
            changed=False,
            failed=False,
            actions=[],
            artifact=data,
            bad=bad(report),
            exceeded=data["exceeded"],
            ansible_stats=stats,
        )
        return result


def _report(parameters: Result, task_vars: Result) -> Result:
    hosts = parameters["hosts"] or task_vars["ansible_play_hosts_all"]
    try:
        return build(
            collect(task_vars["hostvars"], hosts),
            **{key: parameters[key] for key in ("deploy_id", "ref", "sha", "deferred_is")},
            **{key: parameters[key] for key in ("max_failed", "max_unreachable")},
        )
    except ValueError as error:
        raise AnsibleActionFail(str(error)) from error


def _write(dest: t.Optional[str], report: Result) -> None:
    if not dest:
        return
    content = json.dumps(report, indent=4, sort_keys=True) + "\n"
    try:
        write_atomic(Path(dest), content.encode(), mode=0o644)
    except (FleetError, OSError) as error:
        raise AnsibleActionFail(
            f'The report was made and could not be written to "{dest}": {error}. The hosts are as '
            "the lines above say; correct deploy_report_file."
        ) from error
