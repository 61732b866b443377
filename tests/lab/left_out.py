# SPDX-License-Identifier: GPL-3.0-or-later
"""Hooks for a ``conftest.py`` whose tests need machines: last lines that name what did not run."""

from __future__ import annotations

import os
import typing as t

import pytest

# With "require" (set where nothing may be missing) whatever cannot run is a failure.
REQUIRED = os.environ.get("FLEET_JOBS_LAB") == "require"
_left_out: t.Dict[str, str] = {}
_said: t.List[str] = []


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> t.Iterator[None]:
    """Remember which layer (a folder of tests) was left out, and why."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    why = why_skipped(report)
    _left_out.setdefault(item.nodeid.split("::", 1)[0].rpartition("/")[0], why)
    if REQUIRED:
        report.outcome = "failed"
        report.longrepr = f"FLEET_JOBS_LAB=require, but this was to be skipped: {why}"


def why_skipped(report: pytest.TestReport) -> str:
    """The reason that the test or its mark gave."""
    why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return str(why).replace("Skipped: ", "", 1)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the tests saw, then, last of all, each layer that was left out."""
    if _said:
        terminalreporter.section("as seen in the lab")
    for line in _said:
        terminalreporter.write_line(line)
    for layer, why in sorted(_left_out.items()):
        terminalreporter.write_line(f"LAYER LEFT OUT: {layer}: {why}", yellow=True)
    # Where two folders of tests run together, both bring this hook.
    _said.clear()
    _left_out.clear()


@pytest.fixture
def say(request: pytest.FixtureRequest) -> t.Callable[[str], None]:
    """Put a line under the name of this test into the end of the log, whatever comes of it."""
    name = request.node.name
    return lambda text: _said.extend(f"{name}: {line}" for line in text.splitlines())
