# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines for the tests of this folder, and last lines that name the layers that did not run."""

from __future__ import annotations

import os
import typing as t

import pytest

if t.TYPE_CHECKING:
    from ansible_collections.fleet.jobs.tests.lab.vm import VirtualMachine

# With "require" (set where nothing may be missing) whatever cannot run is a failure.
REQUIRED = os.environ.get("FLEET_JOBS_LAB") == "require"
_left_out: t.Dict[str, str] = {}
_said: t.List[str] = []


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> t.Iterator[None]:
    """Remember which layer (a folder of this one) was left out, and why."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    why = why.replace("Skipped: ", "", 1)
    _left_out.setdefault(item.path.parent.name, why)
    if REQUIRED:
        report.outcome = "failed"
        report.longrepr = f"FLEET_JOBS_LAB=require, but this was to be skipped: {why}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the tests saw, then, last of all, each layer that was left out."""
    if _said:
        terminalreporter.section("as seen in the lab")
    for line in _said:
        terminalreporter.write_line(line)
    for layer, why in sorted(_left_out.items()):
        terminalreporter.write_line(f"LAYER LEFT OUT: tests/lab/{layer}: {why}", yellow=True)


@pytest.fixture
def say(request: pytest.FixtureRequest) -> t.Callable[[str], None]:
    """Put a line under the name of this test into the end of the log, whatever comes of it."""
    name = request.node.name
    return lambda text: _said.extend(f"{name}: {line}" for line in text.splitlines())


@pytest.fixture(scope="session")
def machine() -> t.Iterator[VirtualMachine]:
    """One virtual machine for the whole run; use ``vm``, which is clean."""
    from ansible_collections.fleet.jobs.tests.lab.vm import VirtualMachine, reason

    lacking = reason()
    if lacking:
        pytest.skip(f"no virtual machine: {lacking}")
    with VirtualMachine() as made:
        yield made


@pytest.fixture
def vm(machine: VirtualMachine) -> VirtualMachine:
    """The virtual machine as it was after its first boot, with the right time."""
    return machine.restore()


@pytest.fixture(scope="session")
def queue_machine(machine: VirtualMachine) -> VirtualMachine:
    """The machine with a snapshot that has a pueued; restore that before use."""
    from ansible_collections.fleet.jobs.tests.lab.guest import QUEUE, start_queue

    start_queue(machine.restore())
    machine.save(QUEUE)
    return machine


@pytest.fixture
def queue(queue_machine: VirtualMachine) -> VirtualMachine:
    """The virtual machine with an empty queue of the user ``jobs``."""
    from ansible_collections.fleet.jobs.tests.lab.guest import QUEUE

    return queue_machine.restore(QUEUE)
