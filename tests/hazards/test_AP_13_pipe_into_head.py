# SPDX-License-Identifier: GPL-3.0-or-later
"""AP-13, G-13: exit code 141 from ``… | head`` under pipefail: all went well and counts as failed.

Stopped by: ``pueue_queue_guarded`` and ``systemd_run_job`` refuse such a shell text, and warn of a
project's script with one in it; the record of a run that ended so says what 141 is.
"""

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import Refused
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import pipes
from ansible_collections.fleet.jobs.tests.support.ansible import COLLECTION
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue

# More than a pipe holds, so that the writer is still at it when its reader ends.
TEXT = "set -euo pipefail; seq 200000 | {} > first; touch went-well"
LOSING, RIGHT = TEXT.format("head -n 1"), TEXT.format("sed -n 1p")
SCRIPT = f"#!/bin/bash\n{LOSING}\n"


@pytest.fixture
def queue(daemon: PrivateDaemon) -> GuardedQueue:
    return GuardedQueue(daemon)


def test_without_the_guard_a_job_that_had_all_it_wanted_fails(queue: GuardedQueue) -> None:
    words = ("--working-directory", str(queue.work), "--label", "bars/A", "--escape")
    queue.daemon.cli("add", *words, "--", "bash", "-c", LOSING)
    task = queue.finished("bars/A").latest()["bars/A"]
    assert (task.result, task.exit_code) == ("Failed", 141)
    assert (queue.work / "first").read_text() == "1\n"
    assert not (queue.work / "went-well").exists()


@pytest.mark.parametrize(
    "job",
    [
        {"command": ["bash", "-c", LOSING]},
        {"command": ["bash", "-eo", "pipefail", "-c", "first=$(seq 9 | head -1)"]},
        {"shell": "set -o pipefail\nif seq 9 |\n  grep -q 3; then true; fi"},
    ],
)
def test_the_guard_refuses_and_says_what_to_write(
    queue: GuardedQueue, job: t.Dict[str, t.Any]
) -> None:
    with pytest.raises(Refused, match=re.escape("sed -n 1p")) as error:
        queue.queue({"label": "bars/A", "chdir": str(queue.work), **job})
    assert error.value.hazard == "AP-13"
    assert not queue.status().tasks


def test_what_it_says_to_write_runs(queue: GuardedQueue) -> None:
    job = {"label": "bars/A", "chdir": str(queue.work), "command": ["bash", "-c", RIGHT]}
    assert not queue.queue(job).warnings
    assert queue.finished("bars/A").latest()["bars/A"].ok
    assert (queue.work / "went-well").exists()


def test_a_single_command_is_refused_as_well(queue: GuardedQueue) -> None:
    done = queue.once("once/A", "bash", "-c", LOSING)
    assert done["failed"] and done["hazard"] == "AP-13", done


@pytest.mark.parametrize("command", [["./run.sh"], ["nice", "bash", "run.sh", "A"]])
def test_a_script_is_looked_at_and_its_record_says_what_happened(
    queue: GuardedQueue, command: t.List[str]
) -> None:
    script = queue.work / "run.sh"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    report = queue.queue({"label": "bars/A", "chdir": str(queue.work), "command": command})
    assert len(report.warnings) == 1
    assert str(script) in report.warnings[0] and "(AP-13)" in report.warnings[0]
    assert queue.finished("bars/A").latest()["bars/A"].exit_code == 141
    with queue.instance.ledger(read_only=True) as ledger:
        attempt = ledger.attempts.latest(["bars/A"])["bars/A"]
    assert attempt.class_ == "app" and "AP-13" in (attempt.message or "")


def test_no_shell_of_ours_does_it() -> None:
    """Scripts, recipes, steps of CI, and shell texts in roles and playbooks."""
    places = ("Makefile", ".ci/run", "tools/*.sh", "demo/**/*", "roles/**/*.yml", "playbooks/*.yml")
    files = [one for place in places for one in COLLECTION.glob(place) if one.is_file()]
    assert len(files) > 10
    losing = re.compile(r"\|\s*(?:head|grep\s+-\w*[qm])\b")
    assert [str(one) for one in files if losing.search(one.read_text(errors="replace"))] == []
    assert pipes.of_text((COLLECTION / ".ci" / "run").read_text(), shell="bash") is None
