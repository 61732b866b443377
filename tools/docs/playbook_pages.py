# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of the playbooks: how each is called, and every variable it takes."""

from __future__ import annotations

import functools
import re
import typing as t
from pathlib import Path

import ansible_doc
import paths
import plugin_pages
from markup import Text, code, escape, fenced, table

_DESCRIPTIONS = paths.ROOT / "tools" / "docs" / "variables.yml"
_EVERYWHERE = "fleet_answer_timeout"
Options = t.Dict[str, t.Dict[str, t.Any]]


def pages() -> t.Dict[str, str]:
    """Every page."""
    return {f"playbooks/{path.stem}.md": _page(path) for path in files()}


def files() -> t.List[Path]:
    """Every playbook."""
    return sorted((paths.ROOT / "playbooks").glob("*.yml"))


def summaries() -> t.Dict[str, str]:
    """The first sentence of each playbook's head."""
    return {path.stem: escape(_head(path)[0]) for path in files()}


def _page(path: Path) -> str:
    page = f"playbooks/{path.stem}.md"
    text = Text(page)
    said, calls, more = _head(path)
    parts = [f"# Playbook {paths.NAMESPACE}.{path.stem}\n", f"{escape(said)}.\n"]
    parts.append(fenced(calls, "shell"))
    parts += [f"{escape(one)}\n" for one in more]
    parts += _plays(path)
    own = own_variables(path)
    if own:
        parts.append("## Variables of the playbook\n")
        parts.append(_table(own, text))
    for role, points in _roles(path).items():
        parts.append(f"## Variables of the role {role}\n")
        documents = ansible_doc.dump()["role"][role]["entry_points"]
        options: Options = {}
        for point in points:
            options.update((documents.get(point) or {}).get("options") or {})
        parts.append(f"See {text.link('role', f'{paths.NAMESPACE}.{role}')}.\n")
        if options:
            parts.append(_table(options, text))
    return "\n".join(parts)


def _table(options: Options, text: Text) -> str:
    heads = ["variable", "type", "default", "what it says"]
    return table(heads, plugin_pages.option_rows(options, text))


def _head(path: Path) -> t.Tuple[str, str, t.List[str]]:
    """The comment before the first play: what it does, how it is called, what else it says."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comment: t.List[str] = []
    for line in lines:
        if line.startswith("#"):
            comment.append(line[1:].removeprefix(" "))
        elif line.strip() not in ("", "---"):
            break
    first = next((number for number, line in enumerate(comment) if line.startswith(" ")), 1)
    said = " ".join(comment[:first]).strip().rstrip(":.")
    calls = [line.removeprefix("  ") for line in comment if line[:1] == " "]
    more = " ".join(line for line in comment[first:] if line[:1] != " ").strip()
    if not said or not calls:
        raise paths.DocsError(f"playbooks/{path.name}: its head does not say how to call it.")
    return said, "\n".join(calls), [more] if more else []


def _plays(path: Path) -> t.List[str]:
    rows = [
        [
            escape(str(play["name"])),
            code(str(play.get("hosts", ""))),
            ", ".join(escape(one.get("name", "")) for one in _named_steps(play)),
        ]
        for play in _written_out(path)
    ]
    return ["## Plays\n", table(["play", "hosts", "steps"], rows)]


def _written_out(path: Path) -> t.Iterator[t.Dict[str, t.Any]]:
    """Its plays, with those of the files that it imports in their place."""
    for play in paths.load(path):
        part = play.get("ansible.builtin.import_playbook")
        yield from _written_out(path.parent / part) if part else [play]


def _named_steps(play: t.Mapping[str, t.Any]) -> t.List[t.Dict[str, t.Any]]:
    keys = ("pre_tasks", "tasks", "post_tasks")
    return [one for key in keys for one in play.get(key) or [] if one.get("name")]


def _roles(path: Path) -> t.Dict[str, t.List[str]]:
    """The collection's roles that it calls, with the entry points."""
    found: t.Dict[str, t.List[str]] = {}
    for node in paths.mappings(paths.load(path)):
        for key in ("ansible.builtin.import_role", "ansible.builtin.include_role"):
            called = node.get(key)
            if called and str(called["name"]).startswith(f"{paths.NAMESPACE}."):
                points = found.setdefault(called["name"].rpartition(".")[2], [])
                point = str(called.get("tasks_from", "main")).partition(".")[0]
                points += [] if point in points else [point]
    return found


def own_variables(path: Path) -> Options:
    """Variables that no role documents: what kind they are and what they say."""
    body = "\n".join(line.partition("#")[0] for line in path.read_text("utf-8").splitlines())
    words = set(re.findall(r"(?<![\w.])[a-z]\w+", body))
    roles = _roles(path)
    if any("hosts" in play and play["hosts"] != "localhost" for play in paths.load(path)):
        words.add(_EVERYWHERE)
    of_roles = {
        option
        for role, points in roles.items()
        for point in ansible_doc.dump()["role"][role]["entry_points"].values()
        for option in point.get("options") or {}
    }
    return {name: one for name, one in _known(path.stem).items() if name in words - of_roles}


def _known(playbook: str) -> Options:
    """The playbook's own and everybody's, with a description each."""
    own = paths.plugin("plugin_utils._questions").OWN
    found = {**own["fleet"], **own.get(playbook, {})}
    said = _descriptions()
    missing = sorted(set(found) - set(said))
    if missing:
        raise paths.DocsError(
            f'No role documents "{missing[0]}", a variable of the playbook {playbook}: describe it '
            f"in {_DESCRIPTIONS.relative_to(paths.ROOT)}."
        )
    required = {"fleet_hosts"} if "default('all'" not in _text(playbook) else set()
    return {
        name: {**option, **said[name], "required": name in required}
        for name, option in found.items()
    }


@functools.lru_cache(maxsize=None)
def _descriptions() -> Options:
    return t.cast("Options", paths.load(_DESCRIPTIONS))


def _text(playbook: str) -> str:
    return (paths.ROOT / "playbooks" / f"{playbook}.yml").read_text(encoding="utf-8")
