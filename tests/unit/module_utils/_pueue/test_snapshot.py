# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks and groups out of pueue's wire and file forms."""

from __future__ import annotations

import copy
import dataclasses
import gzip
import json
import pickle
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.errors import (
    MalformedReply,
    UnsupportedDaemon,
)
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.snapshot import (
    Group,
    Snapshot,
    Task,
)

T0 = "2026-07-18T12:55:00Z"
T1 = "2026-07-18T12:55:01Z"
T2 = "2026-07-18T12:55:02.5Z"
E0 = 1784379300.0
QUEUED = {"Queued": {"enqueued_at": T0}}


def wire_task(number: int = 0, status: t.Any = None, **fields: t.Any) -> t.Dict[str, t.Any]:
    return {
        "id": number,
        "created_at": T0,
        "original_command": "job",
        "command": "alias of job",
        "path": "/data",
        "envs": {"PATH": "/bin", "TOKEN": "secret", "FLEET_JOBS_TASK": "k"},
        "group": "default",
        "dependencies": [],
        "priority": 0,
        "label": "bars/a",
        "status": status or QUEUED,
        **fields,
    }


def snapshot_of(*tasks: t.Dict[str, t.Any]) -> Snapshot:
    groups = {"default": {"status": "Running", "parallel_tasks": 1}}
    return Snapshot.from_wire({"tasks": {task["id"]: task for task in tasks}, "groups": groups})


def done(result: t.Any) -> t.Dict[str, t.Any]:
    return {"Done": {"enqueued_at": T0, "start": T1, "end": T2, "result": result}}


@pytest.mark.parametrize(
    ("wire", "status", "enqueued", "started", "ended", "enqueue_at"),
    [
        (QUEUED, "Queued", E0, None, None, None),
        ({"Stashed": {"enqueue_at": None}}, "Stashed", None, None, None, None),
        ({"Stashed": {"enqueue_at": T1}}, "Stashed", None, None, None, E0 + 1),
        ({"Running": {"enqueued_at": T0, "start": T1}}, "Running", E0, E0 + 1, None, None),
        ({"Paused": {"enqueued_at": T0, "start": T1}}, "Paused", E0, E0 + 1, None, None),
        ({"Locked": {"previous_status": QUEUED}}, "Locked", None, None, None, None),
        (done("Success"), "Done", E0, E0 + 1, E0 + 2.5, None),
    ],
)
def test_each_status(
    wire: t.Any, status: str, enqueued: t.Any, started: t.Any, ended: t.Any, enqueue_at: t.Any
) -> None:
    task = snapshot_of(wire_task(status=wire)).tasks[0]
    assert (task.status, task.created) == (status, E0)
    assert (task.enqueued, task.started, task.ended) == (enqueued, started, ended)
    assert task.enqueue_at == enqueue_at
    assert task.active is (status != "Done") and task.done is (status == "Done")


@pytest.mark.parametrize(
    ("wire", "result", "exit_code", "ok"),
    [
        ("Success", "Success", 0, True),
        ({"Failed": 2}, "Failed", 2, False),
        ({"FailedToSpawn": "no such directory"}, "FailedToSpawn", None, False),
        ("Killed", "Killed", None, False),
        ("Errored", "Errored", None, False),
        ("DependencyFailed", "DependencyFailed", None, False),
    ],
)
def test_each_result(wire: t.Any, result: str, exit_code: t.Any, ok: bool) -> None:
    task = snapshot_of(wire_task(status=done(wire))).tasks[0]
    assert (task.result, task.exit_code) == (result, exit_code)
    assert task.ok is ok and task.failed is not ok
    assert task.spawn_error == ("no such directory" if result == "FailedToSpawn" else None)


def test_an_unfinished_task_is_neither_ok_nor_failed() -> None:
    task = snapshot_of(wire_task()).tasks[0]
    assert not task.ok and not task.failed and task.result is None


def test_only_our_marker_survives_of_an_environment() -> None:
    snapshot = snapshot_of(wire_task())
    assert snapshot.tasks[0].marker == {"FLEET_JOBS_TASK": "k"}
    assert "secret" not in repr(snapshot)


def test_the_command_is_the_one_typed_and_the_identity_outlives_the_id() -> None:
    task = snapshot_of(wire_task(3)).tasks[3]
    assert task.command == "job"
    assert task.identity == ("bars/a", T0)


