# SPDX-License-Identifier: GPL-3.0-or-later
"""AP-5: a wheel is installed where jobs run an editable checkout.

Stopped by: ``deploy_wheel`` refuses an environment that has the package as an editable install.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._deploy import wheel
from ansible_collections.fleet.jobs.plugins.module_utils._errors import Refused
from ansible_collections.fleet.jobs.tests.support import git as real
from ansible_collections.fleet.jobs.tests.support.environments import Environment
from ansible_collections.fleet.jobs.tests.support.index import Index

ORIGIN = "import demo_pkg; print(demo_pkg.__file__)"


def editable(tmp_path: Path) -> Environment:
    project = tmp_path / "project"
    (project / "demo_pkg").mkdir(parents=True)
    (project / "demo_pkg" / "__init__.py").write_text("FIXED = True\n")
    env = Environment.make(tmp_path / "host")
    env.make_editable(project, name="demo_pkg")
    return env


def test_without_the_guard_jobs_silently_leave_the_checkout(tmp_path: Path) -> None:
    env = editable(tmp_path)
    assert env.evaluate(ORIGIN) == str(tmp_path / "project" / "demo_pkg" / "__init__.py")
    with Index() as index:
        index.publish("demo-pkg", "2.0.0")
        env.install(index, "demo-pkg==2.0.0")
    assert "site-packages" in env.evaluate(ORIGIN)


def test_with_the_guard_it_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    env = editable(tmp_path)
    before = real.fingerprint(tmp_path)

    with pytest.raises(Refused) as caught:
        wheel.plan(python=env.python, package="demo-pkg", version="2.0.0", environ=env.environ)

    origin = str(tmp_path / "project" / "demo_pkg" / "__init__.py")
    assert caught.value.hazard == "AP-5"
    assert f'jobs import "{origin}"' in caught.value.message
    assert "deploy_source" in caught.value.message
    assert env.evaluate(ORIGIN) == origin
    assert real.fingerprint(tmp_path) == before
