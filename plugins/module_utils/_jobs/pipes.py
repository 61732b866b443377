# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Pipes in a shell text that lose a job's success (AP-13) or what it counted (G-14)."""

from __future__ import annotations

import re
import typing as t

from .._errors import Refused
from .prefix import shell_call
from .shell_words import ASSIGNED, CLOSE, IGNORED, SUBSHELL, Token, Unreadable, tokens

_PIPES = ("|", "|&")
_OPENINGS = (SUBSHELL, ASSIGNED, IGNORED)
_LOOPS = ("while", "until", "for", "select")
_PIPEFAIL = re.compile(r"\bpipefail\b")
_CHANGED = re.compile(r"\s*(?:\+\+|--)?([A-Za-z_][A-Za-z0-9_]*)\s*(?:\+\+|--|[-+*/%]?=)")
_COUNTED_AFTER = re.compile(r"(?:\+\+|--|[-+*/%]?=)$")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*$")
_BEGIN_COMMAND = ("!", "if", "elif", "while", "until", "then", "else", "do", "{", "time")
# Their last part of a pipe runs in the shell itself.
_KEEPING = ("ksh", "zsh")


class Finding(t.NamedTuple):
    """What is wrong and what to write instead, for a sentence that names the text before it."""

    hazard: str
    what: str


def refuse(argv: t.Sequence[str]) -> None:
    """Refuse a job whose shell text has such a pipe."""
    found = of_argv(argv)
    if found is not None:
        raise Refused(f"The shell text {found.what}", hazard=found.hazard)


def of_argv(argv: t.Sequence[str]) -> t.Optional[Finding]:
    """The first such pipe in what a shell of this argv would run; None where it is no shell."""
    call = shell_call(argv)
    return call and of_text(call.text, shell=call.shell, options=call.options)


def of_text(text: str, *, shell: str = "sh", options: t.Sequence[str] = ()) -> t.Optional[Finding]:
    """The first such pipe of a text; one that cannot be read passes."""
    try:
        found = tokens(text)
    except (Unreadable, RecursionError):
        return None
    pipefail = _PIPEFAIL.search(" ".join((*options, text))) is not None
    early = _reader_that_ends_early(found) if pipefail else None
    if early is not None:
        return Finding(
            "AP-13",
            f'pipes into "{early}" under pipefail: that ends before its input does, the writer '
            "dies of SIGPIPE, and the whole counts as failed with exit code 141. Let the writer "
            "end by itself, read all of it (sed -n 1p, awk), or append || true.",
        )
    if shell in _KEEPING or "lastpipe" in text:
        return None
    lost = _value_lost_in_subshell(found)
    if lost is not None:
        return Finding(
            "G-14",
            f'sets "{lost}" behind a pipe, which runs in a subshell, and uses it afterwards, '
            "where it has its old value. Put loop and use into one group (… | { while read x; do "
            "…; done; use it; }), or read from a file (done < file).",
        )
    return None


def _reader_that_ends_early(found: t.Sequence[Token]) -> t.Optional[str]:
    for start, token in enumerate(found):
        if token.operator and token.text in _PIPES and not _unseen(found, start):
            words = _command(found, start + 1)
            if _ends_early(words) and not _forgiven(found, start + 1):
                return " ".join(words[:2])
    return None


def _unseen(found: t.Sequence[Token], place: int) -> bool:
    """Whether it stands in a substitution whose status nobody sees, as in ``echo "$(…)"``."""
    opened: t.List[str] = []
    for token in found[:place]:
        if token.operator and token.text in _OPENINGS:
            opened.append(token.text)
        elif token.operator and token.text == CLOSE:
            opened.pop()
    return IGNORED in opened


def _command(found: t.Sequence[Token], place: int) -> t.List[str]:
    words: t.List[str] = []
    for token in found[place:]:
        if token.operator:
            break
        words.append(token.text)
    while words and words[0] in ("command", "exec", "{"):
        words.pop(0)
    return words


def _ends_early(words: t.Sequence[str]) -> bool:
    if not words:
        return False
    program, rest = words[0].rpartition("/")[2], " ".join(words[1:])
    if program == "head":
        return re.search(r"(?:^| )(?:-n ?|-c ?|--(?:lines|bytes)=)-\d", rest) is None
    if program in ("grep", "egrep", "fgrep", "zgrep", "rg"):
        return (
            re.search(r"(?:^| )(?:-[A-Za-z]*[qm]|--quiet|--silent|--max-count)", rest) is not None
        )
    if program == "sed":
        return re.search(r"(?:^| |;|\d|\{|\$|/)[qQ]\d*(?:$|[ ;}])", rest) is not None
    if program in ("awk", "gawk", "mawk"):
        return re.search(r"\bexit\b", rest.partition("END")[0]) is not None
    return False


def _forgiven(found: t.Sequence[Token], place: int) -> bool:
    """Whether ``|| true`` follows the end of this pipe."""
    for position in range(place, len(found)):
        token = found[position]
        if token.operator and token.text not in (*_PIPES, CLOSE):
            return token.text == "||" and _command(found, position + 1)[:1] in (["true"], [":"])
    return False


def _value_lost_in_subshell(found: t.Sequence[Token]) -> t.Optional[str]:
    for place, token in enumerate(found):
        if not token.operator or token.text not in _PIPES:
            continue
        word = found[place + 1].text if place + 1 < len(found) else ""
        if word in _LOOPS:
            end = _end_of_loop(found, place + 1)
        elif word == "read":
            end = place + 1 + len(_command(found, place + 1))
        else:
            continue
        lost = _used(found[end:], _changed(found[place + 1 : end]))
        if lost:
            return lost
    return None


def _end_of_loop(found: t.Sequence[Token], place: int) -> int:
    depth = 0
    for position in range(place, len(found)):
        if found[position].text == "do" and not found[position].operator:
            depth += 1
        elif found[position].text == "done" and _begins(found, position):
            depth -= 1
            if depth == 0:
                return position + 1
    return len(found)


def _changed(body: t.Sequence[Token]) -> t.Set[str]:
    """Names that are assigned, counted or read."""
    names: t.Set[str] = set()
    for position, token in enumerate(body):
        changed = None if token.operator else _CHANGED.match(token.text)
        names.update([changed.group(1)] if changed else [])
        if position and _COUNTED_AFTER.match(token.text):  # ((n += 1))
            names.update(_NAME.findall(body[position - 1].text))
        if token.text == "read" and _begins(body, position):
            names.update(one for one in _command(body, position + 1) if _NAME.match(one))
    return names


def _used(after: t.Sequence[Token], names: t.Set[str]) -> t.Optional[str]:
    """The first of the names that is expanded before it gets a new value."""
    left = set(names)
    for token in after:
        used = sorted(left & token.uses)
        if used:
            return used[0]
        if not token.operator:
            left -= {token.text, token.text.partition("=")[0]}
    return None


def _begins(found: t.Sequence[Token], position: int) -> bool:
    """Whether a word is the first one of its command."""
    if position == 0 or found[position - 1].operator:
        return True
    before = found[position - 1].text
    return before in _BEGIN_COMMAND or "=" in before
