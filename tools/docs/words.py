# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of verdicts, classes and exit codes: the words that results speak in."""

from __future__ import annotations

import re
import typing as t

import ansible_doc
import paths
from markup import Text, code, escape, table

_GUIDE = paths.ROOT / "docs" / "deploy.md"
_VERDICTS = """\
# Verdicts of a deploy

Every host gets one; the report, the artifact and the exit code are made of them. The meanings are
those of [the guide](../deploy.md#verdicts).

"""
_DECISIONS = """
## What is decided

`deploy_audit` looks a host up in this table (`plan.decision`): does anything run, did anything
fail, and what `deploy_when_running` says.

"""
_WATCH = """
## Verdicts of host_watch

"""
_CLASSES = """\
# Classes of an attempt

Why an attempt ended, from all the evidence there is: counters of the kernel first, the exit code
last. `fleet-jobs why LABEL` prints both sentences; `deploy_restart_classes` and `classes` of
`pueue_restart_guarded` take the words.

"""
_EXIT = """\
# Exit codes

## Of a job, as its queue sees them

A job that ends by itself keeps its own code. Where it has none, or where it must not count as
well ended, the runner says one of these:

"""
_RUNNER = {
    "EXIT_CAP_MISSING": "the cap that was asked for cannot be kept, nothing was started (INV-7)",
    "EXIT_INFRA": "the surroundings failed, not the program: environment file, directory, ledger",
    "EXIT_TIMEOUT": "it ran longer than its timeout",
    "EXIT_NOT_EXECUTABLE": "the program is there and cannot be run",
    "EXIT_NOT_FOUND": "there is no such program",
    "EXIT_CAP_KILL": "killed for its memory, by its cap or by the host; the class says which",
    "EXIT_BROKEN_PIPE": "the program's own code: it wrote into a pipe that nobody read (AP-13)",
}
_SIGNALS = "128 + N: signal N ended it"
_TOOL = {
    "0": "done",
    "1": "it could not; one sentence on standard error says why and what comes next",
    "2": "the command line cannot be read",
}
_PLAYBOOK = """
## Of ansible-playbook

Ansible's own: 0 all went well, 1 it gave up, 2 a host failed, 4 a host was unreachable or a file
cannot be parsed, 5 an option is wrong, 99 somebody pressed Ctrl-C, 250 an error of Ansible itself.
A deploy goes by its verdicts:

"""


def pages() -> t.Dict[str, str]:
    """Every page."""
    return {
        "verdicts.md": _verdicts(),
        "classes.md": _classes(),
        "exit-codes.md": _exit_codes(),
    }


def verdict_rows() -> t.List[t.Tuple[str, str, str]]:
    """Verdict, meaning, exit code, as the guide says; SystemExit where code and guide differ."""
    known = paths.plugin("plugin_utils._deploy_report").VERDICTS
    text = _GUIDE.read_text(encoding="utf-8").partition("\n## Verdicts\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    rows = [[one.strip() for one in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    found = {row[0].strip("`"): (row[0], row[1], row[2]) for row in rows if len(row) == 3}
    if set(found) != set(known):
        wrong = ", ".join(sorted(set(found) ^ set(known)))
        raise paths.DocsError(
            f'The table under "## Verdicts" of docs/deploy.md and VERDICTS of '
            f"plugins/plugin_utils/_deploy_report.py differ: {wrong}."
        )
    return [found[name] for name in known]


def _verdicts() -> str:
    bad = paths.plugin("plugin_utils._deploy_report").BAD_VERDICTS
    rows = [
        [name, "bad" if name.strip("`") in bad else "good", means, exit_code]
        for name, means, exit_code in verdict_rows()
    ]
    text = _VERDICTS + table(["verdict", "counts as", "meaning", "exit code"], rows)
    return text + _DECISIONS + _decision_table() + _WATCH + _watch_text()


def _decision_table() -> str:
    rules = paths.plugin("module_utils._deploy.decision").TABLE
    rows = [
        [
            "yes" if running else "no",
            "yes" if failed else "no",
            code(policy),
            code(rule.action),
            "yes" if rule.restart else "no",
            escape(rule.reason),
            code(rule.override) if rule.override else "",
        ]
        for (running, failed, policy), rule in rules.items()
    ]
    heads = ["runs", "failed", "deploy_when_running", "action", "restart", "because", "instead"]
    return table(heads, rows)


def _watch_text() -> str:
    said = ansible_doc.dump()["module"]["host_watch"]["return"]["verdict"]["description"]
    text = Text("verdicts.md")
    return f"{text(said)} See {text.link('module', 'fleet.jobs.host_watch')}.\n"


def _classes() -> str:
    classes = paths.plugin("module_utils._jobs.classes").CLASSES
    tool = paths.plugin("module_utils._tool.meaning")
    restart = _restarted()
    rows = [
        [
            code(name),
            *map(escape, tool.meaning(name)),
            *("yes" if name in one else "no" for one in restart),
        ]
        for name in classes
    ]
    heads = ["class", "what it says", "what to do next"]
    return _CLASSES + table([*heads, "restarted by a deploy", "by pueue_restart_guarded"], rows)


def _restarted() -> t.Tuple[t.Sequence[str], t.Sequence[str]]:
    """The defaults of the deploy and of the module."""
    dump = ansible_doc.dump()
    role = dump["role"]["deploy"]["entry_points"]["main"]["options"]["deploy_restart_classes"]
    module = dump["module"]["pueue_restart_guarded"]["doc"]["options"]["classes"]
    return role["default"], module["default"]


def _exit_codes() -> str:
    classes = paths.plugin("module_utils._jobs.classes")
    names = {name for name in vars(classes) if name.startswith("EXIT_")}
    if names != set(_RUNNER):
        wrong = ", ".join(sorted(names ^ set(_RUNNER)))
        raise paths.DocsError(
            f"_jobs/classes.py and the meanings in tools/docs/words.py differ: {wrong}."
        )
    runner = sorted((getattr(classes, name), text) for name, text in _RUNNER.items())
    text = Text("exit-codes.md")
    rows = [[code(number), text.plain(said)] for number, said in runner]
    number, _colon, said = _SIGNALS.partition(": ")
    rows.append([code(number), said])
    made = _EXIT + table(["code", "meaning"], rows) + "\n## Of fleet-jobs\n\n" + _tool(classes)
    return made + _PLAYBOOK + _playbook()


def _tool(classes: t.Any) -> str:
    main = paths.plugin("module_utils._tool.main")
    rows = [[code(number), text] for number, text in _TOOL.items()]
    rows.append([code(classes.EXIT_INFRA), "of `run`: no job was run, see above"])
    rows.append([code(main._INTERRUPTED), "somebody pressed Ctrl-C"])
    return table(["code", "meaning"], rows)


def _playbook() -> str:
    rows = [[name, exit_code or "0"] for name, _means, exit_code in verdict_rows()]
    text = table(["verdict of a host", "exit code"], rows)
    return (
        f"{text}\n`deploy_max_failed` and `deploy_max_unreachable` allow a number of the bad ones; "
        "see [the guide](../deploy.md#verdicts).\n"
    )
