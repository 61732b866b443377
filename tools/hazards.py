# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/hazards.md from what the hazard tests say of themselves, and what is left open.

    python tools/hazards.py [--check]

A test file is named after its first entry, the first line of its docstring is "ENTRY: what
happens.", and a paragraph of it is "Stopped by: what." Entries without one are listed as open, in
the words of tests/hazards/catalogue.toml. With ``--check`` nothing is written; a page that is not
up to date is an error.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import typing as t
from dataclasses import dataclass
from pathlib import Path

import tomllib

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "hazards.md"
CATALOGUE = ROOT / "tests" / "hazards" / "catalogue.toml"
KINDS = ("INV", "AP", "G")
# Where the tests of each layer are, and what a layer is.
LAYERS = {
    "tests/hazards": ("embedded", "real components of the machine that runs the tests"),
    "tests/lab/vm": ("VM", "a virtual machine with a kernel, systemd and cgroup v2 of its own"),
    "tests/lab/containers": ("container", "a systemd container, reached over ssh"),
}
STOPPED = "Stopped by: "
HEAD = """\
# Hazards

INV are invariants, AP anti-patterns, G gotchas of a host; messages of the collection name them.
`make docs` makes this page of the tests, and a contract test fails where it says
more than they show.

## Closed

Each test first makes the accident happen on the real component, without the guard, and then
shows the guard stop it. Its layer says on what:

"""
TABLE = """
| entry | what happens | what stops it | layer | shown by |
|---|---|---|---|---|
"""
OPEN = """
## Open

Nothing of the collection is shown to stop these.

| entry | what happens |
|---|---|
"""


@dataclass(frozen=True)
class Hazard:
    """One row."""

    entries: tuple[str, ...]
    happens: str
    stopped: str
    file: str

    @property
    def layer(self) -> str:
        return LAYERS[self.file.rpartition("/")[0]][0]

    @property
    def order(self) -> tuple[int, int, str]:
        return (*order(self.entries[0]), self.file)


def files() -> t.Iterator[Path]:
    """Every test that is named after an entry."""
    for folder in LAYERS:
        for path in sorted((ROOT / folder).glob("test_*.py")):
            if re.match(rf"test_(?:{'|'.join(KINDS)})_\d+_", path.name):
                yield path


def read(path: Path) -> Hazard:
    """A test file's own words; SystemExit names a file that lacks them."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    head, *more = (" ".join(part.split()) for part in text.split("\n\n"))
    entries = tuple(re.findall(rf"(?:{'|'.join(KINDS)})-\d+", head.partition(": ")[0]))
    stopped = [part[len(STOPPED) :] for part in more if part.startswith(STOPPED)]
    if not entries or len(stopped) != 1:
        raise SystemExit(
            f'tools/hazards.py: the docstring of "{path.name}" needs a first line "ENTRY: what '
            f'happens." and one paragraph "{STOPPED}what.".'
        )
    name = path.relative_to(ROOT).as_posix()
    if not path.name.startswith(f"test_{entries[0].replace('-', '_')}_"):
        raise SystemExit(f'tools/hazards.py: "{name}" is about {entries[0]}, and not named so.')
    unknown = sorted(set(entries) - set(catalogue()))
    if unknown:
        raise SystemExit(f'tools/hazards.py: "{name}": {CATALOGUE.name} has no {unknown[0]}.')
    return Hazard(entries, _sentence(head.partition(": ")[2]), _sentence(stopped[0]), name)


def catalogue() -> dict[str, str]:
    """Every entry, in order, with what happens."""
    tables = tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))
    found = {f"{kind}-{one}": text for kind in KINDS for one, text in tables[kind].items()}
    return dict(sorted(found.items(), key=lambda item: order(item[0])))


def link(entry: str) -> str:
    """The entry, with its page in the reference."""
    return f"[{entry}](reference/hazards/{entry}.md)"


def order(entry: str) -> tuple[int, int]:
    """Kinds as people name them, numbers as numbers."""
    kind, _unused, number = entry.partition("-")
    return KINDS.index(kind), int(number)


def _sentence(text: str) -> str:
    return text.rstrip(".").replace("``", "`").replace("|", "\\|")


def page() -> str:
    """The whole page."""
    found = sorted((read(path) for path in files()), key=lambda one: one.order)
    used = {one.layer for one in found}
    layers = [f"* {name}: {what}\n" for name, what in LAYERS.values() if name in used]
    rows = [
        f"| {', '.join(map(link, one.entries))} | {one.happens} | {one.stopped} | {one.layer} "
        f"| `{one.file}` |\n"
        for one in found
    ]
    closed = {entry for one in found for entry in one.entries}
    left = [f"| {link(key)} | {text} |\n" for key, text in catalogue().items() if key not in closed]
    return HEAD + "".join(layers) + TABLE + "".join(rows) + OPEN + "".join(left)


def main() -> int:
    """Read the command line, write or compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true")
    wanted = page()
    if not parser.parse_args().check:
        PAGE.write_text(wanted, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != wanted:
        print("docs/hazards.md is not up to date: run python tools/hazards.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
