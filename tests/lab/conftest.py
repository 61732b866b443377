# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines for the tests of this folder."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.fleet.jobs.tests.lab.left_out import (
    pytest_runtest_makereport,
    pytest_terminal_summary,
    say,
)

if t.TYPE_CHECKING:
    from ansible_collections.fleet.jobs.tests.lab.vm import VirtualMachine

__all__ = ["pytest_runtest_makereport", "pytest_terminal_summary", "say"]


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
