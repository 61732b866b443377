# SPDX-License-Identifier: GPL-3.0-or-later
"""A guide as a script: what its reader types, which files they write, what they are shown.

* A block of ``sh`` is typed as it stands. It has to end well, or with the code of a comment before
  it that nobody sees on the page: ``<!-- exit 2 -->``.
* A block of ``text`` that follows shows what was printed: each of its lines has to be there, in
  that order. ``…`` stands for anything, and ``same`` says which differences are none. A block that
  only looks is typed again for a while, since a job may need a moment.
* A block after a line that ends with a file's name in backticks and a colon is written to it.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```(\w*)$")
_FILE = re.compile(r"`([^`]+)`:$")
_EXIT = re.compile(r"^<!-- exit (\d+) -->$")
_LOOK = re.compile(r" fleet\.jobs\.status |/fleet-jobs (?:why|logs|status)\b")
_HEADING = re.compile(r"^##+ (.+)$")
# What is another every time: commits and ids, moments, seconds, memory that was used, task numbers.
_VARIES = (
    (r"\b(?=[0-9a-f]*\d)[0-9a-f]{7,40}\b", "HEX"),
    (r"\b20\d\d-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?\b", "MOMENT"),
    (r"\b\d+(\.\d+)? ?s\b", "SECONDS"),
    (r"\b\d+/(\d+) s\b", "SECONDS"),
    (r"\b\d+\.\d+[KMG]\b", "MEMORY"),
    (r"\btask_logs/\d+\.log\b", "LOG"),
)


@dataclass
class Step:
    """A block of a guide; ``shown`` are the lines that its output is said to have."""

    line: int
    section: str
    text: str
    file: t.Optional[str] = None
    code: int = 0
    shown: t.Tuple[str, ...] = ()

    @property
    def looks(self) -> bool:
        """Whether it only looks, so that it may be typed again until what is awaited is there."""
        return all(_LOOK.search(line) for line in self.text.splitlines())


def read(path: Path) -> t.List[Step]:
    """The steps of a guide, in order."""
    steps: t.List[Step] = []
    section, before, code = "", "", 0
    lines = iter(enumerate(path.read_text(encoding="utf-8").splitlines(), start=1))
    for number, line in lines:
        fence, heading, ending = _FENCE.match(line), _HEADING.match(line), _EXIT.match(line)
        if fence:
            text = _block(path, number, lines)
            kind, file = fence.group(1), _FILE.search(before)
            if kind == "text":
                assert steps and steps[-1].section == section, f"{path.name}:{number} of what?"
                steps[-1].shown += tuple(text.splitlines())
            elif kind == "sh" or file:
                step = Step(number, section, text, file.group(1) if file else None, code)
                steps.append(step)
                code = 0
        elif heading:
            section = slug(heading.group(1))
        elif ending:
            code = int(ending.group(1))
        if line.strip() and not ending:
            before = line
    return steps


def _block(path: Path, number: int, lines: t.Iterator[t.Tuple[int, str]]) -> str:
    found = []
    for _number, line in lines:
        if line == "```":
            return "\n".join(found) + "\n"
        found.append(line)
    raise AssertionError(f"{path.name}:{number}: the block has no end")


def slug(heading: str) -> str:
    """A heading as its link names it."""
    return re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")


def same(line: str) -> str:
    """A line without what may differ: width of columns, and what is another every time."""
    line = re.sub(r"[\s─]+", " ", line).strip()
    for pattern, name in _VARIES:
        line = re.sub(pattern, name, line)
    return line


def missing(shown: t.Iterable[str], printed: str) -> t.Optional[str]:
    """The first line of ``shown`` that was not printed, or not after the one before it."""
    rest = [same(line) for line in printed.splitlines()]
    for line in shown:
        if line.strip() in ("", "…"):
            continue
        pattern = re.compile(".*".join(re.escape(part) for part in same(line).split("…")))
        while rest and not pattern.search(rest[0]):
            rest.pop(0)
        if not rest:
            return line
        rest.pop(0)
    return None
