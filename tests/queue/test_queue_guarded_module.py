# SPDX-License-Identifier: GPL-3.0-or-later
"""The module through real ansible-core: check, run, check, run; under each target Python."""

from __future__ import annotations

import json
import sys

import pytest

from ansible_collections.fleet.jobs.tests.support import interpreters
from ansible_collections.fleet.jobs.tests.support.ansible import run_module
from ansible_collections.fleet.jobs.tests.support.guarded import GuardedQueue

PYTHONS = {"this one": sys.executable, **interpreters.chosen()}


@pytest.fixture
def queue(daemon):
    return GuardedQueue(daemon)


@pytest.fixture
def call(queue):
    """Run the module on the private queue."""

    def run(*jobs, check=False, diff=True, python=None, **options):
        arguments = {
            "jobs": list(jobs),
            "cap": "none",
            "pueue_config": str(queue.daemon.config_path),
            "state_dir": str(queue.state_dir),
            "disk_floor": "1M",
            **options,
        }
        return run_module("pueue_queue_guarded", arguments, check=check, diff=diff, python=python)

    return run


def everything(folder):
    """Each path with kind, content and time of change."""
    return {
        str(path.relative_to(folder)): (
            path.read_bytes() if path.is_file() else None,
            path.lstat().st_mtime_ns,
        )
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("python", PYTHONS.values(), ids=PYTHONS)
def test_check_run_check_run(queue, call, python):
    jobs = [queue.job("a/1", "echo 1 >> log"), queue.job("a/2", "echo 2 >> log", after=["a/1"])]
    before = everything(queue.daemon.directory)
    foreseen = call(*jobs, check=True, python=python)
    assert foreseen["changed"] and not foreseen["failed"]
    assert [one["label"] for one in foreseen["queued"]] == ["a/1", "a/2"]
    assert foreseen["diff"]["after"]["labels"] == ["a/1", "a/2"]
    assert everything(queue.daemon.directory) == before
    queue.pause()
    real = call(*jobs, python=python)
    assert real["changed"] and real["queued"][0]["id"] == 0
    assert real["actions"] == foreseen["actions"]
    assert real["diff"] == foreseen["diff"]
    queue.start()
    queue.finished("a/2")
    assert (queue.work / "log").read_text() == "1\n2\n"
    before = everything(queue.state_dir)
    for check in (True, False):
        again = call(*jobs, check=check, python=python)
        assert not again["changed"] and not again["actions"] and not again["queued"]
        assert [one["why"] for one in again["skipped_jobs"]] == ["done", "done"]
        if check:
            assert everything(queue.state_dir) == before


def test_a_refusal_is_one_sentence_with_its_hazard(queue, call):
    result = call(queue.job("a/1"), queue.job("a/2", chdir="/not/there"), diff=False)
    assert result["failed"] and not result["changed"]
    assert result["hazard"] == "AP-11"
    assert "Traceback" not in result["msg"] and "/not/there" in result["msg"]
    assert [one["label"] for one in result["refused"]] == ["a/2"]
    assert result["counts"] == {"requested": 2, "queued": 0, "skipped": 0, "refused": 1}
    assert not queue.status().tasks


def test_a_thousand_refusals_fit_into_8_kb(queue, call):
    result = call(*(queue.job(f"a/{n}", chdir="/not/there") for n in range(1000)))
    assert result["failed"] and len(json.dumps(result["refused"])) < 2000
    assert len(result["refused"]) + result["more"]["refused"] == 1000


def test_a_thousand_jobs_fit_into_8_kb(queue, call):
    queue.pause()
    result = call(*(queue.job(f"a/{n}") for n in range(1000)))
    assert result["counts"]["queued"] == 1000
    answered = {key: value for key, value in result.items() if key != "invocation"}
    assert len(json.dumps(answered)) < 8192


def test_a_dead_daemon_is_one_sentence(queue, call):
    queue.daemon.stop()
    for check in (True, False):
        result = call(queue.job("a/1"), check=check)
        assert result["failed"] and result["hazard"] == "G-4"
        assert "pueued" in result["msg"] and "Traceback" not in result["msg"]


def test_a_wrong_argument_names_the_job_option(queue, call):
    result = call({**queue.job("a/1"), "memroy": "5G"})
    assert result["failed"] and "memroy" in result["msg"]
