# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rooms of the ledger remember: attempts, submissions, budgets, kills, deploys."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError, Refused
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.store import Ledger
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.submissions import (
    SubmittedJob,
)


@pytest.fixture
def time() -> t.List[float]:
    """The clock's next answer."""
    return [1000.0]


@pytest.fixture
def ledger(tmp_path: Path, time: t.List[float]) -> t.Iterator[Ledger]:
    with Ledger.open(tmp_path, clock=lambda: time[0]) as opened:
        yield opened


def test_an_attempt_from_start_to_end(ledger: Ledger, time: t.List[float]) -> None:
    began = ledger.attempts.start(
        "a/1", task_key="k1", pid=7, boot_id="b", release="r", cap_bytes=5, enforcement="polled"
    )
    assert (began.number, began.started, began.ended, began.class_) == (1, 1000.0, None, None)
    assert ledger.attempts.open_attempts() == [began]
    time[0] = 1010.0
    ended = ledger.attempts.finish(
        began.id,
        class_="oom_cap",
        exit_code=137,
        signal=9,
        peak_bytes=6,
        cpu_seconds=0.5,
        message="over the cap",
    )
    assert ended.seconds == 10.0
    assert (ended.class_, ended.exit_code, ended.signal, ended.peak_bytes, ended.cpu_seconds) == (
        *("oom_cap", 137, 9, 6, 0.5),
    )
    assert (ended.enforcement, ended.release, ended.pid, ended.message) == (
        *("polled", "r", 7, "over the cap"),
    )
    assert ledger.attempts.open_attempts() == []
    ledger.attempts.set_log(began.id, "/logs/1")
    assert ledger.attempts.get(began.id).log_path == "/logs/1"


def test_attempts_are_counted_by_label(ledger: Ledger) -> None:
    for label, key in (("a/1", "k1"), ("a/2", "k2"), ("a/1", "k1"), ("a/1", "k3")):
        ledger.attempts.start(label, task_key=key)
    assert [one.number for one in ledger.attempts.history("a/1")] == [1, 2, 3]
    assert [one.number for one in ledger.attempts.of_task("k1")] == [1, 2]
    assert {name: one.number for name, one in ledger.attempts.latest().items()} == {
        "a/1": 3,
        "a/2": 1,
    }
    assert set(ledger.attempts.latest(["a/2", "a/2", "none/1"])) == {"a/2"}
    assert ledger.attempts.latest([]) == {}


def test_latest_of_more_labels_than_sqlite_takes_parameters(ledger: Ledger) -> None:
    labels = [f"a/{number}" for number in range(1203)]
    with ledger.record():
        for label in labels:
            ledger.attempts.start(label, task_key=label)
    assert set(ledger.attempts.latest(labels)) == set(labels)


def test_the_first_verdict_stays_unless_it_was_unknown(ledger: Ledger) -> None:
    attempt = ledger.attempts.start("a/1", task_key="k")
    ledger.attempts.finish(attempt.id, class_="unknown", message="the runner is gone")
    ledger.attempts.finish(attempt.id, class_="app", exit_code=2)
    again = ledger.attempts.finish(attempt.id, class_="ok", exit_code=0)
    assert (again.class_, again.exit_code, again.message) == ("app", 2, None)


def test_an_unknown_attempt_is_named(ledger: Ledger) -> None:
    with pytest.raises(FleetError, match="id 9"):
        ledger.attempts.get(9)


JOBS = [
    SubmittedJob("a/1", "k1", {"command": ["x"], "memory": 5}, {"X": "1"}),
    SubmittedJob("a/2", "k2", {"command": ["y"]}),
]


def test_a_submission_that_works(ledger: Ledger) -> None:
    ledger.submissions.begin("s1", JOBS)
    (open_one,) = ledger.submissions.unfinished()
    assert (open_one.id, open_one.state, list(open_one.jobs)) == ("s1", "begun", JOBS)
    ledger.submissions.drop("s1", ["k2"])
    ledger.submissions.commit("s1")
    assert [one.state for one in ledger.submissions.unfinished()] == ["committed"]
    ledger.submissions.enqueued("s1")
    ledger.submissions.enqueued("s1")
    assert ledger.submissions.unfinished() == []
    assert ledger.submissions.spec_of("a/1") == {"command": ["x"], "memory": 5}
    assert ledger.submissions.job_of("a/1").overrides == {"X": "1"}
    assert ledger.submissions.spec_of("a/2") is None


def test_what_was_abandoned_is_no_spec(ledger: Ledger) -> None:
    ledger.submissions.begin("s1", JOBS[:1])
    ledger.submissions.commit("s1")
    ledger.submissions.enqueued("s1")
    ledger.submissions.begin("s2", [SubmittedJob("a/1", "k9", {"command": ["new"]})])
    assert ledger.submissions.spec_of("a/1") == {"command": ["new"]}
    ledger.submissions.abandon("s2")
    assert ledger.submissions.spec_of("a/1") == {"command": ["x"], "memory": 5}
    assert ledger.submissions.get("s2").state == "abandoned"


