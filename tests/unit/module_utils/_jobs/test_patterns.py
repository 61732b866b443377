# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import fnmatch
import itertools
import random

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._jobs.patterns import (
    escape,
    intersect,
    parse,
    segments_intersect,
)


@pytest.mark.parametrize(
    ("one", "other", "meets"),
    [
        ("/d/a.json", "/d/a.json", True),
        ("/d/a.json", "/d/b.json", False),
        ("/d/./x/../a.json", "/d//a.json", True),
        ("/d/*.json", "/d/a.json", True),
        ("/d/*.json", "/d/a.csv", False),
        ("/d/*_long.json", "/d/BTC_*.json", True),
        ("/d/*_long.json", "/d/*_short.json", False),
        ("/d/*.json", "/e/*.json", False),
        ("/d/[ab].json", "/d/[bc].json", True),
        ("/d/[ab].json", "/d/[cd].json", False),
        ("/d/[!a].json", "/d/a.json", False),
        ("/d/[!a].json", "/d/b.json", True),
        ("/d/[!ab].json", "/d/[ab].json", False),
        ("/d/[a-f]1", "/d/[e-k]?", True),
        ("/d/[^a]", "/d/a", True),  # shells and Python disagree: the wider reading counts
        ("/d/?", "/d/ab", False),
        ("/d/??", "/d/*b", True),
        ("/d", "/d/a.json", True),  # a directory claims what is in it
        ("/d/a", "/d/ab", False),
        ("/d/*", "/d/a/b/c", True),
        ("/d/*/x", "/d/a", True),
        ("/d/**/x", "/d/x", True),
        ("/d/**/x", "/d/a/b/x", True),
        ("/d/**/x.json", "/d/**/y.json", True),  # /d/x.json/y.json, and the other way round
        ("/d/**/x", "/e/x", False),
        ("/", "/anything", True),
        ("/d/[x", "/d/[x", True),
        ("/d/[x", "/d/x", False),
        ("/d/" + escape("a*b[c]?"), "/d/axb[c]y", False),
        ("/d/" + escape("a*b[c]?"), "/d/" + escape("a*b[c]?"), True),
    ],
)
def test_table(one, other, meets):
    assert intersect(parse(one), parse(other)) is meets
    assert intersect(parse(other), parse(one)) is meets


def test_dots_after_a_wildcard_are_refused():
    with pytest.raises(ValueError):
        parse("/d/*/../x")


@pytest.mark.parametrize(
    ("text", "prefix", "directory"),
    [
        ("/d/a.json", "/d/a.json/", "/d/a.json"),
        ("/d/a*.json", "/d/a", "/d"),
        ("/d/*/b", "/d/", "/d"),
        ("/*", "/", "/"),
    ],
)
def test_literal_parts(text, prefix, directory):
    assert parse(text).literal_prefix == prefix
    assert parse(text).literal_directory == directory


def _random_segment(chance: random.Random) -> str:
    pieces = ["a", "b", "c", "*", "?", "[ab]", "[!a]", "[b-c]"]
    return "".join(chance.choice(pieces) for _unused in range(chance.randint(1, 4)))


def test_segments_against_brute_force():
    """All names of up to six letters over the alphabet decide the same as the product walk."""
    names = ["".join(p) for n in range(1, 7) for p in itertools.product("abc", repeat=n)]
    chance = random.Random(20)
    met = {True: 0, False: 0}
    for _unused in range(300):
        one, other = _random_segment(chance), _random_segment(chance)
        expected = any(
            fnmatch.fnmatchcase(name, one) and fnmatch.fnmatchcase(name, other) for name in names
        )
        if not expected and segments_intersect(one, other):
            # Only a name with a letter outside of the alphabet may explain a difference.
            assert "[!a]" in one + other or "?" in one + other or "*" in one + other
            wider = ["".join(p) for n in range(1, 6) for p in itertools.product("abcz", repeat=n)]
            expected = any(
                fnmatch.fnmatchcase(name, one) and fnmatch.fnmatchcase(name, other)
                for name in wider
            )
        assert segments_intersect(one, other) is expected, (one, other)
        met[expected] += 1
    assert min(met.values()) > 30


def _claims(pattern: str, path: str) -> bool:
    """What ``pattern`` claims, by definition: a plain recursive reading."""

    def match(wanted, given):
        if not wanted:
            return True  # everything below
        if wanted[0] == "**":
            return any(match(wanted[1:], given[skip:]) for skip in range(len(given) + 1))
        return (
            bool(given)
            and fnmatch.fnmatchcase(given[0], wanted[0])
            and match(wanted[1:], given[1:])
        )

    return match(pattern.strip("/").split("/"), path.strip("/").split("/"))


def test_paths_against_brute_force():
    names = ["a", "b", "ab"]
    paths = [
        "/" + "/".join(parts) for n in range(1, 7) for parts in itertools.product(names, repeat=n)
    ]
    chance = random.Random(4)
    pieces = ["a", "b", "ab", "a*", "?", "**", "*b"]
    met = {True: 0, False: 0}
    for _unused in range(150):
        one, other = (
            "/" + "/".join(chance.choice(pieces) for _unused in range(chance.randint(1, 3)))
            for _unused in range(2)
        )
        expected = any(_claims(one, path) and _claims(other, path) for path in paths)
        assert intersect(parse(one), parse(other)) is expected, (one, other)
        met[expected] += 1
    assert min(met.values()) > 20
