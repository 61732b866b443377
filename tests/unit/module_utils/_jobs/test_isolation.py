# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import random

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import Refused
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.graph import Order
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.isolation import (
    claims,
    conflicts,
    expand,
)
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.patterns import intersect
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.spec import JobSpec


def job(label, *artifacts, after=(), chdir="/data", **params):
    return JobSpec(
        label=label,
        command=("job",),
        chdir=chdir,
        artifacts=artifacts,
        after=after,
        params={name: str(value) for name, value in params.items()},
    )


def check(*jobs, concerned=None, resolve=lambda directory: directory):
    order = Order({one.label: one.after for one in jobs})
    found = [claim for one in jobs for claim in claims(one, resolve=resolve)]
    return conflicts(found, order, concerned=concerned)


def test_the_wrong_name_of_inv_1_is_refused_with_the_missing_parameter():
    template = "{symbol}_{start}.json"
    found = check(
        job("bars/A@250", template, symbol="A", start=2020, threshold=250),
        job("bars/A@100", template, symbol="A", start=2020, threshold=100),
    )
    assert [conflict.hazard for conflict in found] == ["INV-1"]
    why = found[0].why()
    assert "/data/A_2020.json" in why and "{threshold}" in why and "after" in why


def test_the_right_name_of_inv_1_passes():
    template = "{symbol}_{threshold}_{start}.json"
    assert not check(
        job("bars/A@250", template, symbol="A", start=2020, threshold=250),
        job("bars/A@100", template, symbol="A", start=2020, threshold=100),
    )


def test_a_glob_of_another_family_is_inv_9():
    found = check(job("clean/all", "out/*.json"), job("long/A", "out/A_long.json"))
    assert [conflict.hazard for conflict in found] == ["INV-9"]
    assert not check(job("clean/s", "out/*_short.json"), job("long/A", "out/A_long.json"))


def test_jobs_in_order_may_share():
    chain = [job("a/1", "x"), job("b/1", "x", after=("a/1",)), job("c/1", "x", after=("b/1",))]
    assert not check(*chain)
    assert len(check(*chain, job("d/1", "x"))) == 3


def test_links_to_one_place_are_one_place():
    real = {"/data/link/x": "/data/real/x"}
    jobs = [job("a/1", "/data/link/x"), job("b/1", "/data/real/x")]
    assert not check(*jobs)
    assert check(*jobs, resolve=lambda directory: real.get(directory, directory))


def test_only_pairs_that_concern_us():
    jobs = [job("a/1", "x"), job("b/1", "x"), job("c/1", "y")]
    assert not check(*jobs, concerned={"c/1"})
    assert [one.one.spec.label for one in check(*jobs, concerned={"b/1"})] == ["b/1"]
    assert [one.one.spec.label for one in check(*jobs, concerned={"a/1"})] == ["a/1"]


def test_expansion():
    one = job("bars/A@250", symbol="A*", n=3)
    assert expand("{symbol}-{n}-{family}-{key}-{label}-{{x}}", one) == (
        "A[*]-3-bars-A@250-bars/A@250-{x}"
    )
    with pytest.raises(Refused, match="no such parameter") as error:
        expand("{symbl}.json", one)
    assert error.value.hazard == "INV-1"
    with pytest.raises(Refused):
        expand("{}.json", one)


def test_a_template_that_climbs_out_of_a_wildcard_is_refused():
    with pytest.raises(Refused, match="wildcard"):
        claims(job("a/1", "*/../x"))


def test_thousands_of_jobs_and_only_the_first_conflicts():
    jobs = [job(f"bars/{i}", f"out/{i:05d}_*.json", f"tmp/{i}/") for i in range(5000)]
    assert not check(*jobs)
    assert len(check(*(job(f"bars/{i}", "same") for i in range(5000)))) == 20


def test_the_sorted_stack_finds_what_all_pairs_find():
    chance = random.Random(11)
    pieces = ["a", "b", "a*", "*b", "?", "**", "ab", "[ab]c"]
    for _unused in range(60):
        jobs = [
            job(
                f"f/{i}",
                "/" + "/".join(chance.choice(pieces) for _unused in range(chance.randint(1, 3))),
            )
            for i in range(8)
        ]
        found = [claim for one in jobs for claim in claims(one)]
        order = Order({one.label: () for one in jobs})
        quick = {
            frozenset((c.one.spec.label, c.other.spec.label))
            for c in conflicts(found, order, limit=10_000)
        }
        plain = {
            frozenset((x.spec.label, y.spec.label))
            for x in found
            for y in found
            if x.spec.label < y.spec.label and intersect(x.pattern, y.pattern)
        }
        assert quick == plain