@pytest.mark.parametrize("step", ["enqueued", "missing"])
def test_a_submission_takes_no_step_out_of_order(ledger: Ledger, step: str) -> None:
    ledger.submissions.begin("s1", JOBS)
    with pytest.raises(FleetError, match="cannot become"):
        if step == "enqueued":
            ledger.submissions.enqueued("s1")
        else:
            ledger.submissions.commit("s2")


def test_budgets_count_in_a_window_and_refuse_at_the_limit(
    ledger: Ledger, time: t.List[float]
) -> None:
    assert ledger.budgets.spent("restart", "a/1", since=0) == 0
    ledger.budgets.charge("restart", "a/1", 2, reason="deploy")
    time[0] = 2000.0
    assert ledger.budgets.charge("restart", "a/1", limit=2, since=1500.0) == 1
    assert ledger.budgets.spent("restart", "a/1", since=0) == 3
    with pytest.raises(Refused) as refused:
        ledger.budgets.charge("restart", "a/1", 2, limit=2, since=1500.0)
    assert refused.value.hazard == "AP-18"
    assert ledger.budgets.spent_by_key("restart", since=1500.0) == {"a/1": 1}
    assert ledger.budgets.spent("other", "a/1", since=0) == 0


def test_a_kill_is_found_by_the_tasks_identity(ledger: Ledger) -> None:
    ledger.kills.record("a/1", "t1", by="anna", reason="killed")
    ledger.kills.record("a/1", "t1", by="ben", reason="evicted")
    found = ledger.kills.find("a/1", "t1")
    assert found is not None
    assert (found.by, found.reason, found.at) == ("ben", "evicted", 1000.0)
    assert ledger.kills.find("a/1", "t2") is None
    assert ledger.kills.latest("a/1") == found
    many = [f"b/{number}" for number in range(600)]
    assert ledger.kills.of([*many, "a/1", "a/1"]) == {("a/1", "t1"): found}
    assert ledger.kills.of([]) == {}


def test_the_journal_remembers_phases(ledger: Ledger, time: t.List[float]) -> None:
    assert ledger.journal.plan("d1") is None
    assert ledger.journal.phases("d1") == {}
    with pytest.raises(FleetError, match="d1"):
        ledger.journal.mark("d1", "pull")
    ledger.journal.begin("d1", {"sha": "x"})
    ledger.journal.begin("d1", {"sha": "x"})
    ledger.journal.mark("d1", "pull", {"changed": True})
    time[0] += 1
    ledger.journal.mark("d1", "verify")
    assert list(ledger.journal.phases("d1").items()) == [
        ("pull", {"changed": True}),
        ("verify", {}),
    ]
    lease = ledger.lease.take("ada (awx job 12)", "deploy", 60.0)
    with ledger.change(lease.token):
        ledger.journal.mark("d1", "verify")
    assert ledger.journal.phases("d1")["verify"] == {"who": "ada (awx job 12)"}
    ledger.lease.release(lease.token)
    with pytest.raises(FleetError, match="another plan"):
        ledger.journal.begin("d1", {"sha": "y"})
    ledger.journal.begin("d2", {"sha": "y"})
    assert [deploy.id for deploy in ledger.journal.history()] == ["d2", "d1"]
    assert ledger.journal.history(1)[0].plan == {"sha": "y"}


def test_a_deploy_that_came_to_its_end_begins_anew(ledger: Ledger, time: t.List[float]) -> None:
    for name in ("d1", "d2"):
        ledger.journal.begin(name, {"sha": "x"}, last="release")
        ledger.journal.mark(name, "pull")
        time[0] += 1
    ledger.journal.begin("d1", {"sha": "x"}, last="release")
    assert list(ledger.journal.phases("d1")) == ["pull"], "it was cut off, and goes on"
    ledger.journal.mark("d1", "release")
    ledger.journal.begin("d1", {"sha": "x"}, last="release")
    assert ledger.journal.phases("d1") == {} and list(ledger.journal.phases("d2")) == ["pull"]
    assert [deploy.id for deploy in ledger.journal.history()] == ["d1", "d2"]


def test_releases_are_kept_by_project(ledger: Ledger) -> None:
    assert ledger.releases.current("/p") is None
    ledger.releases.record("aaa", project="/p", deploy_id="d1")
    ledger.releases.record("bbb", project="/p", deploy_id="d2")
    again = ledger.releases.record("bbb", project="/p", deploy_id="d3")
    ledger.releases.record("ccc", project="/q")
    assert again.deploy_id == "d2"
    assert [one.sha for one in ledger.releases.history("/p")] == ["bbb", "aaa"]
    assert ledger.releases.current("/q").sha == "ccc"
