# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines for the tests of this folder, and last lines that name the layers that did not run."""

from __future__ import annotations

import os
import typing as t

import pytest

if t.TYPE_CHECKING:
    from ansible_collections.fleet.jobs.tests.lab.vm import VirtualMachine

# With "require" (set where nothing may be missing) a machine that cannot be had is a failure.
REQUIRED = os.environ.get("FLEET_JOBS_LAB") == "require"
_without: t.Dict[str, str] = {}


def need(layer: str, reason: str) -> None:
    """Skip for this reason, or fail where the layer is required; nothing where there is none."""
    if not reason:
        return
    _without[layer] = reason
    if REQUIRED:
        pytest.fail(f"FLEET_JOBS_LAB=require, but no {layer}: {reason}", pytrace=False)
    pytest.skip(f"no {layer}: {reason}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name each layer that was left out, after all else."""
    for layer, why in sorted(_without.items()):
        terminalreporter.write_line(f"SKIPPED LAYER: {layer}: {why}", yellow=True)


@pytest.fixture(scope="session")
def machine() -> t.Iterator[VirtualMachine]:
    """One virtual machine for the whole run; use ``vm``, which is clean."""
    from ansible_collections.fleet.jobs.tests.lab.vm import VirtualMachine, reason

    need("virtual machine", reason())
    with VirtualMachine() as made:
        yield made


@pytest.fixture
def vm(machine: VirtualMachine) -> VirtualMachine:
    """The virtual machine as it was after its first boot, with the right time."""
    return machine.restore()
