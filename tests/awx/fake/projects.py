# SPDX-License-Identifier: GPL-3.0-or-later
"""What a project update finds in a source tree, by the rules with which AWX looks for playbooks."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import typing as t
from pathlib import Path

PLAYBOOK = re.compile(
    r"^\s*?-?\s*?(?:hosts|(ansible\.builtin\.)?include|(ansible\.builtin\.)?import_playbook)"
    r":\s*?.*?$"
)
INVENTORY = re.compile(r"^[a-zA-Z0-9_.=\[\]]")


class Tree(t.NamedTuple):
    """What AWX keeps of a source tree."""

    revision: str
    playbooks: t.List[str]
    inventories: t.List[str]


def look_into(url: str, branch: str, trees: t.Mapping[str, Path]) -> t.Optional[Tree]:
    """The tree behind a URL: a folder that the test named, or a local repository; else nothing."""
    if url in trees:
        return Tree("0" * 40, playbooks(trees[url]), inventories(trees[url]))
    place = url[len("file://") :] if url.startswith("file://") else url
    if not os.path.isabs(place):
        return None
    with tempfile.TemporaryDirectory(prefix="fake-awx-project-") as work:
        checkout = Path(work) / "tree"
        clone = ["git", "clone", "--quiet", "--depth", "1", f"file://{place}", str(checkout)]
        clone += ["--branch", branch] if branch else []
        if subprocess.run(clone, capture_output=True, check=False).returncode:
            return None
        head = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
        revision = subprocess.run(head, capture_output=True, text=True, check=True).stdout.strip()
        return Tree(revision, playbooks(checkout), inventories(checkout))


def playbooks(root: Path) -> t.List[str]:
    """Files that AWX offers as playbooks."""
    found = [
        str(path.relative_to(root))
        for path in _files(root)
        if path.suffix in (".yml", ".yaml") and _reads_like_a_playbook(path)
    ]
    return sorted(found, key=str.lower)


def inventories(root: Path) -> t.List[str]:
    """Files that AWX suggests as inventories; any other path may be typed in as well."""
    found = []
    for path in _files(root):
        if path.name in ("inventory", "hosts") or path.suffix == ".ini" or os.access(path, os.X_OK):
            found.append(str(path.relative_to(root)))
        elif not path.suffix:
            lines = path.read_text(encoding="utf-8", errors="ignore").splitlines()[:11]
            if any(INVENTORY.match(line) for line in lines):
                found.append(str(path.relative_to(root)))
    return sorted(found, key=str.lower)


def _reads_like_a_playbook(path: Path) -> bool:
    lines = path.read_text(encoding="utf-8", errors="ignore").splitlines()
    vaulted = bool(lines) and lines[0].startswith("$ANSIBLE_VAULT;")
    return vaulted or any(PLAYBOOK.match(line) for line in lines)


def _files(root: Path) -> t.Iterator[Path]:
    for folder, _dummy, names in os.walk(root):
        parts = Path(folder).relative_to(root).parts
        hidden = any(part.startswith(".") for part in parts)
        if hidden or {"roles", "tasks", "group_vars", "host_vars"} & {*parts}:
            continue
        for name in names:
            yield Path(folder) / name
