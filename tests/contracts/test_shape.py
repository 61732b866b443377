# SPDX-License-Identifier: GPL-3.0-or-later
"""The shape of the code: sizes, heads, and which room may know which."""

from __future__ import annotations

import ast
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.support.ansible import COLLECTION

PLUGINS = COLLECTION / "plugins"
FILES = sorted(path for path in PLUGINS.rglob("*.py"))
PRIVATE = sorted((PLUGINS / "module_utils").rglob("*.py"))
FILE_LINES = 400
FUNCTION_LINES = 40
MODULE_LINES = 60
# A room may know those after it, never those before or beside it.
ORDER = (
    ("_ansible", "_tool"),
    ("_deploy", "_capacity", "_daemon"),
    ("_jobs",),
    ("_pueue", "_host", "_ledger"),
    ("_files", "_quantity"),
    ("_errors", "_dataclass", "_digest"),
)
# Another version of Python has the one or the other.
STANDARD = {*sys.stdlib_module_names, "_sha2", "_sha256"}
RANK = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}


def _id(path: Path) -> str:
    return str(path.relative_to(PLUGINS))


def test_there_is_code() -> None:
    assert FILES
    assert PRIVATE


@pytest.mark.parametrize("path", FILES, ids=_id)
def test_sizes(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    prose = _documentation_lines(tree)
    assert len(text.splitlines()) - prose <= FILE_LINES
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.end_lineno and node.lineno
        if node.end_lineno - node.lineno + 1 > FUNCTION_LINES
    ]
    assert not long, long


@pytest.mark.parametrize("path", sorted((PLUGINS / "modules").glob("*.py")), ids=_id)
def test_modules_are_thin(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    code = [
        node
        for node in tree.body
        if not isinstance(node, (ast.Import, ast.ImportFrom)) and not _is_documentation(node)
    ]
    lines = sum((node.end_lineno or 0) - node.lineno + 1 for node in code)
    assert lines <= MODULE_LINES, f"{lines} lines of code"


@pytest.mark.parametrize("path", FILES, ids=_id)
def test_head(path: Path) -> None:
    head = path.read_text(encoding="utf-8").splitlines()[:8]
    assert "# SPDX-License-Identifier: GPL-3.0-or-later" in head
    if path in PRIVATE:
        assert head[1] == "# PRIVATE: may change in any release; use the modules instead."


@pytest.mark.parametrize("path", PRIVATE, ids=_id)
def test_private_code_stands_alone(path: Path) -> None:
    """Standard library only, rooms only downwards, Ansible only in _ansible."""
    room = _room(path)
    assert room in RANK, f'design.md section 3 has no room "{room}"'
    for target in _targets(path):
        if isinstance(target, str):
            allowed = target in STANDARD or (target == "ansible" and room == "_ansible")
            assert allowed, f'imports "{target}"'
        else:
            other = target[0]
            downwards = RANK.get(other, -1) > RANK[room]
            assert other == room or downwards, f"{room} imports {other}"


def test_rooms_are_namespace_packages() -> None:
    assert list(PLUGINS.rglob("__init__.py")) == []


def _room(path: Path) -> str:
    return path.relative_to(PLUGINS / "module_utils").parts[0].replace(".py", "")


def _targets(path: Path) -> t.Iterator[t.Union[str, t.Tuple[str, ...]]]:
    """Top-level names of absolute imports; for relative ones the path inside module_utils."""
    package = path.relative_to(PLUGINS / "module_utils").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module).partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1]
            parts = (*base, *(node.module.split(".") if node.module else ()))
            if parts:
                yield parts
            else:
                yield from ((alias.name,) for alias in node.names)


def _is_documentation(node: ast.stmt) -> bool:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if not isinstance(node, ast.Assign):
        return False
    name = getattr(node.targets[0], "id", "")
    return name in ("DOCUMENTATION", "EXAMPLES", "RETURN")


def _documentation_lines(tree: ast.Module) -> int:
    return sum(
        (node.end_lineno or 0) - node.lineno + 1 for node in tree.body if _is_documentation(node)
    )
