# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shlex
from pathlib import Path

from ansible_collections.fleet.jobs.plugins.module_utils._jobs.spec import JobSpec
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.task_command import (
    Tool,
    add_request,
    command_line,
)
from ansible_collections.fleet.jobs.plugins.module_utils._tool.run import parse, request

TOOL = Tool(path=Path("/s t/tool.py"), state_dir=Path("/s t"), cap="prefer", python="/py")
SPEC = JobSpec(
    label="bars/A@1",
    shell="echo 'a b' | tail -n 1",
    chdir="/data",
    group="g",
    env_file="/data/.env",
    memory=5 << 30,
    timeout=1234567.5,
    restart_safe=True,
    priority=3,
    overrides={"THREADS": "4", "DEPTH": "1"},
)


def test_the_tool_reads_exactly_what_was_written():
    words = shlex.split(command_line(SPEC, task_key="k.1", tool=TOOL))
    assert words[:6] == ["exec", "/py", "-I", "-S", "/s t/tool.py", "run"]
    read = request(*parse(words[6:]))
    assert (read.label, read.task_key, read.cap) == ("bars/A@1", "k.1", "prefer")
    assert (read.memory, read.timeout, read.restart_safe) == (5 << 30, 1234567.5, True)
    assert (read.env_file, read.state_dir) == ("/data/.env", Path("/s t"))
    assert read.argv == ("/bin/sh", "-c", "echo 'a b' | tail -n 1")


def test_whole_seconds_stay_whole():
    line = command_line(
        JobSpec(label="a/1", command=("x",), timeout=21600.0), task_key="k", tool=TOOL
    )
    assert "--timeout 21600 " in line


def test_the_task_has_the_minimal_environment_marks_and_overrides():
    environ = {"PATH": "/bin", "HOME": "/h", "AWS_SECRET_KEY": "x", "THREADS": "99"}
    made = add_request(
        SPEC, submission="s", task_key="k.1", tool=TOOL, environ=environ, dependencies=[7, 3]
    )
    assert made.envs == {
        "PATH": "/bin",
        "HOME": "/h",
        "THREADS": "4",
        "DEPTH": "1",
        "FLEET_JOBS_SUBMISSION": "s",
        "FLEET_JOBS_TASK": "k.1",
        "FLEET_JOBS_OVERRIDES": "DEPTH,THREADS",
    }
    assert (made.stashed, made.dependencies, made.priority) == (True, (3, 7), 3)
    assert (made.path, made.group, made.label) == ("/data", "g", "bars/A@1")
