# SPDX-License-Identifier: GPL-3.0-or-later
"""A page for every entry of the catalogue: what it is, what stops it, which test shows it."""

from __future__ import annotations

import ast
import re
import typing as t
from pathlib import Path

import ansible_doc
import hazards
import paths
import refusals
from markup import Text, code, escape, table

KINDS = {"INV": "invariant", "AP": "anti-pattern", "G": "gotcha of a host"}
_OPEN = """\
## What stops it

Nothing of the collection is shown to stop this.
"""


def pages() -> t.Dict[str, str]:
    """Every page."""
    shown: t.Dict[str, t.List[hazards.Hazard]] = {}
    for found in sorted(
        (hazards.read(path) for path in hazards.files()), key=lambda one: one.order
    ):
        for entry in found.entries:
            shown.setdefault(entry, []).append(found)
    return {
        page_of(entry): _page(entry, title, shown.get(entry, []))
        for entry, title in hazards.catalogue().items()
    }


def page_of(entry: str) -> str:
    """Where the entry's page is."""
    return f"hazards/{entry}.md"


def _page(entry: str, title: str, shown: t.Sequence[hazards.Hazard]) -> str:
    text = Text(page_of(entry))
    kind = KINDS[entry.partition("-")[0]]
    parts = [f"# {entry}: {escape(title)}\n"]
    state = "closed: a test shows what stops it" if shown else "open"
    parts.append(f"An {kind}, {state}." if kind[0] in "aeiou" else f"A {kind}, {state}.")
    parts[-1] += f" All of them: {text.to('../hazards.md', 'the catalogue')}.\n"
    if not shown:
        parts.append(_OPEN)
    for one in shown:
        parts += _shown(one)
    rows = refusals.rows_of(entry, text)
    if rows:
        parts.append("## What the collection says\n")
        parts.append(table(["message", "kind", "in"], rows))
        parts.append(f"What the kinds mean: {text.to(refusals.PAGE, 'refusals')}.\n")
    parts += _named(entry, text)
    return "\n".join(parts)


def _shown(one: hazards.Hazard) -> t.List[str]:
    what = dict(hazards.LAYERS.values())[one.layer]
    parts = ["## What happens\n", f"{_words(one.happens)}.\n"]
    parts += ["## What stops it\n", f"{_words(one.stopped)}.\n"]
    parts += ["## Which test shows it\n", f"{code(one.file)}, on {what}:\n"]
    parts.append("".join(f"* {line}\n" for line in _tests(paths.ROOT / one.file)))
    return parts


def _words(text: str) -> str:
    """The first letter large; the markup is Markdown already."""
    return text[:1].upper() + text[1:]


def _tests(path: Path) -> t.Iterator[str]:
    """Every test of the file as a sentence: its name, and what its docstring adds."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            said = " ".join((ast.get_docstring(node) or "").split()).replace("``", "`")
            yield code(node.name[len("test_") :].replace("_", " ")) + (f": {said}" if said else "")


def _named(entry: str, text: Text) -> t.List[str]:
    """Modules, roles, filters and guides that name the entry."""
    lines = []
    for kind, documents in ansible_doc.dump().items():
        names = [name for name, one in documents.items() if _has(entry, repr(one))]
        lines += [f"* {kind} {text.link(kind, f'{paths.NAMESPACE}.{name}')}\n" for name in names]
    for path in guides():
        if _has(entry, path.read_text(encoding="utf-8")):
            target = "../" + path.relative_to(paths.ROOT / "docs").as_posix()
            lines.append(f"* guide {text.to(target, path.relative_to(paths.ROOT).as_posix())}\n")
    return ["## Where it is named\n", "".join(lines)] if lines else []


def guides() -> t.List[Path]:
    """Pages that people write."""
    folder = paths.ROOT / "docs"
    return [
        path
        for path in sorted(folder.rglob("*.md"))
        if paths.REFERENCE not in path.parents and path.name != hazards.PAGE.name
    ]


def _has(entry: str, text: str) -> bool:
    return re.search(rf"\b{entry}\b", text) is not None