def test_a_decoded_task_has_every_field_and_no_other() -> None:
    task = snapshot_of(wire_task(3, done({"Failed": 2}), dependencies=[1])).tasks[3]
    again = dataclasses.replace(task)
    assert pickle.loads(pickle.dumps(task)) == copy.copy(task) == again == task
    assert set(Task.__dataclass_fields__) == set(vars(again))
    assert (again.created, again.started, again.ended) == (E0, E0 + 1, E0 + 2.5)
    with pytest.raises(AttributeError):
        task.start  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError):
        task.id = 4  # type: ignore[misc]


def test_labels_latest_and_duplicates() -> None:
    snapshot = snapshot_of(
        wire_task(5),
        wire_task(2, done("Success")),
        wire_task(3),
        wire_task(4, label="bars/b"),
        wire_task(6, label=None),
        wire_task(7, label=None),
    )
    assert {k: [x.id for x in v] for k, v in snapshot.by_label().items()} == {
        "bars/a": [2, 3, 5],
        "bars/b": [4],
    }
    assert {label: task.id for label, task in snapshot.latest().items()} == {
        "bars/a": 5,
        "bars/b": 4,
    }
    assert {k: [x.id for x in v] for k, v in snapshot.duplicates().items()} == {"bars/a": [3, 5]}


@pytest.mark.parametrize(
    "change",
    [
        {"status": "Queued"},
        {"status": {"Flying": {}}},
        {"status": {"Queued": {}, "Done": {}}},
        {"status": done("Sideways")},
        {"status": done({"Failed": "2"})},
        {"created_at": "yesterday"},
        {"created_at": "2026-02-30T00:00:00Z"},
        {"status": {"Queued": {"enqueued_at": "2026-02-29T00:00:00Z"}}},
        {"status": {"Stashed": {"enqueue_at": 5}}},
        {"id": 9},
        {"dependencies": ["1"]},
        {"label": 5},
        {"priority": True},
        {"envs": None},
    ],
)
def test_an_unknown_form_is_refused(change: t.Dict[str, t.Any]) -> None:
    task = {**wire_task(), **change}
    with pytest.raises(MalformedReply):
        Snapshot.from_wire({"tasks": {0: task}, "groups": {}})


def state(*tasks: t.Dict[str, t.Any]) -> t.Dict[str, t.Any]:
    return {
        "tasks": {str(task["id"]): task for task in tasks},
        "groups": {"g": {"status": "Paused", "parallel_tasks": 0}},
    }


def test_a_state_file_is_read_plain_and_compressed(tmp_path: Path) -> None:
    raw = json.dumps(state(wire_task(10), wire_task(9))).encode()
    (tmp_path / "state.json").write_bytes(raw)
    (tmp_path / "state.json.gz").write_bytes(gzip.compress(raw))
    for name in ("state.json", "state.json.gz"):
        snapshot = Snapshot.from_state_file(tmp_path / name)
        assert list(snapshot.tasks) == [9, 10]
        assert snapshot.groups == {"g": Group(name="g", status="Paused", parallel=0)}
        assert "secret" not in repr(snapshot)


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b'{"tasks": {'])
@pytest.mark.parametrize("name", ["state.json", "state.json.gz"])
def test_a_broken_state_file_says_what_pueued_would_do_to_it(
    tmp_path: Path, raw: bytes, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(raw)[:-4] if name.endswith("gz") else raw)
    with pytest.raises(FleetError, match="save a copy"):
        Snapshot.from_state_file(path)


@pytest.mark.parametrize("raw", ["[]", "null", '{"tasks": 5, "groups": {}}', "{}"])
def test_a_state_file_of_another_form_is_refused(tmp_path: Path, raw: str) -> None:
    (tmp_path / "state.json").write_text(raw)
    with pytest.raises(UnsupportedDaemon):
        Snapshot.from_state_file(tmp_path / "state.json")


def test_a_missing_state_file_names_the_likely_reason(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="compress_state_file"):
        Snapshot.from_state_file(tmp_path / "state.json")


def test_a_state_file_of_pueue_3_is_not_taken_for_an_empty_queue(tmp_path: Path) -> None:
    old = {**wire_task(status="Queued"), "prev_status": "Queued"}
    (tmp_path / "state.json").write_text(json.dumps(state(old)))
    with pytest.raises(UnsupportedDaemon, match="pueue 3"):
        Snapshot.from_state_file(tmp_path / "state.json")
