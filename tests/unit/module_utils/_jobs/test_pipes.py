# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pipes lose a success or a value, and which only look so."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._jobs import pipes

SET = "set -euo pipefail\n"

ENDS_EARLY = [
    "seq 9 | head -1",
    "seq 9 | head -n 3 > three",
    "seq 9 | sort | head",
    "seq 9 |& head -1",
    "first=$(seq 9 | head -1)",
    'first="$(seq 9 | head -1)"',
    "first=`seq 9 | head -1`",
    "if seq 9 | grep -q 3; then echo yes; fi",
    "seq 9 | grep -m1 3",
    "seq 9 | sed 2q",
    "seq 9 | sed -n '/3/{p;q}'",
    "seq 9 | awk 'NR == 2 {print; exit}'",
    "seq 9 | /usr/bin/head -1 || exit 1",
    "(seq 9 | head -1)",
    "seq 9 |\n  head -1",
]
READS_ALL = [
    "seq 9 | tail -1",
    "seq 9 | head -n -1",
    "seq 9 | head -1 || true",
    "first=$(seq 9 | head -1) || true",
    "seq 9 | head -1 || :",
    "seq 9 | sed -n 1p",
    "seq 9 | sed s/quick/q/",
    "seq 9 | awk '{n += $1} END {print n; exit}'",
    "seq 9 | grep 3",
    "echo 'seq 9 | head -1'",
    'echo "seq 9 | head -1"',
    'echo "$(seq 9 | head -1)"',
    "seq 9 > all # | head -1",
    "head -1 < all",
    "seq 9 || head -1 all",
]


@pytest.mark.parametrize("text", ENDS_EARLY)
def test_a_reader_that_ends_early_counts_under_pipefail(text: str) -> None:
    found = pipes.of_text(SET + text)
    assert found is not None and found.hazard == "AP-13"
    assert pipes.of_text(text) is None


@pytest.mark.parametrize("text", READS_ALL)
def test_a_reader_that_reads_all_passes(text: str) -> None:
    assert pipes.of_text(SET + text) is None


LOST = [
    ("n=0; seq 9 | while read x; do n=$((n + 1)); done; echo $n", "n"),
    ('seq 9 | while read -r x; do n="$n $x"; done\necho "all: ${n}"', "n"),
    ("seq 9 | while IFS= read -r x; do :; done; echo $x", "x"),
    ("seq 9 | while read x; do ((n++)); done; exit $((n > 0))", "n"),
    ("seq 9 | while read x; do ((n += 1)); done; echo $n", "n"),
    ("seq 9 | read x; echo $x", "x"),
    ("ls | for f in a b; do last=$f; done; test -n $last", "last"),
    ("seq 9 | while read x; do if true; then ok=1; fi; done; echo ${ok:-0}", "ok"),
    ("seq 9 | while read x; do for y in 1; do n=$y; done; done && echo $n", "n"),
    ('seq 9 | while read x; do n=$x; done; echo "$(date) $n"', "n"),
]
KEPT = [
    "seq 9 | while read x; do echo $x; done",
    "seq 9 | { while read x; do n=$x; done; echo $n; }",
    "seq 9 | (while read x; do n=$x; done; echo $n)",
    "seq 9 > all; while read x; do n=$x; done < all; echo $n",
    "seq 9 | while read x; do n=$x; done; n=0; echo $n",
    "seq 9 | while read x; do n=$x; done; seq 3 | while read x; do echo $x; done",
    "shopt -s lastpipe; seq 9 | while read x; do n=$x; done; echo $n",
    "seq 9 | while read x; do n=$x; done; echo '$n'",
    "cat <<'END'\nit's | while read x; do n=1; done; $n\nEND",
    "case $a in x) echo 1 | while read y; do n=$y; done ;; esac",
]


@pytest.mark.parametrize(("text", "name"), LOST)
def test_a_value_that_is_lost_in_the_subshell(text: str, name: str) -> None:
    found = pipes.of_text(text)
    assert found is not None and found.hazard == "G-14" and f'"{name}"' in found.what


@pytest.mark.parametrize("text", KEPT)
def test_a_value_that_is_not_used_where_it_is_lost(text: str) -> None:
    assert pipes.of_text(text) is None


@pytest.mark.parametrize(
    "text",
    [
        *("echo 'open", 'echo "open', "echo $(open", "echo ${open", "(("),
        "cat > run.sh <<'END'\nls | head -1\nEND",
        "(" * 2000 + ")" * 2000,
    ],
    ids=range(7),
)
def test_what_cannot_be_read_passes(text: str) -> None:
    assert pipes.of_text(SET + text) is None


@pytest.mark.parametrize(
    ("argv", "hazard"),
    [
        (["bash", "-euo", "pipefail", "-c", "seq 9 | head -1"], "AP-13"),
        (["nice", "-n", "5", "bash", "-o", "pipefail", "-ec", "seq 9 | head -1"], "AP-13"),
        (["bash", "-c", "seq 9 | head -1"], None),
        (["bash", "-c", "seq 9 | read x; echo $x"], "G-14"),
        (["zsh", "-c", "seq 9 | read x; echo $x"], None),
        (["python3", "-c", "a | head"], None),
        (["grep", "-c", "pipefail | head"], None),
    ],
)
def test_only_a_shell_s_text_is_looked_at(argv: t.List[str], hazard: t.Optional[str]) -> None:
    found = pipes.of_argv(argv)
    assert (found and found.hazard) == hazard
