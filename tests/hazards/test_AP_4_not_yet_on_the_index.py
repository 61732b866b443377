# SPDX-License-Identifier: GPL-3.0-or-later
"""AP-4: a version that was published a moment ago is not found yet.

Stopped by: ``deploy_wheel`` retries with backoff on exactly that answer, and reports any other
error at once.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._deploy import uv, wheel
from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError
from ansible_collections.fleet.jobs.tests.support.environments import Environment
from ansible_collections.fleet.jobs.tests.support.index import Index

LAG = 3


def installed(env: Environment) -> str:
    return env.evaluate("import demo_pkg; print(demo_pkg.__version__)")


def test_without_the_guard_the_upgrade_fails(tmp_path: Path) -> None:
    env = Environment.make(tmp_path)
    with Index() as index:
        index.publish("demo-pkg", "1.0.0")
        index.publish("demo-pkg", "2.0.0", after=1 + LAG)
        env.install(index, "demo-pkg==1.0.0")

        argv = ["pip", "install", "--python", env.python, "--default-index", index.url]
        done = env.uv(*argv, "--refresh", "demo-pkg==2.0.0", check=False)

        assert done.returncode == 1
        assert "no version of demo-pkg==2.0.0" in done.stderr
        assert installed(env) == "1.0.0"


def test_with_the_guard_it_waits_for_exactly_that(tmp_path: Path) -> None:
    env = Environment.make(tmp_path)
    slept: t.List[float] = []
    with Index() as index:
        index.publish("demo-pkg", "1.0.0")
        index.publish("demo-pkg", "2.0.0", after=1 + LAG)
        env.install(index, "demo-pkg==1.0.0")

        plan = wheel.plan(
            python=env.python, package="demo-pkg", version="2.0.0", environ=env.environ
        )
        result = wheel.apply(
            plan, index=uv.Index(index.url), environ=env.environ, sleep=slept.append
        )

        assert (result.after_version, installed(env)) == ("2.0.0", "2.0.0")
        assert slept == [2.0, 4.0, 8.0]

        # A broken release is no lag: it is reported the first time.
        index.publish("demo-pkg", "3.0.0", requires=["absent-helper"])
        plan = wheel.plan(
            python=env.python, package="demo-pkg", version="3.0.0", environ=env.environ
        )
        with pytest.raises(FleetError, match="absent-helper"):
            wheel.apply(plan, index=uv.Index(index.url), environ=env.environ, sleep=slept.append)
        assert len(slept) == LAG
