# SPDX-License-Identifier: GPL-3.0-or-later
"""What an expression of the code would say: its text, with a name where a value comes in."""

from __future__ import annotations

import ast
import re
import typing as t

_DEEP = 6
# A value stands between these until the text is shown.
BEGIN, END = "\x01", "\x02"
# Functions that change how a value looks, not what it is.
_TRANSPARENT = frozenset(
    "join sorted str repr list set map max min int float round abs format_bytes redact Path "
    "expanduser realpath os path quoted".split()
)


class Reader:
    """Reads expressions of one file; follows names and calls within it."""

    def __init__(self, tree: ast.Module) -> None:
        self._functions: t.Dict[str, ast.AST] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                self._functions.setdefault(node.name, node)
        self._constants = _assignments(tree.body)

    def shapes(
        self, node: t.Optional[ast.AST], scope: t.Optional[ast.AST], *, depth: int = 0
    ) -> t.List[str]:
        """Every text the expression can be, as far as the file says; never empty."""
        if node is None or depth > _DEEP:
            return [_value("…")]
        if isinstance(node, ast.Constant):
            return [node.value] if isinstance(node.value, str) else []
        if isinstance(node, ast.JoinedStr):
            return _product([self._part(one, scope, depth) for one in node.values])
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            sides = [self.shapes(one, scope, depth=depth + 1) for one in (node.left, node.right)]
            return _product(sides)
        if isinstance(node, (ast.IfExp, ast.BoolOp)):
            parts = node.values if isinstance(node, ast.BoolOp) else [node.body, node.orelse]
            return _each(self.shapes(one, scope, depth=depth + 1) for one in parts)
        found = self._followed(node, scope, depth)
        return found or [_value(name_of(node))]

    def _part(self, node: ast.AST, scope: t.Optional[ast.AST], depth: int) -> t.List[str]:
        """A piece of an f-string; alternatives of a short one are not spelt out."""
        if not isinstance(node, ast.FormattedValue):
            return self.shapes(node, scope, depth=depth + 1)
        inner = node.value
        if isinstance(inner, (ast.Name, ast.IfExp, ast.Call, ast.BinOp)):
            found = self.shapes(inner, scope, depth=depth + 1)
            if all(" " in literal(one) for one in found if one):
                return found
        return [_value(name_of(inner))]

    def _followed(
        self, node: ast.AST, scope: t.Optional[ast.AST], depth: int
    ) -> t.Optional[t.List[str]]:
        if isinstance(node, ast.Name):
            local = _assignments(ast.walk(scope)) if scope is not None else {}
            values = local.get(node.id) or self._constants.get(node.id) or []
            values = [one for one in values if not _mentions(one, node.id)]
            if len(values) > 1:
                values = [one for one in values if getattr(one, "value", None) != ""]
            return _each(
                self.shapes(one, scope, depth=depth + 1)
                for one in values
                if not isinstance(one, ast.Constant) or isinstance(one.value, str)
            )
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            called = self._functions.get(name)
            return self.returned(called, depth=depth + 1) if called is not None else None
        return None

    def returned(self, function: t.Optional[ast.AST], *, depth: int = 0) -> t.List[str]:
        """What a function of this file returns."""
        if function is None:
            return []
        values = [
            node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Return) and node.value is not None
        ]
        texts = [one for one in values if not isinstance(one, (ast.Tuple, ast.List, ast.Dict))]
        found = _each(self.shapes(one, function, depth=depth + 1) for one in texts)
        return [one for one in found if one]

    def function(self, name: str) -> t.Optional[ast.AST]:
        """A function or method of this file."""
        return self._functions.get(name)


def literal(text: str) -> str:
    """What is left of a text without its values."""
    return re.sub(f"{BEGIN}.*?{END}", "", text)


def name_of(node: ast.AST) -> str:
    """A short word for a value."""
    if isinstance(node, ast.Name):
        return node.id.strip("_")
    if isinstance(node, ast.Attribute):
        return node.attr.strip("_")
    if isinstance(node, ast.Subscript):
        key = node.slice
        named = isinstance(key, ast.Constant) and isinstance(key.value, str)
        return str(key.value) if named else name_of(node.value)  # type: ignore[attr-defined]
    if isinstance(node, ast.Call):
        return _called(node)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = [name_of(node.left), name_of(node.right)]
        return " + ".join(one for one in sides if one != "…") or "…"
    if isinstance(node, (ast.BinOp, ast.BoolOp, ast.IfExp)):
        inner = [one for one in ast.walk(node) if isinstance(one, (ast.Name, ast.Attribute))]
        names = [name_of(one) for one in inner]
        return next((one for one in names if one not in _TRANSPARENT | {"len"}), "…")
    return "…"


def _called(node: ast.Call) -> str:
    name = name_of(node.func)
    if name == "len":
        return "number"
    if name in _TRANSPARENT:
        inner = [one for argument in reversed(node.args) for one in ast.walk(argument)]
        names = [name_of(one) for one in inner if isinstance(one, (ast.Attribute, ast.Name))]
        return next((one for one in names if one not in _TRANSPARENT), name)
    return name


def _assignments(nodes: t.Iterable[ast.AST]) -> t.Dict[str, t.List[ast.AST]]:
    """Every value a name is given, also as a part of a tuple."""
    found: t.Dict[str, t.List[ast.AST]] = {}
    for node in nodes:
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            if isinstance(target, ast.Name):
                found.setdefault(target.id, []).append(node.value)
            elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                for one, given in zip(target.elts, node.value.elts):
                    if isinstance(one, ast.Name):
                        found.setdefault(one.id, []).append(given)
    return found


def _mentions(node: ast.AST, name: str) -> bool:
    return any(isinstance(one, ast.Name) and one.id == name for one in ast.walk(node))


def _value(name: str) -> str:
    return f"{BEGIN}{name.replace('_', ' ').lower()}{END}"


def _each(groups: t.Iterable[t.Sequence[str]]) -> t.List[str]:
    return list(dict.fromkeys(one for group in groups for one in group))


def _product(parts: t.Sequence[t.Sequence[str]]) -> t.List[str]:
    """All ways to put the parts one after the other, if they are not too many."""
    made = [""]
    for part in parts:
        choices = list(part) or [""]
        if len(made) * len(choices) > 8:
            choices = [_value("…")]
        made = [before + after for before in made for after in choices]
    return made
