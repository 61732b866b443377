# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/hazards.md from what the hazard tests say of themselves.

    python tools/hazards.py [--check]

The first line of a test file's docstring is "ENTRY: what happens.", and a paragraph of it is
"Stopped by: what." With ``--check`` nothing is written; a page that is not up to date is an error.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "hazards.md"
KINDS = ("INV", "AP", "G")
STOPPED = "Stopped by: "
# Folder of tests -> where they run.
LAYERS = {
    "tests/hazards": "any machine",
    "tests/lab/vm": "virtual machine",
    "tests/lab/containers": "systemd container",
    "tests/lab/many_hosts": "many names over ssh",
}
NAMES = "test_INV_*.py", "test_AP_*.py", "test_G_*.py"
HEAD = """\
# Hazards that are closed

Each test first makes the accident happen on the real component, without the guard, and then
shows the guard stop it. INV are invariants, AP anti-patterns, G gotchas of a host; messages of
the collection name them. What is not listed is not closed. "Shown on" is the layer of the
test: what is not "any machine" needs the lab (see development.md). `python tools/hazards.py`
makes this page.

| entry | what happens | what stops it | shown on | shown by |
|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Hazard:
    """One row."""

    entries: tuple[str, ...]
    happens: str
    stopped: str
    folder: str
    file: str

    @property
    def order(self) -> tuple[int, int, int]:
        kind, _unused, number = self.entries[0].partition("-")
        return KINDS.index(kind), int(number), list(LAYERS).index(self.folder)

    @property
    def row(self) -> str:
        where, path = LAYERS[self.folder], f"`{self.folder}/{self.file}`"
        cells = ", ".join(self.entries), self.happens, self.stopped, where, path
        return f"| {' | '.join(cells)} |"


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
    happens = _sentence(head.partition(": ")[2])
    folder = path.parent.relative_to(ROOT).as_posix()
    return Hazard(entries, happens, _sentence(stopped[0]), folder, path.name)


def _sentence(text: str) -> str:
    return text.rstrip(".").replace("``", "`").replace("|", "\\|")


def page() -> str:
    """The whole page."""
    paths = set((ROOT / "tests" / "hazards").glob("test_*.py"))
    paths |= {path for folder in LAYERS for name in NAMES for path in (ROOT / folder).glob(name)}
    found = sorted((read(path) for path in paths), key=lambda one: (one.order, one.file))
    rows = [one.row for one in found]
    return HEAD + "\n".join(rows) + "\n"


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
