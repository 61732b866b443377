# SPDX-License-Identifier: GPL-3.0-or-later
"""Guarded restart on a real queue with the real runner."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError, Refused
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import rerun
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.restart import Wish
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.store import Ledger
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.client import Client
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.errors import ConnectionLost
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.selection import Selection
from ansible_collections.fleet.jobs.tests.support.ansible import run_module
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.files import everything
from ansible_collections.fleet.jobs.tests.support.guarded import FLOOR, GuardedQueue


@pytest.fixture
def queue(daemon: PrivateDaemon) -> GuardedQueue:
    return GuardedQueue(daemon)


def restart(queue: GuardedQueue, *labels: str, check_mode: bool = False, **wish: t.Any) -> t.Any:
    """The restart as the module does it, as its result shows it."""
    token = wish.pop("token", None)
    report = rerun.rerun(
        queue.instance,
        Wish(selection=Selection(labels=labels or ("*",)), **wish),
        floor=FLOOR,
        lease_token=token,
        check_mode=check_mode,
    )
    return rerun.data(report)


def fail_for_want_of_a_secret(
    queue: GuardedQueue, label: str, *others: t.Mapping[str, t.Any], **more: t.Any
) -> None:
    """A job whose env_file is gone when it starts fails as infra, and not again once it is back.

    ``others`` are queued with it.
    """
    secret = queue.work / "secret.env"
    secret.write_text("WORD=hello\n")
    secret.chmod(0o600)
    queue.pause()
    more = {"restart_safe": True, **more}
    job = queue.job(label, 'echo "$WORD" >> out', env_file=str(secret), **more)
    queue.queue(job, *others)
    secret.rename(queue.work / "elsewhere")
    queue.start()
    queue.finished(label, *(other["label"] for other in others))
    (queue.work / "elsewhere").rename(secret)


def test_check_run_check_run(queue: GuardedQueue) -> None:
    fail_for_want_of_a_secret(queue, "a/1")
    arguments = {
        "labels": ["a/*"],
        "pueue_config": str(queue.daemon.config_path),
        "state_dir": str(queue.state_dir),
        "disk_floor": "1M",
    }
    before = everything(queue.daemon.directory)
    foreseen = run_module("pueue_restart_guarded", arguments, check=True, diff=True)
    assert not foreseen["failed"], foreseen
    assert foreseen["changed"] and foreseen["restarted"] == ["a/1"]
    assert foreseen["diff"] == {"before": {"a/1": "failed (infra)"}, "after": {"a/1": "queued"}}
    assert everything(queue.daemon.directory) == before
    real = run_module("pueue_restart_guarded", arguments, diff=True)
    assert real["changed"] and real["restarted"] == ["a/1"]
    assert (real["actions"], real["diff"]) == (foreseen["actions"], foreseen["diff"])
    assert queue.finished("a/1").latest()["a/1"].ok
    assert (queue.work / "out").read_text() == "hello\n"
    before = everything(queue.state_dir)
    for check in (True, False):
        again = run_module("pueue_restart_guarded", arguments, check=check)
        assert not again["changed"] and again["counts"] == dict.fromkeys(again["counts"], 0)
    assert everything(queue.state_dir) == before


def test_a_chain_goes_in_one_message_and_in_order(queue: GuardedQueue) -> None:
    child = queue.job("c/1", "cat out > copy", after=["p/1"])
    grandchild = queue.job("g/1", "cat copy > end", after=["c/1"])
    fail_for_want_of_a_secret(queue, "p/1", child, grandchild)
    created = {label: task.created_at for label, task in queue.status().latest().items()}
    assert restart(queue, "p/*")["restarted"] == ["p/1", "c/1", "g/1"]
    after = queue.finished("p/1", "c/1", "g/1")
    assert all(task.ok for task in after.tasks.values())
    assert (queue.work / "end").read_text() == "hello\n"
    assert {label: task.created_at for label, task in after.latest().items()} == created
    assert len(after.tasks) == 3


def test_the_same_failure_on_the_same_release_is_refused(queue: GuardedQueue) -> None:
    head = queue.work / ".git" / "HEAD"
    head.parent.mkdir()
    head.write_text("a" * 40)
    queue.queue(queue.job("a/1", "exit 3", restart_safe=True))
    queue.finished("a/1")
    assert restart(queue)["counts"]["skipped"] == 1
    assert restart(queue, classes=("app",))["restarted"] == ["a/1"]
    queue.finished("a/1")
    (refused,) = restart(queue, classes=("app",))["refused"]
    assert refused["hazard"] == "AP-18" and "exit code 3" in refused["why"]
    head.write_text("b" * 40)
    assert restart(queue, classes=("app",))["restarted"] == ["a/1"]
    queue.finished("a/1")


def test_a_budget_and_a_label_have_an_end(queue: GuardedQueue) -> None:
    for number in range(3):
        fail_for_want_of_a_secret(queue, f"a/{number}")
    first = restart(queue, budget=2)
    assert first["counts"] == {"restarted": 2, "skipped": 0, "refused": 0, "left": 1}
    assert first["left"][0]["label"] == "a/2"
    queue.finished("a/0", "a/1")
    (refused,) = restart(queue, "a/2", per_label_budget=0)["refused"]
    assert refused["hazard"] == "AP-18"
    with Ledger.open(queue.state_dir, read_only=True) as ledger:
        assert ledger.budgets.spent_by_key("restart", since=0.0) == {"a/0": 1, "a/1": 1}


def test_jobs_that_are_not_restart_safe_need_a_word(queue: GuardedQueue) -> None:
    fail_for_want_of_a_secret(queue, "a/1", restart_safe=False)
    (refused,) = restart(queue)["refused"]
    assert refused["hazard"] == "AP-1"
    assert restart(queue, allow_unsafe=True)["restarted"] == ["a/1"]
    queue.finished("a/1")


def test_strangers_are_left_alone_unless_meant(queue: GuardedQueue) -> None:
    queue.add_stranger("s/1", "false")
    queue.finished("s/1")
    assert restart(queue, classes=("app",))["counts"]["skipped"] == 1
    assert restart(queue, classes=("app",), strangers=True)["restarted"] == ["s/1"]
    assert len(queue.finished("s/1").tasks) == 1


def test_another_owner_of_the_lease_is_not_disturbed(queue: GuardedQueue) -> None:
    fail_for_want_of_a_secret(queue, "a/1")
    with queue.instance.ledger() as ledger:
        lease = ledger.lease.take("ben", "deploy", 600.0)
    before = everything(queue.state_dir)
    for check_mode in (True, False):
        with pytest.raises(Refused, match="ben") as caught:
            restart(queue, check_mode=check_mode)
        assert caught.value.hazard == "INV-2"
    assert set(everything(queue.state_dir)) == set(before)
    assert queue.status().latest()["a/1"].failed
    assert restart(queue, token=lease.token)["restarted"] == ["a/1"]
    queue.finished("a/1")


def test_below_the_floor_nothing_is_restarted(queue: GuardedQueue) -> None:
    fail_for_want_of_a_secret(queue, "a/1")
    with pytest.raises(Refused) as caught:
        rerun.rerun(queue.instance, Wish(selection=Selection(labels=("*",))), floor=1 << 60)
    assert caught.value.hazard == "AP-10"
    assert queue.status().latest()["a/1"].failed


def test_a_restart_survives_a_crash_of_the_daemon(queue: GuardedQueue) -> None:
    """pueued does not save a Restart by itself; ours does."""
    fail_for_want_of_a_secret(queue, "a/1")
    queue.pause()
    assert restart(queue)["restarted"] == ["a/1"]
    queue.daemon.kill9()
    queue.daemon.pid_path.unlink(missing_ok=True)
    queue.daemon.start()
    assert queue.status().latest()["a/1"].status == "Queued"


def test_a_lost_answer_is_no_lost_restart(
    queue: GuardedQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request was applied, the answer never came: the queue itself is asked."""
    fail_for_want_of_a_secret(queue, "a/1")
    send = Client.restart

    def restart_and_hang_up(client: Client, *arguments: t.Any, **more: t.Any) -> None:
        send(client, *arguments, **more)
        client.close()
        raise ConnectionLost("pueued gave no answer.")

    monkeypatch.setattr(Client, "restart", restart_and_hang_up)
    assert restart(queue)["restarted"] == ["a/1"]
    assert queue.finished("a/1").latest()["a/1"].ok


