# SPDX-License-Identifier: GPL-3.0-or-later
"""The codec under random structures and random damage; seeds are fixed, so a failure repeats."""

from __future__ import annotations

import random
import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._pueue.cbor import (
    CborError,
    Keep,
    decode,
    encode,
)
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.errors import MalformedReply
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.snapshot import Snapshot

CASES = 2000
_EDGES = [0, 1, 23, 24, 255, 256, 65535, 65536, (1 << 32) - 1, 1 << 32, (1 << 64) - 1]
_LETTERS = 'abc:/ \n"水\U00010151\0'
_KEEP = Keep(name="envs", prefix="FLEET_JOBS_")


def _text(source: random.Random) -> str:
    return "".join(source.choices(_LETTERS, k=source.choice([0, 1, 5, 23, 24, 40, 300])))


def _value(source: random.Random, depth: int = 0) -> t.Any:
    kind = source.randrange(7 if depth < 5 else 5)
    if kind == 0:
        return source.choice([None, True, False])
    if kind in (1, 2):
        number = source.choice(_EDGES)
        return number if kind == 1 else -1 - number
    if kind in (3, 4):
        return _text(source)
    length = source.choice([0, 1, 2, 5, 24, 30]) if depth < 2 else source.randrange(3)
    if kind == 5:
        return [_value(source, depth + 1) for _unused in range(length)]
    return {
        source.choice([_text(source), index]): _value(source, depth + 1) for index in range(length)
    }


def _task(source: random.Random, number: int) -> t.Dict[str, t.Any]:
    moment = "2026-07-18T14:55:02.656354132+02:00"
    status = source.choice(
        [
            {"Queued": {"enqueued_at": moment}},
            {"Stashed": {"enqueue_at": None}},
            {"Running": {"enqueued_at": moment, "start": moment}},
            {"Locked": {"previous_status": {"Queued": {"enqueued_at": moment}}}},
            {"Done": {"enqueued_at": moment, "start": moment, "end": moment, "result": "Killed"}},
        ]
    )
    return {
        "id": number,
        "created_at": moment,
        "original_command": _text(source),
        "command": _text(source),
        "path": "/data",
        "envs": {"PATH": "/bin", "FLEET_JOBS_TASK": _text(source), _text(source): "x"},
        "group": "default",
        "dependencies": list(range(source.randrange(3))),
        "priority": source.randrange(-5, 5),
        "label": source.choice([None, _text(source)]),
        "status": status,
    }


def _status(source: random.Random) -> t.Dict[str, t.Any]:
    tasks = {number: _task(source, number) for number in range(source.randrange(1, 5))}
    groups = {"default": {"status": "Running", "parallel_tasks": 1}}
    return {"Status": {"tasks": tasks, "groups": groups}}


def _damaged(source: random.Random, data: bytes) -> bytes:
    """Flip, cut, insert, repeat: what a broken peer or a wrong offset would look like."""
    broken = bytearray(data)
    for _unused in range(source.randrange(1, 4)):
        place = source.randrange(len(broken) + 1)
        kind = source.randrange(4)
        if kind == 0 and place < len(broken):
            broken[place] ^= 1 << source.randrange(8)
        elif kind == 1:
            del broken[place:]
        elif kind == 2:
            broken[place:place] = bytes(source.choices(range(256), k=source.randrange(1, 9)))
        elif place < len(broken):
            broken[place:place] = broken[place : place + source.randrange(1, 30)]
    return bytes(broken)


def _same(first: t.Any, second: t.Any) -> bool:
    """Equality that tells True from 1."""
    return repr(first) == repr(second)


def test_every_structure_comes_back() -> None:
    source = random.Random(8949)
    for _unused in range(CASES):
        value = _value(source)
        assert _same(decode(encode(value)), value)


def test_a_foreign_codec_agrees() -> None:
    cbor2 = pytest.importorskip("cbor2")
    source = random.Random(1)
    for _unused in range(300):
        value = _value(source)
        assert _same(cbor2.loads(encode(value)), value)
        assert _same(decode(cbor2.dumps(value)), value)


def test_noise_is_refused_and_nothing_else_happens() -> None:
    source = random.Random(2)
    refused = 0
    for _unused in range(CASES):
        data = bytes(source.choices(range(256), k=source.randrange(60)))
        try:
            decode(data, keep=_KEEP)
        except CborError:
            refused += 1
    assert refused > CASES // 2


def test_a_cut_reply_is_refused_at_every_byte() -> None:
    data = encode(_status(random.Random(3)))
    for end in range(len(data)):
        with pytest.raises(CborError):
            decode(data[:end], keep=_KEEP)


def test_damaged_replies_are_understood_or_refused() -> None:
    source = random.Random(4)
    outcomes = {"understood": 0, "not cbor": 0, "no queue": 0}
    for _unused in range(CASES):
        data = _damaged(source, encode(_status(source)))
        try:
            reply = decode(data, keep=_KEEP)
            Snapshot.from_wire(reply["Status"] if isinstance(reply, dict) else reply)
            outcomes["understood"] += 1
        except CborError:
            outcomes["not cbor"] += 1
        except (MalformedReply, KeyError):
            outcomes["no queue"] += 1
    assert all(outcomes.values()), outcomes


def test_structurally_wrong_replies_are_refused_by_name() -> None:
    """Valid CBOR with one field of the wrong type, or gone, anywhere in the reply."""
    source = random.Random(5)
    strange = [None, True, -1, "", "x", [], {}, [1], {"a": 1}, {1: 2}]
    understood = 0
    for _unused in range(CASES):
        wire = _status(source)["Status"]
        _replace_somewhere(source, wire, source.choice(strange))
        try:
            snapshot = Snapshot.from_wire(wire)
        except MalformedReply:
            continue
        understood += 1
        for number, task in snapshot.tasks.items():
            assert _is_int(number)
            assert isinstance(task.command, str) and isinstance(task.group, str)
            assert task.label is None or isinstance(task.label, str)
            assert all(map(_is_int, task.dependencies))
            assert set(task.marker) <= {"FLEET_JOBS_TASK"}
    assert 0 < understood < CASES


def _is_int(value: t.Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _replace_somewhere(source: random.Random, wire: t.Any, value: t.Any) -> None:
    places = []
    pending = [wire]
    while pending:
        node = pending.pop()
        for key in node if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], (dict, list)):
                pending.append(node[key])
    node, key = source.choice(places)
    if isinstance(node, dict) and source.random() < 0.3:
        del node[key]
    else:
        node[key] = value
