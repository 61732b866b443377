# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything the code refuses: each place that names a catalogue entry or raises ``Refused``."""

from __future__ import annotations

import ast
import functools
import re
import typing as t
from dataclasses import dataclass

import hazards
import paths
import task_messages
from markup import Text, code, escape, table
from shapes import BEGIN, END, Reader, literal

PAGE = "refusals.md"
PER_JOB = "per job"
_ENTRY = re.compile(r"(?:INV|AP|G)-\d+$")
_MESSAGE_KEYWORDS = ("why", "problem", "message", "what", "reason")
_HEAD = """\
# Refusals

What the collection says when it does not do something, by the entry of the
[catalogue](../hazards.md) that it names as `hazard` in the result. A word in *italics* stands for
what was found. *refused*: said before anything was changed. *failed*: it was tried, and could not
be done. *per job*: said of one job; the others go on, unless the set is queued as a whole.

"""
_ANSWERS = "plugins/plugin_utils/_answers.py"
_OF_ANSWERS = """
## Variables that cannot be meant

What a playbook says of a variable, as an answer in a survey or as `-e`, before it touches a host.
Each begins with the variable's name.

"""
_WITHOUT = """
## Without an entry

Refused before anything was changed, and no hazard of the catalogue.

"""


@dataclass(frozen=True, order=True)
class Refusal:
    """One message, where it is made, and what it stands for."""

    hazard: str
    kind: str
    message: str
    file: str


def pages() -> t.Dict[str, str]:
    """The one page."""
    text = Text(PAGE)
    parts = [_HEAD]
    found = scan()
    for entry, title in hazards.catalogue().items():
        rows = rows_of(entry, text)
        if rows:
            parts.append(f"## {entry}\n\n{text.to(f'hazards/{entry}.md', escape(title))}\n\n")
            parts.append(table(["message", "kind", "in"], rows) + "\n")
    answers = [one for one in found if not one.hazard and one.file == _ANSWERS]
    bare = [_row(one, text) for one in found if not one.hazard and one not in answers]
    parts += [_WITHOUT.lstrip("\n"), table(["message", "kind", "in"], bare), _OF_ANSWERS]
    parts += [
        "".join(
            f"* {line}\n"
            for line in dict.fromkeys(
                _row(one, text)[0].removeprefix("*name*: ") for one in answers
            )
        )
    ]
    return {PAGE: "".join(parts)}


def rows_of(entry: str, text: Text) -> t.List[t.Sequence[str]]:
    """The rows of one entry."""
    return [_row(one, text) for one in scan() if one.hazard == entry]


def _row(one: Refusal, text: Text) -> t.Sequence[str]:
    pieces = re.split(f"{BEGIN}(.*?){END}", one.message)
    shown = "".join(
        f"*{escape(piece)}*" if number % 2 else text.plain(piece)
        for number, piece in enumerate(pieces)
    )
    return [shown.replace("**", "* *"), one.kind, code(one.file)]


@functools.lru_cache(maxsize=None)
def scan() -> t.Tuple[Refusal, ...]:
    """Every refusal of the plugins."""
    found: t.Set[Refusal] = set()
    for path in sorted((paths.ROOT / "plugins").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        file = path.relative_to(paths.ROOT).as_posix()
        found |= {Refusal(*one, file) for one in _File(tree).found(answers=file == _ANSWERS)}
    for entry, message, file in task_messages.found():
        found.add(Refusal(entry, "refused", message, file))
    hard = {(one.hazard, one.message, one.file) for one in found if one.kind != PER_JOB}
    return tuple(
        one
        for one in sorted(found)
        if one.kind != PER_JOB or (one.hazard, one.message, one.file) not in hard
    )


class _File:
    """Walks one file with its functions as scopes."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._reader = Reader(tree)

    def found(self, *, answers: bool) -> t.Iterator[t.Tuple[str, str, str]]:
        """Entry (or nothing), kind and message."""
        for node in ast.walk(self._tree):
            if isinstance(node, ast.ClassDef):
                yield from self._of_class(node)
        for scope, node in _scoped(self._tree):
            entries = self._entries(node, scope)
            wanted = ("WrongAnswer", "ValueError") if answers else ("Refused",)
            raised = isinstance(node, ast.Call) and _function(node) in wanted
            if not entries and not (raised and _keyword(node, "hazard") is None):
                continue
            for message in self._messages(node, scope):
                text = message.strip()
                # A passed-on message says nothing of its own.
                if re.search(r"\w{2,} \w{2,}", literal(text)):
                    for entry in entries or [""]:
                        yield entry, _kind(node), text

    def _of_class(self, node: ast.ClassDef) -> t.Iterator[t.Tuple[str, str, str]]:
        """A record that works its entry and its sentence out by itself."""
        methods = {one.name: one for one in node.body if isinstance(one, ast.FunctionDef)}
        if {"hazard", "why"} <= set(methods):
            for entry in self._reader.returned(methods["hazard"]):
                for text in self._reader.returned(methods["why"]):
                    yield entry, PER_JOB, text

    def _entries(self, node: ast.AST, scope: t.Optional[ast.AST]) -> t.List[str]:
        if isinstance(node, ast.Call):
            given = _keyword(node, "hazard")
            places = [given] if given is not None else node.args
        else:
            places = node.elts if isinstance(node, ast.Tuple) else []
        texts = [text for one in places for text in self._names(one, scope)]
        return [text for text in dict.fromkeys(texts) if _ENTRY.match(text)]

    def _names(self, node: ast.AST, scope: t.Optional[ast.AST]) -> t.List[str]:
        """What an expression for an entry can be; ``x.hazard`` is a property of this file."""
        if isinstance(node, ast.Attribute) and node.attr == "hazard":
            return self._reader.returned(self._reader.function("hazard"))
        if isinstance(node, (ast.Constant, ast.Name, ast.IfExp)):
            return self._reader.shapes(node, scope)
        return []

    def _messages(self, node: ast.AST, scope: t.Optional[ast.AST]) -> t.List[str]:
        if isinstance(node, ast.Tuple):
            candidates = list(node.elts)
        else:
            assert isinstance(node, ast.Call)
            named = [_keyword(node, name) for name in _MESSAGE_KEYWORDS]
            candidates = [one for one in named if one is not None] or list(node.args)
            if _function(node) in ("Refused", "FleetError") or _function(node).endswith("Error"):
                candidates = candidates[:1]
        texts = [text for one in candidates for text in self._reader.shapes(one, scope)]
        return [text for text in texts if not _ENTRY.match(text)]


def _scoped(tree: ast.Module) -> t.Iterator[t.Tuple[t.Optional[ast.AST], ast.AST]]:
    """Calls and tuples with the innermost function around them."""

    def walk(node: ast.AST, scope: t.Optional[ast.AST]) -> t.Iterator[t.Any]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.Call, ast.Tuple)):
                yield scope, child
            inside = child if isinstance(child, (ast.FunctionDef, ast.Lambda)) else scope
            yield from walk(child, inside)

    return walk(tree, None)


def _function(node: ast.Call) -> str:
    target = node.func
    return getattr(target, "id", None) or getattr(target, "attr", "")


def _keyword(node: ast.AST, name: str) -> t.Optional[ast.AST]:
    if not isinstance(node, ast.Call):
        return None
    return next((one.value for one in node.keywords if one.arg == name), None)


def _kind(node: ast.AST) -> str:
    name = _function(node) if isinstance(node, ast.Call) else ""
    if name in ("Refused", "Room"):
        return "refused"
    return PER_JOB if name in ("", "Remark", "Refusal", "Finding") else "failed"
