# SPDX-License-Identifier: GPL-3.0-or-later
"""Which failed jobs may run again: each rule of the plan as a row."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._jobs.classes import CLASSES as ALL
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.restart import (
    CLASSES,
    DEFAULT_CLASSES,
    Evidence,
    Remark,
    RestartPlan,
    Wish,
    concerned,
    plan,
)
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.selection import Selection
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.snapshot import Snapshot, Task
from ansible_collections.fleet.jobs.tests.support.queues import attempt, snapshot, task

OLD, NEW = "a" * 40, "b" * 40


def known(class_: str = "infra", **more: t.Any) -> Evidence:
    return Evidence(**{"class_": class_, "restart_safe": True, **more})


def planned(
    *tasks: Task, evidence: t.Optional[t.Mapping[str, Evidence]] = None, **wish: t.Any
) -> RestartPlan:
    """The plan for these tasks; what is not told about a label is that it may be restarted."""
    queue = snapshot(*tasks)
    selection = Selection(labels=wish.pop("labels", ()), groups=wish.pop("groups", ()))
    told = {
        one.label or "": known("dependency" if one.result == "DependencyFailed" else "infra")
        for one in tasks
    }
    return plan(Wish(selection=selection, **wish), queue, {**told, **(evidence or {})})


def labels(tasks: t.Sequence[Task]) -> t.List[t.Optional[str]]:
    return [one.label for one in tasks]


def only(remarks: t.Sequence[Remark]) -> Remark:
    assert len(remarks) == 1, remarks
    return remarks[0]


def test_every_class_is_decided_and_only_harmless_ones_are_defaults() -> None:
    assert set(CLASSES) == set(ALL) - {"ok"}
    assert set(DEFAULT_CLASSES) == {"oom_host", "infra", "evicted", "yielded", "dependency"}


def test_only_failed_latest_tasks_are_restarted() -> None:
    made = planned(
        task(0, "a/ok", "Success"),
        task(1, "a/again", "Failed"),
        task(2, "a/again", "Success"),
        task(3, "a/old", "Failed"),
        task(4, "a/old", "Failed"),
        task(5, "a/new", "Killed"),
    )
    assert [one.id for one in made.restart] == [4, 5]
    assert not (made.skipped or made.refused or made.left)


def test_labels_and_groups_restrict() -> None:
    tasks = [task(0, "a/1", "Failed"), task(1, "b/1", "Failed", group="g")]
    assert labels(planned(*tasks, labels=("b/*",)).restart) == ["b/1"]
    assert labels(planned(*tasks, groups=("default",)).restart) == ["a/1"]
    assert labels(planned(*tasks, labels=("a/*",), groups=("g",)).restart) == []


def test_a_task_without_a_label_is_nobodys() -> None:
    made = planned(task(0, None, "Failed"), strangers=True)
    assert made == RestartPlan()


@pytest.mark.parametrize("class_", sorted(CLASSES))
def test_a_class_is_restarted_only_if_it_is_listed(class_: str) -> None:
    evidence = {"a/1": known(class_)}
    made = planned(task(0, "a/1", "Failed"), evidence=evidence)
    assert bool(made.restart) is (class_ in DEFAULT_CLASSES)
    if not made.restart:
        assert class_ in only(made.skipped).why
    named = planned(task(0, "a/1", "Failed"), evidence=evidence, classes=(class_,))
    assert labels(named.restart) == ["a/1"]


def test_a_stranger_is_restarted_only_on_request() -> None:
    stranger = task(0, "a/1", "Failed", ours=False)
    evidence = {"a/1": known(restart_safe=None)}
    assert "strangers: true" in only(planned(stranger, evidence=evidence).skipped).why
    assert planned(stranger, evidence=evidence, strangers=True).restart == (stranger,)


def test_a_label_that_is_active_elsewhere_is_skipped() -> None:
    made = planned(task(0, "a/1", "Queued"), task(1, "a/1", "Failed"))
    assert not made.restart
    assert only(made.skipped).hazard == "INV-2"


@pytest.mark.parametrize("declared", [False, None])
def test_a_job_that_is_not_restart_safe_is_refused(declared: t.Optional[bool]) -> None:
    evidence = {"a/1": known(restart_safe=declared)}
    refused = only(planned(task(0, "a/1", "Failed"), evidence=evidence).refused)
    assert refused.hazard == "AP-1"
    assert "allow_unsafe" in refused.why
    allowed = planned(task(0, "a/1", "Failed"), evidence=evidence, allow_unsafe=True)
    assert labels(allowed.restart) == ["a/1"]


def test_a_process_that_still_lives_is_not_doubled() -> None:
    evidence = {"a/1": known("infra", alive_pid=4711)}
    refused = only(planned(task(0, "a/1", "Killed"), evidence=evidence).refused)
    assert refused.hazard == "INV-2"
    assert "4711" in refused.why


def test_one_task_that_pueue_cannot_start_does_not_hold_up_the_others() -> None:
    made = planned(task(0, "a/1", "Failed", path="work"), task(1, "a/2", "Failed"))
    assert labels(made.restart) == ["a/2"]
    assert only(made.refused).hazard == "AP-11"


ONCE = (attempt("a/1", 1, release=OLD),)
TWICE = (attempt("a/1", 2, release=OLD), attempt("a/1", 1, release=OLD))
OTHER_CODE = (attempt("a/1", 2, release=OLD), attempt("a/1", 1, code=2, release=OLD))
OTHER_RELEASE = (attempt("a/1", 2, release=OLD), attempt("a/1", 1, release=NEW))
OTHER_CLASS = (attempt("a/1", 2, release=OLD), attempt("a/1", 1, "infra", release=OLD))
NOWHERE = (attempt("a/1", 2), attempt("a/1", 1))
PERMANENT = (attempt("a/1", 1, "permanent", release=OLD),)


@pytest.mark.parametrize(
    ("runs", "now", "restarted"),
    [
        pytest.param((), OLD, True, id="no record of its own"),
        pytest.param(ONCE, OLD, True, id="first failure"),
        pytest.param(TWICE, OLD, False, id="the same failure on the same release"),
        pytest.param(TWICE, NEW, True, id="the release changed since"),
        pytest.param(TWICE, None, False, id="no release to be seen now"),
        pytest.param(OTHER_CODE, OLD, True, id="another exit code before"),
        pytest.param(OTHER_RELEASE, OLD, True, id="another release before"),
        pytest.param(OTHER_CLASS, OLD, True, id="another class before"),
        pytest.param(NOWHERE, None, False, id="never a release"),
        pytest.param(NOWHERE, NEW, True, id="a release for the first time"),
        pytest.param(PERMANENT, OLD, False, id="permanent at once"),
        pytest.param(PERMANENT, NEW, True, id="permanent, release changed"),
    ],
)
def test_a_persistent_failure_needs_another_release(
    runs: t.Any, now: t.Optional[str], restarted: bool
) -> None:
    class_ = runs[0].class_ if runs else "app"
    evidence = {"a/1": known(class_, attempts=runs, release_now=now)}
    made = planned(task(0, "a/1", "Failed"), evidence=evidence, classes=("app", "permanent"))
    assert bool(made.restart) is restarted
    if not restarted:
        assert only(made.refused).hazard == "AP-18"


def test_the_budget_of_a_label_is_refused_the_one_of_the_call_is_left_over() -> None:
    tasks = [task(number, f"a/{number}", "Failed") for number in range(4)]
    made = planned(*tasks, evidence={"a/0": known(spent=3)}, budget=2)
    assert only(made.refused).label == "a/0"
    assert only(made.refused).hazard == "AP-18"
    assert labels(made.restart) == ["a/1", "a/2"]
    assert only(made.left).label == "a/3"
    assert planned(*tasks, budget=0).restart == ()


CHAIN = (
    task(0, "p/0", "Failed"),
    task(1, "c/1", "DependencyFailed", after=[0]),
    task(2, "g/2", "DependencyFailed", after=[1]),
)


def test_dependants_go_with_their_parent_wherever_they_are() -> None:
    made = planned(*CHAIN, labels=("p/*",))
    assert labels(made.restart) == ["p/0", "c/1", "g/2"]


def test_a_dependant_alone_would_fail_again() -> None:
    made = planned(*CHAIN, labels=("g/*", "c/*"))
    assert not made.restart
    assert {remark.label for remark in made.skipped} == {"c/1", "g/2"}


def test_a_dependant_whose_parent_is_well_again_goes_alone() -> None:
    parents = [task(0, "p/0", "Success"), task(1, "p/1", "Running")]
    child = task(2, "c/2", "DependencyFailed", after=[0, 1, 99])
    assert planned(*parents, child).restart == (child,)


def test_dependants_count_for_the_budget_and_are_not_torn_off() -> None:
    made = planned(*CHAIN, task(3, "x/3", "Failed"), budget=2)
    assert labels(made.restart) == ["x/3"]
    assert "2 dependants" in made.left[0].why


def test_a_dependant_of_two_failed_parents_waits_for_both() -> None:
    both = (
        task(0, "p/0", "Failed"),
        task(1, "p/1", "Failed"),
        task(2, "c/2", "DependencyFailed", after=[0, 1]),
    )
    assert labels(planned(*both).restart) == ["p/0", "p/1", "c/2"]
    half = planned(*both, evidence={"p/1": known("app")})
    assert labels(half.restart) == ["p/0"]
    assert {remark.label for remark in half.skipped} == {"p/1", "c/2"}


def test_a_dependant_that_ran_before_is_held_to_the_same_rules() -> None:
    ran = known("dependency", restart_safe=False, attempts=(attempt("c/1"),))
    never = known("dependency", restart_safe=False)
    assert labels(planned(*CHAIN[:2], evidence={"c/1": ran}).restart) == ["p/0"]
    assert labels(planned(*CHAIN[:2], evidence={"c/1": never}).restart) == ["p/0", "c/1"]


def test_an_active_copy_of_a_dependant_keeps_it_back() -> None:
    made = planned(*CHAIN[:2], task(5, "c/1", "Queued"))
    assert labels(made.restart) == ["p/0"]


def test_concerned_names_candidates_and_their_dependants_once() -> None:
    queue: Snapshot = snapshot(*CHAIN, task(7, "x/7", "Failed"))
    found = concerned(queue, Selection(labels=("p/*", "c/*")))
    assert labels(found) == ["p/0", "c/1", "g/2"]


def test_a_thousand_parents_are_planned_in_one_pass() -> None:
    tasks: t.List[Task] = []
    for number in range(0, 4000, 2):
        tasks.append(task(number, f"p/{number}", "Failed"))
        tasks.append(task(number + 1, f"c/{number}", "DependencyFailed", after=[number]))
    made = planned(*tasks, budget=10_000)
    assert len(made.restart) == 4000
