# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The fix is in: a pattern in the deployed source, or an expression on the imported modules."""

from __future__ import annotations

import os
import re
import typing as t
from pathlib import Path

from .._dataclass import dataclass
from .._errors import FleetError
from .interpreter import Evaluated, Seen

_READ_BYTES = 8 << 20


@dataclass(frozen=True)
class Assertion:
    """Either ``expression``, or ``pattern`` together with ``file`` or ``module``."""

    expression: t.Optional[str] = None
    pattern: t.Optional[str] = None
    file: t.Optional[str] = None
    module: t.Optional[str] = None


def parse(raw: t.Sequence[t.Mapping[str, t.Any]]) -> t.Tuple[Assertion, ...]:
    """Check the user's list before anything is started (INV-11)."""
    return tuple(_one(number, entry) for number, entry in enumerate(raw, start=1))


def modules_of(assertions: t.Sequence[Assertion]) -> t.Tuple[str, ...]:
    """Modules whose files the patterns are looked for in."""
    return tuple(one.module for one in assertions if one.module)


def expressions_of(assertions: t.Sequence[Assertion]) -> t.Tuple[str, ...]:
    """Expressions in order, as the interpreter answers them."""
    return tuple(one.expression for one in assertions if one.expression)


def failures(assertions: t.Sequence[Assertion], seen: Seen, *, folder: Path) -> t.Tuple[str, ...]:
    """One sentence for each assertion that does not hold."""
    answers = iter(seen.expressions)
    found = []
    for one in assertions:
        if one.expression:
            found.append(_expression(one.expression, next(answers)))
        else:
            found.append(_pattern(one, seen, folder=folder))
    return tuple(sentence for sentence in found if sentence)


def _one(number: int, entry: t.Mapping[str, t.Any]) -> Assertion:
    one = Assertion(**{name: entry.get(name) for name in Assertion.__dataclass_fields__})
    place = f"assertions, entry {number}"
    shapes = (bool(one.expression), bool(one.pattern))
    if shapes not in ((True, False), (False, True)):
        raise FleetError(f"{place}: give either expression, or pattern with file or module.")
    if one.pattern and bool(one.file) == bool(one.module):
        raise FleetError(f"{place}: a pattern needs exactly one of file and module.")
    if one.expression and (one.file or one.module):
        raise FleetError(f"{place}: an expression names its modules itself; leave file and module.")
    try:
        if one.pattern:
            re.compile(one.pattern, re.MULTILINE)
        else:
            import ast  # slow, and patterns are usual

            ast.parse(one.expression or "", mode="eval")
    except (re.error, SyntaxError, ValueError) as error:
        text = one.pattern or one.expression
        raise FleetError(f'{place}: "{text}" cannot be read: {error}.') from error
    return one


def _expression(text: str, answer: Evaluated) -> t.Optional[str]:
    if answer.ok:
        return None
    if answer.error:
        return f'Assertion "{text}" could not be evaluated: {answer.error}.'
    if answer.left is not None:
        return f'Assertion "{text}" does not hold: the left side is {answer.left}.'
    return f'Assertion "{text}" does not hold: it is {answer.value}.'


def _pattern(one: Assertion, seen: Seen, *, folder: Path) -> t.Optional[str]:
    if one.module:
        origin = seen.modules[one.module].origin
        if origin is None:
            reason = seen.modules[one.module].error or "it has no source file"
            return f'Pattern "{one.pattern}": module "{one.module}" has no file to read: {reason}.'
        path = Path(origin)
    else:
        path = folder / os.path.expanduser(one.file or "")
    try:
        with open(path, "rb") as stream:
            text = stream.read(_READ_BYTES).decode("utf-8", "replace")
    except OSError as error:
        return f'Pattern "{one.pattern}": "{path}" cannot be read: {error.strerror}.'
    if re.search(one.pattern or "", text, re.MULTILINE):
        return None
    return f'Pattern "{one.pattern}" is not in "{path}".'
