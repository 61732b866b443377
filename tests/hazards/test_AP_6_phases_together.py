# SPDX-License-Identifier: GPL-3.0-or-later
"""AP-6: phases that were queued together ran together.

Stopped by: ``after`` makes edges by label, whatever the order; one that leads nowhere or in a
circle is refused.
"""

from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import Refused
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue

FIRST = "while ! test -e seen; do sleep 0.05; done; echo data > phase1"
HASTY = "touch seen; cat phase1"


@pytest.fixture
def queue(daemon):
    with daemon.connect() as client:
        client.parallel("default", 2)
    return GuardedQueue(daemon)


def test_without_the_guard_the_second_phase_finds_nothing(queue):
    for label, text in (("one/A", FIRST), ("two/A", HASTY)):
        queue.daemon.cli(
            *("add", "--working-directory", str(queue.work), "--label", label, "--", text)
        )
    snapshot = queue.finished("one/A", "two/A")
    assert snapshot.latest()["two/A"].failed and snapshot.latest()["one/A"].ok


def test_the_guard_makes_an_edge_by_label_whatever_the_order_in_the_call(queue):
    queue.queue(
        queue.job("two/A", "cat phase1", after=["one/A"]),
        queue.job("one/A", "sleep 0.5; echo data > phase1"),
    )
    snapshot = queue.finished("one/A", "two/A")
    assert all(task.ok for task in snapshot.tasks.values())


@pytest.mark.parametrize("after", [["one/typo"], ["two/A"]])
def test_an_edge_that_leads_nowhere_or_in_a_circle_is_refused(queue, after):
    with pytest.raises(Refused) as error:
        queue.queue(queue.job("one/A"), queue.job("two/A", after=after))
    assert error.value.hazard == "AP-6"
    assert not queue.status().tasks
