# SPDX-License-Identifier: GPL-3.0-or-later
"""G-3: the wheel is upgraded, but jobs import the checkout they are started in.

Stopped by: ``deploy_verify`` asks the jobs' interpreter in the jobs' directory, and checks
assertions on that code.
"""

from __future__ import annotations

from pathlib import Path

from ansible_collections.fleet.jobs.plugins.module_utils._deploy import uv, verify, wheel
from ansible_collections.fleet.jobs.tests.support.environments import Environment
from ansible_collections.fleet.jobs.tests.support.index import Index


def test_without_the_guard_the_version_says_new_and_the_guard_finds_the_old_code(
    tmp_path: Path,
) -> None:
    project = tmp_path / "project"
    (project / "demo_pkg").mkdir(parents=True)
    (project / "demo_pkg" / "__init__.py").write_text("FIXED = False\n")
    env = Environment.make(tmp_path / "host")
    with Index() as index:
        index.publish("demo-pkg", "2.0.0", modules={"demo_pkg/__init__.py": "FIXED = True\n"})
        plan = wheel.plan(
            python=env.python, package="demo-pkg", version="2.0.0", environ=env.environ
        )
        wheel.apply(plan, index=uv.Index(index.url), environ=env.environ)

    # The accident: what people check says 2.0.0, what jobs run is the old code.
    version = "import importlib.metadata as m; print(m.version('demo-pkg'))"
    assert env.evaluate(version, cwd=project) == "2.0.0"
    assert env.evaluate("import demo_pkg; print(demo_pkg.FIXED)", cwd=project) == "False"

    found = verify.check(
        python=env.python,
        chdir=project,
        package="demo-pkg",
        expected_version="2.0.0",
        assertions=[{"expression": "demo_pkg.FIXED"}],
        environ=env.environ,
    )

    assert (found.ok, found.hazard, found.kind) == (False, "AP-5", "source")
    assert found.version is None, "the wheel's version was reported for code that is not the wheel"
    text = " ".join(found.findings)
    assert str(project / "demo_pkg" / "__init__.py") in text
    assert 'Assertion "demo_pkg.FIXED" does not hold' in text

    elsewhere = verify.check(
        python=env.python,
        chdir=tmp_path,
        package="demo-pkg",
        expected_version="2.0.0",
        expected_kind="wheel",
        assertions=[{"expression": "demo_pkg.FIXED"}],
        environ=env.environ,
    )
    assert elsewhere.findings == ()
