# SPDX-License-Identifier: GPL-3.0-or-later
"""What tasks of playbooks and roles say when they refuse: messages of assert and fail."""

from __future__ import annotations

import re
import typing as t

import paths
from shapes import BEGIN, END, literal

_EXPRESSION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_STATEMENT = re.compile(r"\{%.*?%\}", re.DOTALL)
_ENTRY = re.compile(r"((?:INV|AP|G)-\d+): ")


def found() -> t.Iterator[t.Tuple[str, str, str]]:
    """Entry (or nothing), message with its values marked, and file."""
    for folder in ("playbooks", "roles"):
        for path in sorted((paths.ROOT / folder).rglob("*.yml")):
            if path.parent.name not in ("playbooks", "tasks"):
                continue
            file = path.relative_to(paths.ROOT).as_posix()
            for task in paths.mappings(paths.load(path)):
                message = _message(task)
                if message and re.search(r"\w{2,} \w{2,}", literal(message)):
                    entry = _ENTRY.match(message)
                    yield (entry[1] if entry else ""), message, file


def _message(task: t.Mapping[str, t.Any]) -> str:
    """Of a task that fails by intention; a variable of the task itself is looked up."""
    said = (task.get("ansible.builtin.assert") or {}).get("fail_msg") or (
        task.get("ansible.builtin.fail") or {}
    ).get("msg")
    if not isinstance(said, str):
        return ""
    variable = re.fullmatch(r"\{\{\s*(\w+)\s*\}\}", said.strip())
    if variable:
        said = str((task.get("vars") or {}).get(variable[1], said))
    shown = _EXPRESSION.sub(lambda one: f"{BEGIN}{_name(one[1])}{END}", _STATEMENT.sub("", said))
    return " ".join(shown.split())


def _name(expression: str) -> str:
    """The last word of the first name: "__seen.daemon.unit | default('')" is about a unit."""
    name = re.search(r"[A-Za-z_][\w.]*", expression)
    last = name[0].rpartition(".")[2].strip("_") if name else "…"
    return last.replace("_", " ")
