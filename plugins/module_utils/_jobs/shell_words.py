# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The words and operators of a shell text, as far as a check of its pipes needs them."""

from __future__ import annotations

import re
import typing as t

SUBSHELL, ASSIGNED, IGNORED, CLOSE = "(", "$(=", "$(", ")"
"""Openings: a subshell, a substitution whose status counts, one whose status nobody sees."""
_OPERATORS = ("&&", "||", "|&", ";;", "|", "&", ";", "\n")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_REDIRECTION = re.compile(r"(?:<<<|<<-?|[<>]&?|>>|>\||&>>?)")


class Token(t.NamedTuple):
    """A word with the variables that it expands, or an operator."""

    text: str
    operator: bool = False
    uses: t.FrozenSet[str] = frozenset()


class Unreadable(Exception):
    """A quote or a bracket without its end, or something that this reader does not know."""


def tokens(text: str) -> t.List[Token]:
    """All of them in order; what stands in a substitution follows its opening token."""
    reader = _Reader(text)
    reader.code(end="")
    return reader.found


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0
        self.found: t.List[Token] = []
        self._word: t.List[str] = []
        self._uses: t.Set[str] = set()
        self._begun = False

    def code(self, *, end: str) -> None:
        """Words and operators up to ``end`` (a bracket, a backquote, or the end of the text)."""
        while self.place < len(self.text):
            here = self.text[self.place]
            if end and here == end:
                self._finish_word()
                self.place += 1
                return
            if here == "#" and not self._begun:
                self._skip_to("\n", inclusive=False)
            elif not self._operator(here):
                self._part(here)
        if end:
            raise Unreadable
        self._finish_word()

    def _operator(self, here: str) -> bool:
        """Read a blank, a redirection or an operator, if there is one."""
        redirection = _REDIRECTION.match(self.text, self.place)
        if redirection and not self.text.startswith(("<(", ">("), self.place):
            if redirection.group() in ("<<", "<<-"):
                raise Unreadable("a document in the text: its lines are no code")
            self.place = redirection.end()
            self._word.append(redirection.group())
            self._begun = True
        elif here in " \t\r" or (here == "\n" and self._goes_on()):
            self._finish_word()
            self.place += 1
        elif here == "(":
            self._finish_word()
            self._nested(SUBSHELL, end=")", width=1)
        elif here == ")":  # of a pattern in a case
            self._emit(";", width=1)
        else:
            found = next((o for o in _OPERATORS if self.text.startswith(o, self.place)), None)
            if found is None:
                return False
            self._emit(found, width=len(found))
        return True

    def _goes_on(self) -> bool:
        """A line that ends in a pipe, ``&&`` or ``||`` is not at its end."""
        last = self.found[-1] if self.found and not self._begun else None
        return last is not None and last.operator and last.text in ("|", "|&", "&&", "||")

    def _part(self, here: str) -> None:
        """Read one piece of a word."""
        self._begun = True
        if here == "'":
            start = self.place + 1
            self._skip_to("'", inclusive=True)
            self._word.append(self.text[start : self.place - 1])
        elif here == '"':
            self._double_quoted()
        else:
            self._piece(here)

    def _piece(self, here: str) -> None:
        """What is the same inside and outside of double quotes."""
        self._begun = True
        if here == "\\":
            self._word.append(self.text[self.place + 1 : self.place + 2].replace("\n", ""))
            self.place += 2
        elif here == "$" or self.text.startswith(("<(", ">("), self.place):
            self._expansion()
        elif here == "`":
            self._nested(self._kind(), end="`", width=1)
        else:
            self._word.append(here)
            self.place += 1

    def _double_quoted(self) -> None:
        self.place += 1
        while self.place < len(self.text):
            here = self.text[self.place]
            if here == '"':
                self.place += 1
                return
            self._piece(here) if here in "\\$`" else self._literal(here)
        raise Unreadable

    def _literal(self, here: str) -> None:
        self._begun = True
        self._word.append(here)
        self.place += 1

    def _expansion(self) -> None:
        text, place = self.text, self.place
        if text.startswith("$((", place):
            start = place
            self._skip_to("))", inclusive=True)
            inner = text[start + 3 : self.place - 2]
            self._uses.update(_NAME.findall(inner))
            self._word.append(inner)
        elif text.startswith(("$(", "<(", ">("), place):
            self._nested(self._kind(), end=")", width=2)
        elif text.startswith("${", place):
            start = place + 2
            self._skip_to("}", inclusive=True)
            self._uses.update(_NAME.findall(text[start : self.place])[:1])
            self._word.append("$")
        else:
            name = _NAME.match(text, place + 1)
            self._uses.update([name.group()] if name else [])
            self._word.append("$")
            self.place = name.end() if name else place + 1

    def _kind(self) -> str:
        """Only ``name=$(…)`` alone hands on the status of what is in the brackets."""
        words = ["".join(self._word)]
        for token in reversed(self.found):
            if token.operator and token.text != CLOSE:
                break
            if not token.operator:
                words.append(token.text)
        return ASSIGNED if all(_ASSIGNMENT.match(word) for word in words) else IGNORED

    def _nested(self, opening: str, *, end: str, width: int) -> None:
        self._finish_word()
        self._emit(opening, width=width)
        self.code(end=end)
        self.found.append(Token(CLOSE, operator=True))

    def _emit(self, operator: str, *, width: int) -> None:
        self._finish_word()
        self.found.append(Token(operator, operator=True))
        self.place += width

    def _finish_word(self) -> None:
        if self._begun:
            self.found.append(Token("".join(self._word), uses=frozenset(self._uses)))
        self._word, self._uses, self._begun = [], set(), False

    def _skip_to(self, mark: str, *, inclusive: bool) -> None:
        found = self.text.find(mark, self.place + 1)
        if found < 0 and inclusive:
            raise Unreadable
        self.place = len(self.text) if found < 0 else found + (len(mark) if inclusive else 0)
