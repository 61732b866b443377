# SPDX-License-Identifier: GPL-3.0-or-later
"""The YAML of configuration files, and a line number for what is beyond it."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._pueue.yaml import Plain, YamlError, parse

GENERATED = """\
client:
  read_local_logs: true
  max_status_lines: null
  status_time_format: '%H:%M:%S'
  status_datetime_format: |-
    %Y-%m-%d
    %H:%M:%S
daemon:
  callback: null
  env_vars: {}
  shell_command: null
shared:
  pueue_directory: null
  unix_socket_permissions: 448
  host: 127.0.0.1
  port: '6924'
profiles: {}
"""

READ = [
    ("empty", "", None),
    ("only comments", "# a\n\n  # b\n", None),
    ("document start", "---\na: 1\n", {"a": "1"}),
    ("byte order mark", "\ufeffa: 1\n", {"a": "1"}),
    ("windows line ends", "a: 1\r\nb:\r\n  c: 2\r\n", {"a": "1", "b": {"c": "2"}}),
    ("empty values", "a:\nb:\n  c:\n", {"a": "", "b": {"c": ""}}),
    ("comment after a value", "a: b # c\n", {"a": "b"}),
    ("hash inside a value", "a: b#c\n", {"a": "b#c"}),
    ("comment after a key", "a: # c\n  b: 1\n", {"a": {"b": "1"}}),
    ("colon inside a value", "a: b:c\n", {"a": "b:c"}),
    ("url", "a: http://x/y?z#w\n", {"a": "http://x/y?z#w"}),
    ("spaces inside a value", "a:   b c  \n", {"a": "b c"}),
    ("quoted key", "\"a b\": 1\n'c': 2\n", {"a b": "1", "c": "2"}),
    ("single quotes", "a: 'it''s # \"x\" \\n'\n", {"a": 'it\'s # "x" \\n'}),
    ("double quotes", 'a: "q\\" \\t\\x41\\u00e9\\U0001f600\\\\ # x"\n', {"a": 'q" \tAé😀\\ # x'}),
    ("surrogate pair", '{"a": "\\ud83d\\ude00"}', {"a": "😀"}),
    ("dedent two levels", "a:\n  b:\n    c: 1\nd: 2\n", {"a": {"b": {"c": "1"}}, "d": "2"}),
    ("list", "a:\n  - x\n  - 'y z'\n  -\n", {"a": ["x", "y z", ""]}),
    ("empty list items", "a:\n  -\n  - x\n  -\nb: 1\n", {"a": ["", "x", ""], "b": "1"}),
    ("list at its key's indentation", "a:\n- x\n- y\nb: 1\n", {"a": ["x", "y"], "b": "1"}),
    ("flow list", "a: [x, 'y, z', 3, ]\n", {"a": ["x", "y, z", "3"]}),
    (
        "flow mapping",
        "a: {b: c, 'd': [1], e: http://x}\n",
        {"a": {"b": "c", "d": ["1"], "e": "http://x"}},
    ),
    ("flow over lines", "a: {b: c, # d\n  e: f}\ng: h\n", {"a": {"b": "c", "e": "f"}, "g": "h"}),
    ("flow document over lines", "{\n  a: 1\n}\n", {"a": "1"}),
    ("literal block", "a: |\n  x\n\n   y\nb: 1\n", {"a": "x\n\n y\n", "b": "1"}),
    ("literal block, stripped", "a: |-\n  x # no comment\n", {"a": "x # no comment"}),
    ("literal block, kept", "a: |+\n  x\n\nb: 1\n", {"a": "x\n\n", "b": "1"}),
    ("folded block", "a: >\n  x\n  y\n", {"a": "x y\n"}),
    ("template braces", "a: ['sh', '-c', \"{{ x }}\"]\n", {"a": ["sh", "-c", "{{ x }}"]}),
    ("handlebars in a plain value", "a: notify {{ id }}\n", {"a": "notify {{ id }}"}),
    ("dash inside words", "a-b: -c\n", {"a-b": "-c"}),
]


@pytest.mark.parametrize(("text", "value"), [case[1:] for case in READ], ids=[c[0] for c in READ])
def test_read(text: str, value: t.Any) -> None:
    assert parse(text) == value


def test_read_agrees_with_a_full_yaml_reader() -> None:
    reader = pytest.importorskip("yaml")
    for name, text, value in READ:
        if name not in ("empty values", "list", "surrogate pair", "byte order mark"):
            assert reader.load(text, Loader=reader.BaseLoader) == (value or None), name


def test_what_pueued_generates_is_read() -> None:
    content = parse(GENERATED)
    assert content["client"]["status_datetime_format"] == "%Y-%m-%d\n%H:%M:%S"
    assert content["shared"]["host"] == "127.0.0.1"
    assert content["daemon"]["env_vars"] == {}
    assert content["daemon"]["callback"].empty
    assert content["client"]["read_local_logs"].boolean is True


def test_json_is_read_with_any_layout() -> None:
    content = {"a": {"b": ["x", 'y "z"\n\t\\', ""]}, "c": {}, "d": [], "é": "\u2028"}
    for indent in (None, 2):
        for ascii_only in (True, False):
            assert parse(json.dumps(content, indent=indent, ensure_ascii=ascii_only)) == content


def test_words_are_interpreted_by_whoever_asks() -> None:
    words = parse("[true, True, TRUE, yes, null, ~, tRue]")
    assert [word.boolean for word in words] == [True, True, True, None, None, None, None]
    assert [word.empty for word in words] == [False] * 4 + [True, True, False]
    assert not isinstance(parse("'true'"), Plain)
    assert isinstance(parse("a: 010")["a"], Plain)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (2, "a: 1\n\tb: 2\n"),
        (2, "a: 1\n  b: 2\n"),
        (3, "a:\n    b: 1\n  c: 2\n"),
        (2, "a: b\n  c\n"),
        (2, "a: 1\na: 2\n"),
        (1, "a: {b: 1, b: 2}\n"),
        (1, "a: &x 1\n"),
        (1, "a: *x\n"),
        (1, "a: !!str 1\n"),
        (1, "a: @x\n"),
        (1, "a: `x\n"),
        (1, "a: %x\n"),
        (1, "%YAML 1.2\n---\na: 1\n"),
        (1, "? a\n: b\n"),
        (2, "a: 1\n---\nb: 2\n"),
        (2, "a: 1\n...\n"),
        (1, "a: 'b\n"),
        (1, 'a: "b\n'),
        (1, 'a: "\\q"\n'),
        (1, 'a: "\\u12"\n'),
        (1, 'a: "\\ud800"\n'),
        (1, "a: 'b' c\n"),
        (1, "a: [b] c\n"),
        (1, "a: [b\n"),
        (1, "a: {b}\n"),
        (1, "a: [b c: d]\n"),
        (1, "a: [,]\n"),
        (1, "a: b: c\n"),
        (1, "a: ]\n"),
        (1, "- - a\n"),
        (1, "- a: b\n"),
        (2, "- a\n  - b\n"),
        (2, "a: 1\nb\n"),
        (1, "a: |2\n  x\n"),
        (2, "a: 1\nb: \0\n"),
        (1, "a\tb: 1\n"),
        (1, "a: [1,# 2]\n"),
        (3, '{"a":\n 1,\n "a": 2}'),
        (1, "[" * 100),
    ],
)
def test_what_is_not_understood_is_refused_by_line(line: int, text: str) -> None:
    with pytest.raises(YamlError) as caught:
        parse(text)
    assert caught.value.line == line, str(caught.value)
    assert str(caught.value).startswith(f"line {line}: ")
