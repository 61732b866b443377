# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one module or a whole playbook through the real ansible-core, and read what came back.

Every run has a home of its own, so nothing of the account that runs the tests takes part and
nothing is left there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

import ansible_collections.fleet.jobs as collection

from . import returns

COLLECTION = Path(next(iter(collection.__path__)))
COLLECTIONS_PATH = COLLECTION.parents[2]
LIMIT_SECONDS = 300.0
_KEPT = ("PATH", "LANG", "TERM", "TMPDIR", "VIRTUAL_ENV")


@dataclass(frozen=True)
class TaskResult:
    """One host's result of one task (``status``: ok, failed, skipped, unreachable)."""

    host: str
    task: str
    action: str
    status: str
    result: t.Dict[str, t.Any]
    ignored: bool = False


@dataclass(frozen=True)
class PlaybookRun:
    """What a run printed, answered and recorded."""

    rc: int
    stdout: str
    stderr: str
    results: t.List[TaskResult] = field(default_factory=list)
    stats: t.Dict[str, t.Dict[str, int]] = field(default_factory=dict)

    def of(
        self, *, task: t.Optional[str] = None, host: t.Optional[str] = None
    ) -> t.List[TaskResult]:
        """Results whose task name contains ``task`` and whose host is ``host``, in order."""
        return [
            one
            for one in self.results
            if (task is None or task in one.task) and (host is None or host == one.host)
        ]

    def explain(self) -> str:
        """For an assertion message."""
        return f"rc {self.rc}\n{self.stdout}\n{self.stderr}"


def run_module(
    name: str,
    args: t.Mapping[str, t.Any],
    *,
    check: bool = False,
    diff: bool = False,
    python: t.Optional[str] = None,
    env: t.Optional[t.Mapping[str, str]] = None,
    timeout: float = LIMIT_SECONDS,
) -> t.Dict[str, t.Any]:
    """Run ``fleet.jobs.<name>`` on this machine; its result, also where it failed.

    ``python`` is the interpreter that runs the module (default: the one of the test).
    """
    action = name if "." in name else f"fleet.jobs.{name}"
    play = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "tasks": [{"name": "the module", action: dict(args)}],
        }
    ]
    with tempfile.TemporaryDirectory(prefix="fleet-module-") as folder:
        playbook = Path(folder) / "play.json"
        playbook.write_text(json.dumps(play), encoding="utf-8")
        inventory = local_inventory(Path(folder) / "hosts.json", {"localhost": {}}, python=python)
        run = run_playbook(
            playbook, inventory=inventory, check=check, diff=diff, env=env, timeout=timeout
        )
    assert run.results, f"{action} gave no result\n{run.explain()}"
    return run.results[-1].result


def run_playbook(
    path: t.Union[str, Path],
    *,
    inventory: t.Union[str, Path],
    extra_vars: t.Optional[t.Mapping[str, t.Any]] = None,
    check: bool = False,
    diff: bool = False,
    arguments: t.Sequence[str] = (),
    env: t.Optional[t.Mapping[str, str]] = None,
    timeout: float = LIMIT_SECONDS,
    documented: bool = True,
) -> PlaybookRun:
    """Run a playbook (a path, or a collection's name such as ``fleet.jobs.deploy``).

    Results are held against RETURN, unless the test does that itself (``documented=False``).
    """
    with tempfile.TemporaryDirectory(prefix="fleet-ansible-") as folder:
        record = Path(folder) / "record.jsonl"
        command = [program("ansible-playbook"), str(path), "-i", str(inventory), *arguments]
        if extra_vars:
            variables = Path(folder) / "extra.json"
            variables.write_text(json.dumps(dict(extra_vars)), encoding="utf-8")
            command += ["-e", f"@{variables}"]
        command += ["--check"] * check + ["--diff"] * diff
        done = subprocess.run(
            command,
            env={**environment(Path(folder), record), **(env or {})},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        results, stats = _read(record)
    for one in results if documented else ():
        returns.check(one.action, one.result)
    return PlaybookRun(done.returncode, done.stdout, done.stderr, results, stats)


def local_inventory(
    path: Path,
    hosts: t.Mapping[str, t.Mapping[str, t.Any]],
    *,
    python: t.Optional[str] = None,
) -> Path:
    """Write an inventory whose hosts all are this machine (``connection: local``)."""
    common = {
        "ansible_connection": "local",
        "ansible_python_interpreter": python or sys.executable,
    }
    entries = {name: dict(variables) for name, variables in hosts.items()}
    path.write_text(
        json.dumps({"all": {"hosts": entries, "vars": common}}, indent=2), encoding="utf-8"
    )
    return path


def environment(home: Path, record: Path) -> t.Dict[str, str]:
    """Ansible's environment: the collection under test, a private home, no colour, no cows."""
    kept = {key: os.environ[key] for key in _KEPT if key in os.environ}
    return {
        **kept,
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_HOME": str(home / ".ansible"),
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS_PATH),
        "ANSIBLE_CALLBACK_PLUGINS": str(COLLECTION / "tests" / "support" / "callback"),
        "ANSIBLE_CALLBACKS_ENABLED": "recorder",
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_RETRY_FILES_ENABLED": "false",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_NOCOWS": "1",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "FLEET_JOBS_TEST_RECORD": str(record),
    }


def program(name: str) -> str:
    """The program beside this interpreter, else the one on PATH."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    assert found, f"{name} is neither beside {sys.executable} nor on PATH"
    return found


def _read(record: Path) -> t.Tuple[t.List[TaskResult], t.Dict[str, t.Dict[str, int]]]:
    results: t.List[TaskResult] = []
    stats: t.Dict[str, t.Dict[str, int]] = {}
    if record.exists():
        for line in record.read_text(encoding="utf-8").splitlines():
            one = json.loads(line)
            if "stats" in one:
                stats = one["stats"]
            else:
                results.append(TaskResult(**one))
    return results, stats
