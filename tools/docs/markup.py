# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's documentation markup as Markdown, and the few pieces that pages are made of."""

from __future__ import annotations

import functools
import json
import os
import re
import typing as t
from pathlib import PurePosixPath

import paths

_MACRO = re.compile(r"\b(I|B|M|P|L|U|R|C|O|V|E|RV)\(((?:\\.|[^)\\])*)\)|\bHORIZONTALLINE\b")
# An underscore inside a word is none of Markdown's business.
_SPECIAL = re.compile(r"[\\`*\[\]<>]|\b_|_\b")
_ENTRY = re.compile(r"\b(?:INV|AP|G)-\d+\b")


class Text:
    """Turns the markup of one page's texts into Markdown; knows the page, for its links."""

    def __init__(self, page: str) -> None:
        self._folder = PurePosixPath(page).parent

    def __call__(self, value: t.Any, *, separator: str = " ") -> str:
        """One description, or several of them as paragraphs."""
        parts = [value] if isinstance(value, str) else list(value or [])
        return separator.join(self._one(part) for part in parts)

    def link(self, kind: str, full: str) -> str:
        """A plugin's name, linked where its page is one of ours."""
        collection, _dot, name = full.rpartition(".")
        if collection != paths.NAMESPACE:
            return code(full)
        return self.to(f"{kind}s/{name}.md", code(full))

    def to(self, page: str, text: str) -> str:
        """A link to another page of the reference."""
        return f"[{text}]({os.path.relpath(page, self._folder)})"

    def plain(self, text: str) -> str:
        """Text without markup; entries of the catalogue are linked."""
        return _ENTRY.sub(lambda one: self.to(f"hazards/{one[0]}.md", one[0]), escape(text))

    def _one(self, text: str) -> str:
        done, end = [], 0
        for found in _MACRO.finditer(text):
            done.append(self.plain(text[end : found.start()]))
            done.append(self._macro(found[1], re.sub(r"\\(.)", r"\1", found[2] or "")))
            end = found.end()
        return "".join([*done, self.plain(text[end:])])

    def _macro(self, kind: t.Optional[str], content: str) -> str:
        if kind is None:
            return "\n\n---\n\n"
        if kind in ("I", "B"):
            mark = "*" if kind == "I" else "**"
            return f"{mark}{escape(content)}{mark}"
        if kind in ("M", "P"):
            name, _hash, plugin_type = content.partition("#")
            return self.link("module" if kind == "M" else plugin_type, name.strip())
        if kind in ("L", "U", "R"):
            shown, _comma, target = content.rpartition(",") if kind != "U" else ("", "", content)
            target = target.strip()
            return escape(shown) if kind == "R" else f"[{escape(shown or target)}]({target})"
        if kind == "C" and content in _playbooks():
            return self.link("playbook", content)
        return self._name(content) if kind in ("O", "RV") else code(content)

    def _name(self, content: str) -> str:
        """An option or a return value, perhaps of another plugin and perhaps with a value."""
        plugin, colon, name = content.partition(":")
        if not colon or "#" not in plugin:
            return code(content)
        full, _hash, kind = plugin.partition("#")
        return f"{code(name.rpartition(':')[2])} of {self.link(kind, full)}"


@functools.lru_cache(maxsize=None)
def _playbooks() -> t.FrozenSet[str]:
    """Full names that mean a playbook and nothing else."""
    modules = {path.stem for path in (paths.ROOT / "plugins" / "modules").glob("*.py")}
    names = {path.stem for path in (paths.ROOT / "playbooks").glob("*.yml")} - modules
    return frozenset(f"{paths.NAMESPACE}.{name}" for name in names)


def code(text: t.Any) -> str:
    """A code span, whatever is in it."""
    text = str(text)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    pad = " " if text[:1] == "`" or text[-1:] == "`" else ""
    fence = "`" * (longest + 1)
    return f"{fence}{pad}{text}{pad}{fence}" if text else "(empty)"


def escape(text: str) -> str:
    """Plain text that Markdown must leave alone."""
    # One tilde is a home, two are a deletion.
    text = text.replace("~", r"\~") if text.count("~") > 1 else text
    return _SPECIAL.sub(lambda found: found[0] if found[0] == "\\" else f"\\{found[0]}", text)


def value(one: t.Any) -> str:
    """A value as it is written in YAML."""
    if isinstance(one, str):
        return code(one if one else '""')
    if isinstance(one, bool):
        return code(str(one).lower())
    return code(json.dumps(one, ensure_ascii=False, sort_keys=True))


def table(headings: t.Sequence[str], rows: t.Iterable[t.Sequence[str]]) -> str:
    """A table; a cell is one line."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(map(cell, line))} |\n" for line in lines).replace("|  |", "| |")


def cell(text: str) -> str:
    """What may stand between two bars."""
    flat = re.sub(r"\s*\n\s*", " ", text.strip())
    return re.sub(r"(?<!\\)\|", r"\\|", flat)


def fenced(text: str, language: str = "") -> str:
    """A block of code."""
    return f"```{language}\n{text.strip(chr(10))}\n```\n"
