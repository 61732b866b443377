# SPDX-License-Identifier: GPL-3.0-or-later
"""Every link of every Markdown file leads somewhere: files, anchors, and paths named in code spans.

Nothing is asked over the network; an address with a scheme is left alone.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
import typing as t
from pathlib import Path
from urllib.parse import unquote

import paths

# [text](target "title") and ![picture](target); one level of brackets inside the text.
LINK = re.compile(r"(!?\[(?:[^\[\]]|\[[^\[\]]*\]|\\.)*\])\(\s*<?([^()\s>]+)>?(\s+\"[^\"]*\")?\s*\)")
_DEFINITION = re.compile(r"^\s{0,3}\[[^\]]+\]:\s*<?([^\s>]+)", re.MULTILINE)
_HTML = re.compile(r"<(?:a|img)\b[^>]*?\b(?:href|src)=[\"']([^\"']+)[\"']")
_ANCHOR = re.compile(r"<a\b[^>]*?\b(?:id|name)=[\"']([^\"']+)[\"']")
_FENCE = re.compile(r"^(\s*)(```+|~~~+).*?^\s*\2`*~*\s*$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
# A code span that can only be a file of this repository.
_NAMED = re.compile(
    r"(?:docs|tests|tools|playbooks|plugins|examples)/[\w./-]+\.(?:md|py|yml|toml|svg)"
)


def check() -> t.List[str]:
    """One sentence for each dead link."""
    return [problem for path in files() for problem in problems(path)]


@functools.lru_cache(maxsize=None)
def files() -> t.Tuple[Path, ...]:
    """Every Markdown file that git knows or would take; without git, every one in sight."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0 and listed.stdout:
        names = {name for name in listed.stdout.split("\0") if name}
        found = [paths.ROOT / name for name in sorted(names)]
    else:
        found = sorted(paths.ROOT.rglob("*.md"))
    hidden = [path for path in found if "/." in f"/{path.relative_to(paths.ROOT)}"]
    return tuple(path for path in found if path.is_file() and path not in hidden)


def problems(path: Path) -> t.List[str]:
    """What is dead in one file."""
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))
    name = path.relative_to(paths.ROOT).as_posix()
    prose = _SPAN.sub("", text)
    targets = [found[2] for found in LINK.finditer(_SPAN.sub(_blank, text))]
    targets += _DEFINITION.findall(prose) + _HTML.findall(prose)
    said = [_dead(path, target) for target in dict.fromkeys(targets)]
    spans = {found[2] for found in _SPAN.finditer(text)}
    said += [
        f'names "{span}", and there is no such file'
        for span in sorted(spans)
        if _NAMED.fullmatch(span) and not (paths.ROOT / span).exists() and _ours(path, span)
    ]
    return [f"{name}: {one}" for one in said if one]


def _blank(found: t.Match[str]) -> str:
    """A code span inside a link's text has no brackets that count."""
    return "x" * len(found[0])


def _ours(path: Path, span: str) -> bool:
    """Examples have folders of their own, which a README beside them means."""
    return not (path.parent / span).exists() and "..." not in span


def _dead(path: Path, target: str) -> t.Optional[str]:
    if _SCHEME.match(target):
        return None
    file, _hash, anchor = unquote(target).partition("#")
    if file.startswith("/"):
        return f'the link "{target}" begins at the root of some machine'
    place = Path(os.path.normpath(path.parent / file)) if file else path
    if not place.exists() or paths.ROOT not in (place, *place.parents):
        return f'the link "{target}" leads nowhere'
    if anchor and place.suffix == ".md" and anchor not in anchors(place):
        return f'"{target}": {place.relative_to(paths.ROOT).as_posix()} has no such heading'
    return None


@functools.lru_cache(maxsize=None)
def anchors(path: Path) -> t.FrozenSet[str]:
    """The anchors that a reader of Markdown gives to headings, and those that are written."""
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))
    found = set(_ANCHOR.findall(text))
    seen: t.Dict[str, int] = {}
    for heading in re.findall(r"^#{1,6}\s+(.+?)\s*#*\s*$", text, re.MULTILINE):
        slug = _slug(heading)
        number = seen.get(slug, 0)
        seen[slug] = number + 1
        found.add(f"{slug}-{number}" if number else slug)
    return frozenset(found)


def _slug(heading: str) -> str:
    plain = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    plain = re.sub(r"[`*\\]", "", plain).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
