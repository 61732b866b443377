# SPDX-License-Identifier: GPL-3.0-or-later
"""One module as a process of its own, called as Ansible calls it, without the cost of Ansible.

What an action plugin would bring along (the host tool) has to be on the host already.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

from ansible_collections.fleet.jobs.plugins.plugin_utils._host_tool import build

LIMIT_SECONDS = 120.0
WITH_TOOL = {"host_tool", "pueue_queue_guarded", "systemd_run_job"}


def call(
    name: str,
    arguments: t.Mapping[str, t.Any],
    *,
    environ: t.Mapping[str, str],
    cwd: Path,
    check: bool = False,
    wrapper: t.Sequence[str] = (),
) -> t.Dict[str, t.Any]:
    """The result of ``fleet.jobs.<name>``; it fails where the module ends without one."""
    given = {"_ansible_check_mode": check, "_ansible_diff": check, **arguments}
    if name in WITH_TOOL:
        given["tool_digest"] = build().digest
    done = subprocess.run(
        [
            *wrapper,
            *(sys.executable, "-m", f"ansible_collections.fleet.jobs.plugins.modules.{name}"),
        ],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": given}),
        env={
            **environ,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        cwd=str(cwd),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert done.stdout and "Traceback" not in done.stderr, f"{name}: {done.stdout}{done.stderr}"
    return t.cast(t.Dict[str, t.Any], json.loads(done.stdout))
