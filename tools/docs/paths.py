# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things lie, and how code of the collection is reached from here."""

from __future__ import annotations

import functools
import importlib
import sys
import typing as t
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
REFERENCE = ROOT / "docs" / "reference"
BUILD = ROOT / ".build"
sys.path.insert(0, str(ROOT / "tools"))  # tools/hazards.py is asked as well
COMMAND = "make docs"
NAMESPACE = "fleet.jobs"


class DocsError(Exception):
    """Something that a page needs is not said anywhere; the message says where to say it."""


@functools.lru_cache(maxsize=None)
def collections() -> Path:
    """The folder that holds ``ansible_collections``, with this tree in it under its name."""
    if ROOT.parts[-3:] == ("ansible_collections", *NAMESPACE.split(".")):
        return ROOT.parents[2]
    link = BUILD / "ansible_collections" / "fleet" / "jobs"
    if not link.exists():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to("../../..")
    return BUILD


def plugin(name: str) -> t.Any:
    """A Python module below ``plugins``, by its dotted name."""
    folder = str(collections())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module(f"ansible_collections.{NAMESPACE}.plugins.{name}")


def mappings(node: t.Any) -> t.Iterator[t.Dict[str, t.Any]]:
    """Every mapping in a YAML document, the outer ones first."""
    if isinstance(node, dict):
        yield node
        for one in node.values():
            yield from mappings(one)
    elif isinstance(node, list):
        for one in node:
            yield from mappings(one)


def load(path: Path) -> t.Any:
    """A YAML file."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)


class _Loader(yaml.SafeLoader):
    """Ansible's own tags are text."""


_Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))
