# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import random

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import Refused
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.graph import (
    Order,
    descendants,
    levels,
)


def test_parents_come_first_and_the_given_order_is_kept():
    assert levels({"c": ["b"], "a": [], "b": ["a"], "d": ["a", "outside"]}) == [
        ["a"],
        ["b", "d"],
        ["c"],
    ]


def test_a_cycle_is_named():
    with pytest.raises(Refused) as error:
        levels({"start": [], "a": ["c"], "b": ["a"], "c": ["b"], "after": ["a"]})
    assert error.value.hazard == "AP-6"
    circle = error.value.details["cycle"]
    assert circle[0] == circle[-1] and set(circle) == {"a", "b", "c"}


def test_a_job_after_itself():
    with pytest.raises(Refused, match='"a" after "a"'):
        levels({"a": ["a"]})


def test_a_long_cycle_gives_a_short_message():
    size = 3000
    with pytest.raises(Refused) as error:
        levels({f"n{i}": [f"n{(i + 1) % size}"] for i in range(size)})
    assert len(error.value.message) < 400


def test_a_deep_chain_needs_no_recursion():
    chain = {f"n{i}": [f"n{i - 1}"] if i else [] for i in range(5000)}
    assert len(levels(chain)) == 5000
    order = Order(chain)
    assert order.ordered("n0", "n4999") and order.ordered("n4999", "n0")
    assert not order.ordered("n7", "n7")


def test_descendants():
    edges = {"a": [], "b": ["a"], "c": ["b"], "d": [], "e": ["c", "d"]}
    assert descendants(edges, ["a"]) == {"b", "c", "e"}
    assert descendants(edges, ["a", "b"]) == {"c", "e"}


def test_order_against_a_plain_search():
    chance = random.Random(7)
    for _unused in range(50):
        names = [f"n{i}" for i in range(12)]
        edges = {
            name: [one for one in names[:i] if chance.random() < 0.2]
            for i, name in enumerate(names)
        }
        order = Order(edges)
        for one in names:
            below = descendants(edges, [one])
            for other in names:
                expected = other in below or one in descendants(edges, [other])
                assert order.ordered(one, other) is expected
