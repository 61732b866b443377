# SPDX-License-Identifier: GPL-3.0-or-later
"""All pages of the reference, and the one that lists them."""

from __future__ import annotations

import typing as t

import ansible_doc
import entries
import hazards
import host_tool
import paths
import playbook_pages
import plugin_pages
import refusals
import words
from markup import code, escape, table

PAGE = "README.md"
_HEAD = """\
# Reference

`make docs` makes these pages of the documentation in modules, roles and playbooks, of the code and
of the tests; nobody edits them. For the same beside a prompt: `ansible-doc -l fleet.jobs`.

"""
_WORDS = """
## Words

| page | what is there |
| --- | --- |
| [verdicts](verdicts.md) | how a host fared in a deploy, what is decided when, how a watch ends |
| [classes](classes.md) | why an attempt of a job ended, and what to do next |
| [exit codes](exit-codes.md) | of jobs, of `fleet-jobs`, of the playbooks |
| [refusals](refusals.md) | every sentence that says no, by the hazard it names |

"""
_TITLES = {"module": "Modules", "role": "Roles", "filter": "Filters", "lookup": "Lookups"}


def pages() -> t.Dict[str, str]:
    """Every page by its path below the reference, ready to be written."""
    made = {
        **{PAGE: _index()},
        **plugin_pages.pages(),
        **playbook_pages.pages(),
        **host_tool.pages(),
        **words.pages(),
        **refusals.pages(),
        **entries.pages(),
    }
    return {name: f"{text.rstrip()}\n" for name, text in sorted(made.items())}


def _index() -> str:
    parts = [_HEAD, "## Playbooks\n\n", _list("playbooks", playbook_pages.summaries())]
    for kind in ansible_doc.dump():
        title = _TITLES.get(kind, f"{kind.capitalize()}s")
        parts += [f"\n## {title}\n\n", _list(f"{kind}s", plugin_pages.summaries(kind))]
    parts.append("\n## The host tool\n\n")
    commands = host_tool.summaries()
    rows = [
        [f"[{code(f'fleet-jobs {name}')}]({host_tool.PAGE}#fleet-jobs-{name})", said]
        for name, said in commands.items()
    ]
    parts += [table(["command", "what it does"], rows), _WORDS, "## Hazards\n\n", _hazards()]
    return "".join(parts)


def _list(folder: str, summaries: t.Mapping[str, str]) -> str:
    rows = [
        [f"[{code(f'{paths.NAMESPACE}.{name}')}]({folder}/{name}.md)", said]
        for name, said in summaries.items()
    ]
    return table(["name", "what it does"], rows)


def _hazards() -> str:
    rows = [
        [f"[{entry}]({entries.page_of(entry)})", escape(title)]
        for entry, title in hazards.catalogue().items()
    ]
    return table(["entry", "what happens"], rows)
