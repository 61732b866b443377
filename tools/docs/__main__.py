# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference: Markdown in docs/reference, HTML with search in .build/docs, dead links.

    python tools/docs [markdown [--check] | links | lint | html [--twice]]

Without a word all of them, which is "make docs". With ``--check`` nothing is written; a page that
is not what would be written is an error. ``--twice`` makes the HTML twice and compares the bytes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import paths
from paths import REFERENCE, ROOT, DocsError


def main() -> int:
    """Read the command line, do it, say what was done."""
    parser = argparse.ArgumentParser(prog="tools/docs", description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=["markdown", "links", "lint", "html"])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--twice", action="store_true")
    options = parser.parse_args()
    steps: t.Dict[str, t.Callable[[], int]] = {
        "markdown": lambda: markdown(check=options.check),
        "links": dead_links,
        "lint": lint,
        "html": lambda: html(twice=options.twice),
    }
    try:
        return max([steps[one]() for one in ([options.what] if options.what else steps)])
    except DocsError as error:
        print(f"docs: {error}", file=sys.stderr)
        return 1


def markdown(*, check: bool) -> int:
    """Write or compare the pages of the reference and the page of all hazards."""
    import hazards
    import index

    wanted = {REFERENCE / name: text for name, text in index.pages().items()}
    wanted[hazards.PAGE] = hazards.page()
    present = {*REFERENCE.rglob("*.md"), hazards.PAGE}
    stale = sorted(
        path
        for path in present | set(wanted)
        if path not in wanted or not path.exists() or path.read_text("utf-8") != wanted[path]
    )
    if check:
        for path in stale:
            print(
                f"{path.relative_to(ROOT)} is not up to date: run {paths.COMMAND}", file=sys.stderr
            )
        return 1 if stale else 0
    for path in stale:
        if path in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], encoding="utf-8")
        else:
            path.unlink()
    print(f"docs: {len(wanted)} pages of Markdown, {len(stale)} of them changed")
    return 0


def dead_links() -> int:
    """Say which links lead nowhere."""
    import links

    found = links.check()
    for problem in found:
        print(problem, file=sys.stderr)
    print(f"docs: links of {len(links.files())} Markdown files, {len(found)} dead")
    return 1 if found else 0


def lint() -> int:
    """What antsibull-docs finds in the documentation: markup, and names that it refers to."""
    program = Path(sys.executable).parent / "antsibull-docs"
    flags = ["--plugin-docs", "--skip-rstcheck", "--validate-collection-refs=self"]
    done = subprocess.run(
        [str(program), "lint-collection-docs", *flags, "."],
        cwd=paths.collections() / "ansible_collections" / "fleet" / "jobs",
        env={
            **os.environ,
            "PATH": f"{program.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "ANSIBLE_COLLECTIONS_PATH": str(paths.collections()),
        },
        stdin=subprocess.DEVNULL,
        check=False,
    )
    print(f"docs: antsibull-docs {'found nothing' if done.returncode == 0 else 'is not content'}")
    return 1 if done.returncode else 0


def html(*, twice: bool) -> int:
    """Make the site."""
    import site_html as site

    digest = site.build()
    pages = len(list(site.HTML.rglob("*.html")))
    print(f"docs: {pages} pages of HTML, sha256 {digest}: {site.HTML / 'index.html'}")
    if twice and site.build() != digest:
        print("docs: the second time, the HTML has other bytes", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
