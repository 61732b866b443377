# SPDX-License-Identifier: GPL-3.0-or-later
"""Damaged configuration files are understood or refused by line; seeds are fixed."""

from __future__ import annotations

import contextlib
import random
import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._pueue.yaml import YamlError, parse

CASES = 4000
SAMPLE = """\
# pueue
---
client:
  read_local_logs: true
  status_datetime_format: |-
    %Y-%m-%d
    %H:%M:%S
daemon:
  callback: "notify '{{ id }}' \\u00e9"
  env_vars: {A: b, 'c': [1, 2]}
  shell_command:
  - sh
  - '-c'
shared:
    host: 127.0.0.1  # here
    port: '6924'
    alias_file: >
      folded
      text
profiles: {}
"""
_PIECES = [*"\n \t:-#'\"{}[],&*!|>%@?\\", "\n  ", ": ", "- ", " #", "---\n", "a: ", "\ufeff", "\0"]


def _damaged(source: random.Random) -> str:
    text = SAMPLE
    for _unused in range(source.randrange(1, 5)):
        place = source.randrange(len(text) + 1)
        kind = source.randrange(3)
        if kind == 0:
            text = text[:place] + source.choice(_PIECES) + text[place:]
        elif kind == 1:
            text = text[:place] + text[place + source.randrange(1, 12) :]
        else:
            other = source.randrange(len(text) + 1)
            text = text[:place] + text[other : other + 20] + text[place:]
    return text


def _only_known_types(value: t.Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _only_known_types(value[key]) for key in value)
    if isinstance(value, list):
        return all(map(_only_known_types, value))
    return isinstance(value, str)


def test_damage_is_understood_or_refused_by_line() -> None:
    source = random.Random(6)
    outcomes = {"understood": 0, "refused": 0}
    for _unused in range(CASES):
        text = _damaged(source)
        try:
            assert _only_known_types(parse(text)), text
            outcomes["understood"] += 1
        except YamlError as error:
            assert 1 <= error.line <= text.count("\n") + 2, text
            outcomes["refused"] += 1
    assert all(outcomes.values()), outcomes


def test_what_is_understood_means_the_same_to_a_full_reader() -> None:
    reader = pytest.importorskip("yaml")
    source = random.Random(7)
    compared = 0
    for _unused in range(CASES // 8):
        text = _damaged(source)
        try:
            value = parse(text)
        except YamlError:
            continue
        # Where that one is stricter (about tabs, mostly), pueue will say so itself.
        with contextlib.suppress(reader.YAMLError):
            assert reader.load(text, Loader=reader.BaseLoader) == value, text
            compared += 1
    assert compared > 50


@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 5000, '{"a":' * 5000])
def test_deep_flow_nesting_is_refused(text: str) -> None:
    with pytest.raises(YamlError, match="too deep"):
        parse(text)


def test_deep_block_nesting_is_refused() -> None:
    with pytest.raises(YamlError, match="too deep"):
        parse("".join(f"{' ' * depth}a:\n" for depth in range(3000)))
