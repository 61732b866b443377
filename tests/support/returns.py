# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold a module's live results against its RETURN documentation.

Called for every result that a test gets through ``tests/support/ansible.py``, so each suite proves
the documentation on the way.
"""

from __future__ import annotations

import ast
import functools
import typing as t
from pathlib import Path

import yaml

import ansible_collections.fleet.jobs as collection

MODULES = Path(next(iter(collection.__path__))) / "plugins" / "modules"
PREFIX = "fleet.jobs."
# What ansible-core itself puts into results.
CORE = frozenset(
    "ansible_facts ansible_job_id ansible_stats ansible_loop_var ansible_index_var attempts "
    "censored changed deprecations diff exception failed failed_when_result false_condition "
    "finished invocation item msg results_file retries skip_reason skipped skipped_reason "
    "started unreachable warnings ansible_delegated_vars".split()
)
PROMISES = ("always", "success")


def check(action: str, result: t.Mapping[str, t.Any]) -> None:
    """Fail where a result and the documentation of the module it came from disagree."""
    name = action[len(PREFIX) :] if action.startswith(PREFIX) else ""
    if not name or not (MODULES / f"{name}.py").exists() or _is_no_answer(result):
        return
    if isinstance(result.get("results"), list) and "results" not in documented(name):
        for one in result["results"]:
            check(action, one)
        return
    problems = [*_undocumented(name, result), *_missing(name, result)]
    assert not problems, f"RETURN of {action} and a live result disagree: {'; '.join(problems)}"


@functools.lru_cache(maxsize=None)
def documented(name: str) -> t.Dict[str, t.Dict[str, t.Any]]:
    """The RETURN block of a module, as it stands in its file."""
    tree = ast.parse((MODULES / f"{name}.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "RETURN":
            return dict(yaml.safe_load(ast.literal_eval(node.value)) or {})
    return {}


def _is_no_answer(result: t.Mapping[str, t.Any]) -> bool:
    """Skipped, unreachable, crashed or refused by ansible-core before the module's own code ran."""
    absent = ("skipped", "skip_reason", "unreachable", "censored", "module_stdout", "exception")
    return any(result.get(key) for key in absent) or (
        bool(result.get("failed")) and "actions" not in result
    )


def _undocumented(name: str, result: t.Mapping[str, t.Any]) -> t.List[str]:
    known = set(documented(name)) | CORE
    extra = sorted(key for key in result if key not in known and not key.startswith("_ansible"))
    return [f'"{key}" is returned and not documented' for key in extra]


def _missing(name: str, result: t.Mapping[str, t.Any]) -> t.List[str]:
    """What is returned ``always`` or on ``success`` is there; a failed answer has its actions."""
    promised = [
        key
        for key, entry in documented(name).items()
        if (key == "actions" if result.get("failed") else entry.get("returned") in PROMISES)
    ]
    return [
        f'"{key}" is documented as always returned and is not there'
        for key in promised
        if key not in result
    ]
