# SPDX-License-Identifier: GPL-3.0-or-later
"""G-14: ``… | while read`` runs in a subshell; what it counted is 0 afterwards, without a word.

Stopped by: ``pueue_queue_guarded`` and ``systemd_run_job`` refuse a shell text that uses such a
value behind the loop, and warn of a project's script that does.
"""

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import Refused
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue

COUNT = "while read -r line; do n=$((n + 1)); done"
LOSING = f'n=0; seq 7 | {COUNT}; echo "lines: $n" > report'
GROUPED = f'n=0; seq 7 | {{ {COUNT}; echo "lines: $n" > report; }}'
FROM_FILE = f'seq 7 > all; n=0; {COUNT} < all; echo "lines: $n" > report'


@pytest.fixture
def queue(daemon: PrivateDaemon) -> GuardedQueue:
    return GuardedQueue(daemon)


def report_of(queue: GuardedQueue) -> str:
    assert queue.finished("bars/A").latest()["bars/A"].ok
    return (queue.work / "report").read_text()


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_without_the_guard_the_job_is_a_success_with_a_wrong_report(
    queue: GuardedQueue, shell: str
) -> None:
    words = ("--working-directory", str(queue.work), "--label", "bars/A", "--escape")
    queue.daemon.cli("add", *words, "--", shell, "-c", LOSING)
    assert report_of(queue) == "lines: 0\n"


@pytest.mark.parametrize(
    "job", [{"shell": LOSING}, {"command": ["nice", "bash", "-c", LOSING]}], ids=["sh", "bash"]
)
def test_the_guard_refuses_it_and_names_the_variable(
    queue: GuardedQueue, job: t.Dict[str, t.Any]
) -> None:
    with pytest.raises(Refused, match=re.escape('sets "n" behind a pipe')) as error:
        queue.queue({"label": "bars/A", "chdir": str(queue.work), **job})
    assert error.value.hazard == "G-14"
    assert not queue.status().tasks


@pytest.mark.parametrize("text", [GROUPED, FROM_FILE], ids=["one group", "from a file"])
def test_both_ways_out_count(queue: GuardedQueue, text: str) -> None:
    assert not queue.queue(queue.job("bars/A", text)).warnings
    assert report_of(queue) == "lines: 7\n"


def test_a_single_command_is_refused_as_well(queue: GuardedQueue) -> None:
    done = queue.once("once/A", "sh", "-c", LOSING)
    assert done["failed"] and done["hazard"] == "G-14", done


def test_of_a_script_the_call_warns(queue: GuardedQueue) -> None:
    (queue.work / "run.sh").write_text(LOSING)
    report = queue.queue({**queue.job("bars/A"), "shell": None, "command": ["sh", "run.sh"]})
    assert len(report.warnings) == 1 and '"n"' in report.warnings[0]
    assert report_of(queue) == "lines: 0\n"
