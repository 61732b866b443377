# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo showed, as a picture of a terminal: the README's first screen.

The lines are the demo's own. Those that Ansible adds to every play are left out, and what is longer
than the picture is wide is cut off.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

COLUMNS = 100
_FONT = 13
_LINE = 18
_CHARACTER = 7.83
_MARGIN = 18
_BAR = 34
_FAMILY = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"
# What Ansible says of every play, task and host.
_ANSIBLE = re.compile(
    r"^(PLAY|TASK|(?:ok|changed|skipping|included): \[|\s*\"msg\": [\[\"]$|\s*[\]}],?$|\S+ +: ok=)"
)
_ROW = re.compile(r'^\s{4,}"(.*?)",?$')
# The first that fits colours a piece of a line.
_COLOURS = (
    (r"^\$ .*", "#e6edf3"),
    (r"\bapplied\b( 3)?|^ok: .*|\ball numbers agree\b", "#7ee787"),
    (r"\bfailed +[1-9]\d*|\b[1-9]\d* failed|^app .*|^ +1 +app .*", "#ffa198"),
    (r"\bwaiting for .*", "#e3b341"),
    (r"\b(?=[0-9a-f]*\d)[0-9a-f]{10,12}\b", "#79c0ff"),
)


@dataclass
class Recording:
    """Commands with what they printed, in order."""

    title: str
    description: str
    lines: list[str] = field(default_factory=list)

    def add(self, command: str, printed: str, *, limit: int = 12) -> None:
        """A command and at most ``limit`` lines that it printed itself."""
        if self.lines:
            self.lines.append("")
        kept = [_plain(line) for line in printed.splitlines() if not _ANSIBLE.match(line)]
        self.lines += [f"$ {command}", *_without_gaps(kept)[:limit]]

    def say(self, line: str) -> None:
        """A line of the demo's own."""
        self.lines += ["", line.strip()]

    def write(self, path: Path) -> None:
        """As an SVG that needs nothing but a monospaced font."""
        width = round(COLUMNS * _CHARACTER) + 2 * _MARGIN
        height = _BAR + len(self.lines) * _LINE + _MARGIN
        rows = "\n".join(_row(number, line) for number, line in enumerate(self.lines) if line)
        dots = "".join(
            f'<circle cx="{_MARGIN + 4 + 18 * number}" cy="17" r="5.5" fill="{colour}"/>'
            for number, colour in enumerate(("#ff5f57", "#febc2e", "#28c840"))
        )
        path.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img" aria-labelledby="title description">\n'
            f'<title id="title">{escape(self.title)}</title>\n'
            f'<desc id="description">{escape(self.description)}</desc>\n'
            f'<rect width="{width}" height="{height}" rx="9" fill="#0d1117" stroke="#30363d"/>\n'
            f'{dots}\n<g font-family="{_FAMILY}" font-size="{_FONT}" fill="#adbac7" '
            f'style="white-space:pre">\n{rows}\n</g>\n</svg>\n',
            encoding="utf-8",
        )


def _plain(line: str) -> str:
    """A line of a list, without what JSON puts around it."""
    row = _ROW.match(line)
    return row.group(1).replace('\\"', '"') if row else line.rstrip()


def _without_gaps(lines: list[str]) -> list[str]:
    """No empty line at the ends, and one at most between two others."""
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
    return text.split("\n") if text else []


def _row(number: int, line: str) -> str:
    if len(line) > COLUMNS:
        line = line[: COLUMNS - 1].rstrip() + "…"
    y = _BAR + (number + 1) * _LINE - 4
    return f'<text x="{_MARGIN}" y="{y}" xml:space="preserve">{_coloured(line)}</text>'


def _coloured(line: str) -> str:
    together = "|".join(f"(?P<c{number}>{one})" for number, (one, _colour) in enumerate(_COLOURS))
    pieces, at = [], 0
    for match in re.finditer(together, line):
        colour = _COLOURS[int(str(match.lastgroup)[1:])][1] if match.lastgroup else "inherit"
        pieces.append(escape(line[at : match.start()], quote=False))
        pieces.append(f'<tspan fill="{colour}">{escape(match.group(), quote=False)}</tspan>')
        at = match.end()
    return "".join(pieces) + escape(line[at:], quote=False)
