# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the host tool, from its own argument parser."""

from __future__ import annotations

import argparse
import re
import typing as t

import paths
from markup import code, escape, fenced, table

PAGE = "host-tool.md"
_ORDER = ("status", "why", "logs", "tidy")
_HEAD = """\
# The host tool fleet-jobs

{description} It stands on every host as `STATE_DIR/bin/fleet-jobs`, where `STATE_DIR` is
`{state_dir}` unless `fleet_state_dir` says otherwise, and needs nothing but the host's Python.
Exit codes: [exit-codes.md](exit-codes.md).
"""


def pages() -> t.Dict[str, str]:
    """The one page."""
    parser, commands = _parsers()
    state_dir = paths.plugin("module_utils._jobs.instance").DEFAULT_STATE_DIR
    said = _help(commands)
    order = sorted(commands.choices, key=lambda one: (one not in _ORDER, one == "run", one))
    parts = [_HEAD.format(description=escape(parser.description or ""), state_dir=state_dir)]
    for name in order:
        parts.append(f"## fleet-jobs {name}\n")
        parts.append(f"{escape(said[name][:1].upper() + said[name][1:])}.\n")
        parts.append(_run() if name == "run" else _command(name, commands.choices[name]))
    return {PAGE: "\n".join(parts)}


def summaries() -> t.Dict[str, str]:
    """Every command with its help."""
    return {name: escape(text) for name, text in _help(_parsers()[1]).items()}


def _parsers() -> t.Tuple[argparse.ArgumentParser, t.Any]:
    """The tool's own parser, and the one with its commands."""
    parser = paths.plugin("module_utils._tool.main").parser()
    commands = next(one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    return parser, commands


def _help(commands: t.Any) -> t.Dict[str, str]:
    return {one.dest: one.help or "" for one in commands._choices_actions}


def _run() -> str:
    return fenced(paths.plugin("module_utils._tool.run").USAGE)


def _command(name: str, parser: argparse.ArgumentParser) -> str:
    actions = [one for one in parser._actions if not isinstance(one, argparse._HelpAction)]
    words = [one.metavar or one.dest.upper() for one in actions if not one.option_strings]
    usage = " ".join(["fleet-jobs", name, "[option ...]", *map(str, words)])
    rows = [[code(_written(one)), escape(one.help or "")] for one in actions]
    return fenced(usage) + "\n" + table(["option", "what it does"], rows)


def _written(action: argparse.Action) -> str:
    if not action.option_strings:
        return str(action.metavar or action.dest.upper())
    shown = ", ".join(action.option_strings)
    if action.nargs == 0:
        return shown
    choices = "|".join(map(str, action.choices)) if action.choices else ""
    return re.sub(r"\s+", " ", f"{shown} {action.metavar or choices or action.dest.upper()}")