def test_a_lost_request_is_no_restart_and_not_repeated(
    queue: GuardedQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_for_want_of_a_secret(queue, "a/1")
    calls: t.List[None] = []

    def hang_up(client: Client, *_arguments: t.Any, **_more: t.Any) -> None:
        calls.append(None)
        client.close()
        raise ConnectionLost("pueued gave no answer.")

    monkeypatch.setattr(Client, "restart", hang_up)
    with pytest.raises(FleetError, match="did not become active") as caught:
        restart(queue)
    assert caught.value.details == {"changed": False, "restarted": [], "missing": ["a/1"]}
    assert len(calls) == 1
    with Ledger.open(queue.state_dir, read_only=True) as ledger:
        assert ledger.budgets.spent_by_key("restart", since=0.0) == {"a/1": 1}


def test_what_a_stranger_restarts_meanwhile_is_left_to_them(
    queue: GuardedQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plain command line does not know our lock."""
    for label in ("a/1", "a/2"):
        fail_for_want_of_a_secret(queue, label)
    queue.pause()
    keep = rerun._keep_logs

    def meanwhile(*arguments: t.Any) -> t.Any:
        queue.daemon.cli("restart", "--in-place", str(queue.tasks("a/1")[0].id))
        return keep(*arguments)

    monkeypatch.setattr(rerun, "_keep_logs", meanwhile)
    result = restart(queue)
    assert result["restarted"] == ["a/2"]
    assert result["skipped_jobs"][0]["label"] == "a/1"
    assert result["waiting_groups"] == ["default"]
