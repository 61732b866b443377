# SPDX-License-Identifier: GPL-3.0-or-later
"""Our dataclasses do what the original ones do, where this collection relies on it."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import re
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils import _dataclass as ours

ORIGINAL = re.compile(r"^\s*(?:from|import) dataclasses\b", re.MULTILINE)


@ours.dataclass(frozen=True)
class Point:
    x: int
    y: int = 2
    names: t.Tuple[str, ...] = ours.field(default=(), repr=False)
    notes: t.List[t.Any] = ours.field(default_factory=list)

    def __post_init__(self) -> None:
        if self.x < 0:
            raise ValueError(self.x)


@ours.dataclass
class Box:
    point: Point
    more: t.Dict[str, Point] = ours.field(default_factory=dict)


def test_values_come_by_place_by_name_and_by_default() -> None:
    point = Point(1, names=("a",))
    assert (point.x, point.y, point.names, point.notes) == (1, 2, ("a",), [])
    assert vars(point).keys() == {"x", "y", "names", "notes"}
    assert Point(1).notes is not Point(1).notes


@pytest.mark.parametrize(
    ("values", "named"),
    [((), {}), ((1, 2, (), [], 5), {}), ((1,), {"x": 1}), ((1,), {"z": 1}), ((), {"y": 1, "z": 2})],
)
def test_wrong_arguments_are_refused(values: t.Any, named: t.Any) -> None:
    with pytest.raises(TypeError):
        Point(*values, **named)


def test_the_check_after_construction_runs() -> None:
    with pytest.raises(ValueError):
        Point(-1)


def test_equal_means_same_class_and_same_values() -> None:
    assert Point(1) == Point(1, 2) != Point(1, 3)
    assert Box(Point(1)) == Box(Point(1))
    assert Point(1) != (1, 2, (), [])
    one = Point(1, notes=t.cast(t.Any, ()))
    assert hash(one) == hash(Point(1, notes=t.cast(t.Any, ())))
    with pytest.raises(TypeError):
        hash(Box(one))


def test_a_frozen_one_stays_as_it_is() -> None:
    point, box = Point(1), Box(Point(1))
    with pytest.raises(AttributeError):
        point.x = 3  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del point.x
    box.point = Point(2)
    assert (point.x, box.point.x) == (1, 2)


def test_what_is_hidden_is_not_shown() -> None:
    assert repr(Point(1, names=("secret",))) == "Point(x=1, y=2, notes=[])"


def test_as_plain_data_also_inside() -> None:
    plain = ours.asdict(Box(Point(1), {"b": Point(2, notes=[Point(3)])}))
    assert plain["point"] == {"x": 1, "y": 2, "names": (), "notes": []}
    assert plain["more"]["b"]["notes"][0]["x"] == 3


def test_the_same_with_other_values() -> None:
    assert ours.replace(Point(1), y=5) == dataclasses.replace(Point(1), y=5) == Point(1, 5)
    assert [(one.name, one.type) for one in ours.fields(Point)][:2] == [("x", "int"), ("y", "int")]


def test_it_can_be_copied_and_pickled() -> None:
    box = Box(Point(1), {"b": Point(2)})
    assert copy.deepcopy(box) == pickle.loads(pickle.dumps(box)) == box


def test_an_absent_value_is_not_the_field_itself() -> None:
    assert not hasattr(Point, "x")
    assert not hasattr(Point, "notes")
    assert Point.y == 2
    assert Point.names == ()


def test_nobody_mixes_it_with_the_original() -> None:
    # The original's asdict() and fields() find nothing in our classes, and say nothing.
    plugins = Path(str(ours.__file__)).parent.parent
    mixed = [path.name for path in plugins.rglob("*.py") if ORIGINAL.search(path.read_text())]
    assert mixed == ["_dataclass.py"]
