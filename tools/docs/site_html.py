# SPDX-License-Identifier: GPL-3.0-or-later
"""The same Markdown as HTML with search: Sphinx, on a copy whose links stay inside the site."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

import links
import paths

SOURCE = paths.BUILD / "docs-source"
HTML = paths.BUILD / "docs"
_CONF = """\
project = "fleet.jobs"
author = "fleet.jobs authors"
version = release = {version!r}
copyright = "fleet.jobs authors, GPL-3.0-or-later"
extensions = ["myst_parser"]
root_doc = "index"
myst_heading_anchors = 4
html_theme = "furo"
html_title = "fleet.jobs " + version
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_last_updated_fmt = None
html_domain_indices = False
html_use_index = False
pygments_style = "friendly"
highlight_language = "none"
language = "en"
"""
_ROOT_PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md"}
# What stands in the margin, in this order; {glob} lines take the rest by name.
_MARGIN = {
    "Guides": ["guides/first-fleet", "guides/deploy-while-jobs-run", "guides/*"],
    "In depth": ["deploy", "queue", "provision", "daemon", "caps", "awx", "*"],
    "Reference": ["reference/index", "hazards"],
    "Development": ["development", "contributing", "benchmarks"],
}
_REFERENCE = {
    "Playbooks": ["reference/playbooks/*"],
    "Roles": ["reference/roles/*"],
    "Modules": ["reference/modules/*"],
    "Filters and lookups": ["reference/filters/*", "reference/lookups/*"],
    "Words": ["reference/*"],
}


# Found from hazards.html and by the search; in the margin they would be half of it.
_ENTRIES = "reference/hazards/"
_ORPHAN = "---\norphan: true\n---\n"


def build() -> str:
    """Make the site anew; the digest of all its bytes."""
    pages = _pages()
    shutil.rmtree(SOURCE, ignore_errors=True)
    shutil.rmtree(HTML, ignore_errors=True)
    for path, place in pages.items():
        target = SOURCE / place
        target.parent.mkdir(parents=True, exist_ok=True)
        head = _ORPHAN if place.startswith(_ENTRIES) else ""
        target.write_text(head + _moved(path, place, pages), encoding="utf-8")
    _append("index.md", _MARGIN, pages.values())
    _append("reference/index.md", _REFERENCE, pages.values())
    version = paths.load(paths.ROOT / "galaxy.yml")["version"]
    (SOURCE / "conf.py").write_text(_CONF.format(version=version), encoding="utf-8")
    _sphinx()
    shutil.rmtree(SOURCE)
    return digest()


def digest() -> str:
    """One number for all names and bytes of the site."""
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.relative_to(HTML).as_posix()}\n"
        for path in sorted(HTML.rglob("*"))
        if path.is_file()
    ]
    return hashlib.sha256("".join(sums).encode()).hexdigest()


def _pages() -> t.Dict[Path, str]:
    """Which Markdown is in the site, and where."""
    found = {}
    for path in links.files():
        name = path.relative_to(paths.ROOT).as_posix()
        if name in _ROOT_PAGES:
            found[path] = _ROOT_PAGES[name]
        elif name.startswith("docs/"):
            found[path] = re.sub(r"README\.md$", "index.md", name.removeprefix("docs/"))
    return found


def _moved(path: Path, place: str, pages: t.Mapping[Path, str]) -> str:
    """The page with its links made to fit; text alone where the target is not in the site."""

    def move(found: t.Match[str]) -> str:
        text, target = found[1], found[2]
        if target.startswith("#") or re.match(r"[a-z][a-z0-9+.-]*:", target):
            return found[0]
        file, sharp, anchor = target.partition("#")
        wanted = Path(os.path.normpath(path.parent / file))
        if wanted in pages:
            moved = os.path.relpath(pages[wanted], Path(place).parent)
            return f"{text}({moved}{sharp}{anchor})"
        if text.startswith("!") and wanted.is_file():
            name = wanted.relative_to(paths.ROOT).as_posix()
            (SOURCE / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(wanted, SOURCE / name)
            return f"{text}({os.path.relpath(name, Path(place).parent)})"
        return text.strip("![]")

    return links.LINK.sub(move, path.read_text(encoding="utf-8"))


def _append(place: str, groups: t.Mapping[str, t.Sequence[str]], names: t.Iterable[str]) -> None:
    """Trees of contents at the end of a page; every page is in one of them, once."""
    left = {name.removesuffix(".md") for name in names if not name.startswith(_ENTRIES)}
    left -= {"index", "reference/index"}
    reference = place.startswith("reference")
    left = {name for name in left if name.startswith("reference/") == reference}
    if not reference:
        left.add("reference/index")
    chosen = _chosen(groups, left)
    text = (SOURCE / place).read_text(encoding="utf-8")
    for title, found in chosen.items():
        if found:
            here = [os.path.relpath(name, Path(place).parent) for name in found]
            lines = "\n".join(here)
            text += f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n{lines}\n```\n"
    (SOURCE / place).write_text(text, encoding="utf-8")


def _chosen(groups: t.Mapping[str, t.Sequence[str]], left: t.Set[str]) -> t.Dict[str, t.List[str]]:
    """Names that are written out first, then what the patterns find of the rest."""
    fixed = {one for patterns in groups.values() for one in patterns if "*" not in one}
    free = sorted(left - fixed)
    chosen: t.Dict[str, t.List[str]] = {}
    for title, patterns in groups.items():
        found = chosen.setdefault(title, [])
        for pattern in patterns:
            folder = pattern.rpartition("/")[0]
            if "*" not in pattern:
                found += [pattern] if pattern in left else []
            else:
                found += [name for name in free if name.rpartition("/")[0] == folder]
    return chosen


def _sphinx() -> None:
    trees = paths.BUILD / "docs-trees"
    shutil.rmtree(trees, ignore_errors=True)
    command = [sys.executable, "-m", "sphinx", "-E", "-q", "-W", "--keep-going", "-b", "html"]
    done = subprocess.run(
        [*command, "-d", str(trees), str(SOURCE), str(HTML)],
        env={**os.environ, "PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": "0", "TZ": "UTC"},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    shutil.rmtree(trees, ignore_errors=True)
    (HTML / ".buildinfo").unlink(missing_ok=True)
    shutil.rmtree(HTML / "_sources", ignore_errors=True)
    if done.returncode != 0:
        raise paths.DocsError(f"Sphinx is not content; its pages are in {SOURCE}.")
