# SPDX-License-Identifier: GPL-3.0-or-later
"""The codec: pueue's own bytes, and a clear refusal of everything else."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._pueue.cbor import (
    CborError,
    Keep,
    Limits,
    decode,
    encode,
)

REQUESTS = [
    ("66537461747573", "Status"),
    ("a16547726f7570644c697374", {"Group": "List"}),
    ("a16652656d6f766583000203", {"Remove": [0, 2, 3]}),
    (
        "a168506172616c6c656ca26e706172616c6c656c5f7461736b73046567726f75706764656661756c74",
        {"Parallel": {"parallel_tasks": 4, "group": "default"}},
    ),
    ("a1655374617274a1657461736b73a16547726f75706167", {"Start": {"tasks": {"Group": "g"}}}),
    (
        "a1644b696c6ca2657461736b73a1675461736b4964738107667369676e616cf6",
        {"Kill": {"tasks": {"TaskIds": [7]}, "signal": None}},
    ),
    (
        "a165436c65616ea26f7375636365737366756c5f6f6e6c79f56567726f7570f6",
        {"Clean": {"successful_only": True, "group": None}},
    ),
]

# RFC 8949, appendix A, as far as it is in pueue's dialect.
STANDARD = [
    ("00", 0),
    ("17", 23),
    ("1818", 24),
    ("18ff", 255),
    ("190100", 256),
    ("19ffff", 65535),
    ("1a00010000", 65536),
    ("1affffffff", 4294967295),
    ("1b000000e8d4a51000", 1000000000000),
    ("1bffffffffffffffff", 18446744073709551615),
    ("20", -1),
    ("3863", -100),
    ("3903e7", -1000),
    ("3bffffffffffffffff", -18446744073709551616),
    ("f4", False),
    ("f5", True),
    ("f6", None),
    ("60", ""),
    ("6449455446", "IETF"),
    ("62225c", '"\\'),
    ("63e6b0b4", "水"),
    ("64f0908591", "\U00010151"),
    ("80", []),
    ("8301820203820405", [1, [2, 3], [4, 5]]),
    ("a0", {}),
    ("a201020304", {1: 2, 3: 4}),
    ("826161a161626163", ["a", {"b": "c"}]),
    ("7818" + "61" * 24, "a" * 24),
    ("790100" + "61" * 256, "a" * 256),
]


@pytest.mark.parametrize(("raw", "value"), REQUESTS + STANDARD)
def test_one_value_has_one_encoding(raw: str, value: t.Any) -> None:
    assert encode(value).hex() == raw
    assert decode(bytes.fromhex(raw)) == value


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("", "data end where a value"),
        ("18", "inside a length"),
        ("1900", "inside a length"),
        ("1bffffffffffffff", "inside a length"),
        ("6161ff", "1 bytes left over"),
        ("0000", "1 bytes left over"),
        ("62ff", "beyond the end"),
        ("7bffffffffffffffff61", "beyond the end"),
        ("61ff", "not UTF-8"),
        ("62c080", "not UTF-8"),
        ("63eda080", "not UTF-8"),
        ("9a7fffffff00", "more than the bytes that follow"),
        ("ba7fffffff0000", "more than the bytes that follow"),
        ("82", "more than the bytes that follow"),
        ("8201", "more than the bytes that follow"),
        ("a161", "more than the bytes that follow"),
        ("a1616101" + "00", "left over"),
        ("a2616101616102", "twice"),
        ("a201020103", "twice"),
        ("a1f500", "neither text nor"),
        ("a1f600", "neither text nor"),
        ("a18000", "neither text nor"),
        ("5f", "indefinite"),
        ("7f6161ff", "indefinite"),
        ("9f01ff", "indefinite"),
        ("bf616101ff", "indefinite"),
        ("1c", "reserved"),
        ("40", "byte string"),
        ("4101", "byte string"),
        ("c000", "tag"),
        ("f7", "float or simple"),
        ("f800", "float or simple"),
        ("f93c00", "float or simple"),
        ("fb3ff199999999999a", "float or simple"),
        ("ff", "float or simple"),
    ],
)
def test_what_pueue_never_sends_is_refused_by_position(raw: str, words: str) -> None:
    with pytest.raises(CborError, match=r"^byte \d+: ") as caught:
        decode(bytes.fromhex(raw))
    assert words in str(caught.value)


@pytest.mark.parametrize("value", [1.5, b"x", {1, 2}, object(), 1 << 64, -(1 << 64) - 1, "\ud800"])
def test_what_has_no_place_in_a_request_is_not_encoded(value: t.Any) -> None:
    with pytest.raises(CborError):
        encode([value])


def test_depth_size_and_items_are_bounded() -> None:
    deep = b"\x81" * 10 + b"\x00"
    assert decode(deep, limits=Limits(depth=10))
    with pytest.raises(CborError, match="nested too deeply"):
        decode(deep, limits=Limits(depth=9))
    with pytest.raises(CborError, match="nested too deeply"):
        decode(b"\x81" * 100_000 + b"\x00")
    with pytest.raises(CborError, match="more than the 3 that are accepted"):
        decode(encode("abcd"), limits=Limits(size=3))
    with pytest.raises(CborError, match="more items"):
        decode(encode([[0] * 5, [0] * 5]), limits=Limits(items=11))
    assert decode(encode([[0] * 5, [0] * 5]), limits=Limits(items=12))


def test_depth_counts_nesting_and_not_neighbours() -> None:
    flat = encode([[0], {"a": 1}, [0]] * 100)
    assert len(decode(flat, limits=Limits(depth=2))) == 300


KEEP = Keep(name="envs", prefix="FLEET_JOBS_")


def test_kept_maps_lose_everything_but_the_prefix_before_it_is_an_object() -> None:
    wire = {
        "envs": {"PATH": "/bin", "FLEET_JOBS_TASK": "k", "A" * 300: "b" * 70000, "": ""},
        "other": {"PATH": "/bin"},
        "list": [{"envs": {"SECRET": "s"}}],
    }
    assert decode(encode(wire), keep=KEEP) == {
        "envs": {"FLEET_JOBS_TASK": "k"},
        "other": {"PATH": "/bin"},
        "list": [{"envs": {}}],
    }


@pytest.mark.parametrize(
    ("wire", "words"),
    [
        ({"envs": ["a"]}, '"envs" is not a map'),
        ({"envs": "a"}, '"envs" is not a map'),
        ([{"envs": {}}, {"envs": "a"}], '"envs" is not a map'),
        ({"envs": {"A": 1}}, "is not text"),
        ({"envs": {1: "a"}}, "is not text"),
    ],
)
def test_kept_maps_hold_text_only(wire: t.Any, words: str) -> None:
    with pytest.raises(CborError, match=words):
        decode(encode(wire), keep=KEEP)


def test_kept_maps_are_bounded_too() -> None:
    with pytest.raises(CborError, match="more than the bytes"):
        decode(bytes.fromhex("a164656e7673bb00ffffffffffffff"), keep=KEEP)
    with pytest.raises(CborError, match="beyond the end"):
        decode(bytes.fromhex("a164656e7673a17a7fffffff61"), keep=KEEP)
    with pytest.raises(CborError, match="not UTF-8"):
        decode(encode({"envs": {"FLEET_JOBS_A": "zz"}}).replace(b"zz", b"\xff\xff"), keep=KEEP)
