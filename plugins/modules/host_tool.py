#!/usr/bin/python
# Copyright (c) 2026 fleet.jobs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: host_tool
short_description: Have the host tool fleet-jobs on the host
version_added: 0.1.0
description:
  - Installs the program C(fleet-jobs) that stands in front of every job, and that shows the queue
    and tidies up on the host itself, as C(STATE_DIR/bin/fleet-jobs).
  - M(fleet.jobs.pueue_queue_guarded) brings it along by itself; this module is for a host that is
    set up before anything is queued.
author: fleet.jobs authors (@fleet-jobs)
extends_documentation_fragment:
  - fleet.jobs.attributes
  - fleet.jobs.instance
  - fleet.jobs.instance.host_tool
seealso:
  - module: fleet.jobs.pueue_queue_guarded
"""

EXAMPLES = r"""
- name: Have the host tool
  fleet.jobs.host_tool:
"""

RETURN = r"""
actions:
  description: What was done, or would be done, as plain sentences.
  returned: always
  type: list
  elements: str
  sample: ['install the host tool "/home/jobs/.local/state/fleet-jobs/tool/fleet-jobs-0f3b.py"']
tool:
  description: The tool of this version.
  returned: success
  type: str
  sample: /home/jobs/.local/state/fleet-jobs/tool/fleet-jobs-0f3b9c1d2e4f.py
link:
  description: The path for people and timers, which always leads to the current one.
  returned: success
  type: str
  sample: /home/jobs/.local/state/fleet-jobs/bin/fleet-jobs
"""


from ansible_collections.fleet.jobs.plugins.module_utils._ansible.arguments import (
    ArgumentSpec,
    host_tool,
    instance,
)
from ansible_collections.fleet.jobs.plugins.module_utils._ansible.outcome import (
    Outcome,
    Request,
    run,
)
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.front_tool import FrontTool
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.host_tool import current, tool_link
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.instance import state_directory

SPEC = ArgumentSpec().merge(instance(), host_tool())


def change(request: Request) -> Outcome:
    """Have it; the file is asked for only where it is missing."""
    params = request.params
    state_dir = state_directory(params["state_dir"])
    before = current(state_dir)
    tool = FrontTool.find(state_dir, digest=params["tool_digest"], source=params["tool_source"])
    if tool.missing and not request.check_mode:
        return Outcome(data={"tool_missing": True})
    actions = list(tool.install(check_mode=request.check_mode))
    return Outcome(
        changed=bool(actions),
        actions=actions,
        before={"tool": before.name if before else None},
        after={"tool": tool.path.name},
        data={"tool": str(tool.path), "link": str(tool_link(state_dir))},
    )


def main() -> None:
    """Entry point."""
    run(SPEC, change)


if __name__ == "__main__":
    main()
