# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.spec import (
    JobSpec,
    parse_job,
    parse_jobs,
)

JOB = {"label": "bars/A@1", "command": ["job", "A"], "chdir": "/data"}


def test_everything_is_read():
    spec = parse_job(
        {
            **JOB,
            "group": "heavy",
            "after": ["bars/B@1", "bars/B@1"],
            "env_file": ".env",
            "memory": "5G",
            "timeout": "6h",
            "cores": 2,
            "restart_safe": True,
            "artifacts": ["{symbol}.json"],
            "params": {"symbol": "A", "threshold": 250, "ratio": 0.5, "deep": True},
            "delay": "10m",
            "priority": -3,
            "overrides": {"THREADS": 4},
        }
    )
    assert spec.command == ("job", "A")
    assert spec.after == ("bars/B@1",)
    assert (spec.memory, spec.timeout, spec.delay, spec.cores) == (5 << 30, 21600.0, 600.0, 2.0)
    assert spec.params == {"symbol": "A", "threshold": "250", "ratio": "0.5", "deep": "true"}
    assert spec.overrides == {"THREADS": "4"}
    assert parse_job(json.loads(json.dumps(spec.record()))) == spec


def test_unset_options_do_not_bloat_the_ledger():
    # `none` values are what Ansible hands over for every option a job leaves out.
    full = {name: None for name in JobSpec.__dataclass_fields__}
    spec = parse_job({**full, **JOB})
    assert set(spec.record()) <= {
        "label", "command", "chdir", "group", "restart_safe", "priority"
    }  # fmt: skip


def test_argv_of_a_shell_job():
    assert parse_job({"label": "a/b", "shell": "x | y"}).argv == ("/bin/sh", "-c", "x | y")


@pytest.mark.parametrize(
    ("change", "words", "hazard"),
    [
        ({"label": "bars"}, "family/key", "INV-8"),
        ({"label": None}, "family/key", "INV-8"),
        ({"label": "bars/A\n"}, "family/key", "INV-8"),
        ({"command": None}, "exactly one", None),
        ({"shell": "true"}, "exactly one", None),
        ({"command": "job A"}, "list of words", None),
        ({"command": ["sleep 100"]}, "(sleep, 100, ...), or use shell", None),
        ({"command": []}, "no program", None),
        ({"command": [""]}, "no program", None),
        ({"command": ["a\0b"]}, "NUL", None),
        ({"command": ["a\udc80"]}, "UTF-8", None),
        ({"command": ["env", "X=1", "job"]}, "overrides: {X: value}", "INV-5"),
        ({"command": None, "shell": "X=1 job"}, "mise [env]", "INV-5"),
        ({"memory": "lots"}, "memory", None),
        ({"memory": 5}, "below 1M", None),
        ({"timeout": 0}, "above 0", None),
        ({"cores": "many"}, "cores", None),
        ({"cores": float("nan")}, "cores", None),
        ({"priority": "high"}, "priority", None),
        ({"restart_safe": "yes"}, "restart_safe", None),
        ({"after": "bars/B@1"}, "list", None),
        ({"params": ["a"]}, "dictionary", None),
        ({"params": {"a": ["b"]}}, '"a"', None),
        ({"overrides": {"a-b": "1"}}, "variable name", None),
        ({"overrides": {"FLEET_JOBS_TASK": "1"}}, "variable name", None),
        ({"overrides": {"DB_PASSWORD": "1"}}, "env_file", "AP-16"),
        ({"colour": "red"}, "Unknown option", None),
    ],
)
def test_refused(change, words, hazard):
    with pytest.raises(FleetError) as error:
        parse_job({**JOB, **change})
    assert words in error.value.message
    assert error.value.hazard == hazard


def test_every_problem_is_named_at_once():
    specs, refusals = parse_jobs([JOB, {"label": "x"}, JOB, {"command": ["a"]}])
    assert [spec.label for spec in specs] == ["bars/A@1"]
    assert [(one.label, one.hazard) for one in refusals] == [
        ("x", "INV-8"),
        ("bars/A@1", "INV-1"),
        ("jobs[3]", "INV-8"),
    ]
