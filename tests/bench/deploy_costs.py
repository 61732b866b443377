# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the time of one ``deploy.yml`` goes: what Ansible did per host, and what a module costs."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
import typing as t
from collections import Counter
from pathlib import Path

from fleet_ways import IDLE, idle_play

from ansible_collections.fleet.jobs.plugins.plugin_utils import _resident
from ansible_collections.fleet.jobs.tests.support.fleet import EmbeddedHost

Rows = t.List[t.Tuple[str, str]]
_CALL = "    found = resident.answer("
ROUNDS = 5


def of_run(record: Path) -> Rows:
    """From what a callback wrote of one run: results a host, and the modules' own seconds."""
    lines = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
    results = [one for one in lines if "task" in one]
    per_host = Counter(one["host"] for one in results if one["host"] != "localhost")
    rows = [("results per host", f"{statistics.median(per_host.values()):.0f}")]
    for name in ("deploy_audit", "deploy_apply"):
        mine = [one["result"] for one in results if one["action"] == f"fleet.jobs.{name}"]
        spent = statistics.median(float(one["seconds"]) for one in mine)
        size = max(len(json.dumps(one)) for one in mine)
        rows.append((f"`{name}`, seconds in the module, many hosts at once", f"{spent:.2f}"))
        rows.append((f"`{name}`, largest result", f"{size:,} bytes"))
    return rows


def of_host(host: EmbeddedHost) -> Rows:
    """What a call costs on a host before the module's own work begins."""
    python = [sys.executable, "-I", "-S"]
    rows = [("CPU of `python -I -S -c pass`", _cpu([*python, "-c", "pass"]))]
    for name in ("deploy_audit", "deploy_apply"):
        spent = _cpu([*python, "-c", _import_only(name, str(host.state_dir))])
        rows.append((f"CPU of the same with the imports of `{name}`", spent))
    rows.append(("CPU of `import ansible.module_utils.basic`, which is spared", _basic()))
    code = len(_resident.archive())
    rows.append(("code, sent once per host and version", f"{code:,} bytes"))
    sent = len(_resident.program("deploy_audit", {"state_dir": ""}, diff=False))
    rows.append(("program and arguments, sent with each call", f"{sent:,} bytes"))
    return rows


def _import_only(name: str, state_dir: str) -> str:
    """The program that is sent, which stops where the module would begin its work."""
    parameters = {"state_dir": state_dir, "lease_token": "none"}
    text = _resident.program(name, parameters, diff=False).decode()
    assert _CALL in text
    module = f"ansible_collections.fleet.jobs.plugins.modules.{name}"
    return text.replace(
        _CALL, f"    return __import__({module!r}, fromlist=['x']).__name__, None\n{_CALL}", 1
    )


def of_ansible(argv: t.Sequence[str], environ: t.Mapping[str, str], folder: Path) -> Rows:
    """Ansible's own start with the same inventory, and its own work for two tasks a host."""
    play, rows = folder / "idle.json", []
    for name, tasks in (("without any task", []), (f"with {IDLE} on a host", idle_play()["tasks"])):
        play.write_text(json.dumps([{**idle_play(), "tasks": tasks}]), encoding="utf-8")
        began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [argv[0], str(play), *argv[2:]]
        quiet = subprocess.DEVNULL
        subprocess.run(command, env=dict(environ), cwd=folder, stdout=quiet, check=True)
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        rows.append((f"`ansible-playbook` {name}", f"{wall:.2f} s, {cpu:.1f} CPU s"))
    return rows


def _basic() -> str:
    return _cpu([sys.executable, "-c", "import ansible.module_utils.basic"])


def _cpu(argv: t.Sequence[str]) -> str:
    spent = []
    for _unused in range(ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(argv, stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return f"{statistics.median(spent) * 1000:.0f} ms"


def table(rows: Rows) -> None:
    """As Markdown."""
    print("\n| where the time of `deploy.yml` goes | |")
    print("|---|---:|")
    for name, value in rows:
        print(f"| {name} | {value} |")
