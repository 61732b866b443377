# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Actions whose code stays on the host: it travels once per version, later calls send arguments.

Without pipelining, in check mode (which leaves no file) and where anything is unusual, the module
is sent as every module is; both ways run the same function.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import json
import shlex
import typing as t
import zipfile
from pathlib import Path

from ._action import ModuleAction, Result, SlicedAction
from ._checked import CheckedModule

_PLUGINS = Path(__file__).resolve().parent.parent
_PREFIX = "ansible_collections/fleet/jobs/plugins"
_MODULES = (
    "deploy_apply",
    "deploy_audit",
    "host_watch",
    "pueue_queue_guarded",
    "pueue_status",
)
_MARK = "fleet-jobs-answer:"
# How long the process of an audit waits for its apply, which then need not start anew. The audits
# of all other hosts come first, and two cores take a minute and a half for those of 500.
WAITING_SECONDS = 120.0
_START, _INSTALL = (
    Path(__file__).with_name(f"_resident_{name}.py").read_text(encoding="utf-8")
    for name in ("start", "install")
)
# Rooms that nothing in the modules needs.
_EXCLUDED = {"_tool", "_daemon"}
# Sent on from the host, as text, to the interpreter of the jobs.
_AS_TEXT = (f"{_PREFIX}/module_utils/_deploy/import_probe.py",)


def sources() -> t.Dict[str, bytes]:
    """What has to be on the host, by its path there."""
    files = [*(_PLUGINS / "module_utils").rglob("*.py")]
    files += [_PLUGINS / "modules" / f"{name}.py" for name in _MODULES]
    found = {f"{_PREFIX}/{path.relative_to(_PLUGINS).as_posix()}": path for path in files}
    return {
        name: path.read_bytes()
        for name, path in sorted(found.items())
        if _EXCLUDED.isdisjoint(path.parts)
    }


@functools.lru_cache(maxsize=None)
def digest() -> str:
    """One name for exactly these sources and the program that starts them."""
    made = hashlib.sha256((_START + _INSTALL).encode())
    for name, content in sources().items():
        made.update(f"{name}\0{len(content)}\0".encode())
        made.update(content)
    return made.hexdigest()[:16]


@functools.lru_cache(maxsize=None)
def archive() -> str:
    """The sources as text that can stand in a program."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in sources().items():
            packed.writestr(name, content)
    return base64.b64encode(stream.getvalue()).decode("ascii")


def program(name: str, parameters: Result, *, diff: bool) -> bytes:
    """What the host's interpreter reads for one call."""
    request = {"module": name, "parameters": parameters, "diff": diff}
    more = {"state_dir": parameters["state_dir"], "waiting_seconds": WAITING_SECONDS}
    return _filled(_START, {**request, **more})


def installer(state_dir: str) -> bytes:
    """What the host's interpreter reads where the code is missing."""
    more = {"code": archive(), "sources": _AS_TEXT}
    return _filled(_INSTALL, {"state_dir": state_dir, **more})


def _filled(text: str, request: Result) -> bytes:
    """The request as a literal: the host needs no parser for it."""
    plain = json.loads(json.dumps({**request, "digest": digest(), "mark": _MARK}))
    return text.replace('"REQUEST"', ascii(plain), 1).encode()


class ResidentAction(ModuleAction):
    """Run the module's function from the code that is on the host, where that is possible."""

    # What only looks uses code that is there, and leaves none.
    brings_code = True

    def call(self, arguments: Result, *, task_vars: Result) -> Result:
        python = self._python(task_vars)
        if python is None:
            return super().call(arguments, task_vars=task_vars)
        checked = _LOADED[self.module].check(arguments)
        if checked is None:
            # The module says it in Ansible's own words.
            return super().call(arguments, task_vars=task_vars)
        parameters = checked.parameters
        sent = program(self.module, parameters, diff=bool(self._task.diff))
        answer = self._ask(python, sent)
        if answer.get("code_missing") and self.brings_code:
            answer = self._ask(python, installer(parameters["state_dir"]))
            if answer.get("installed"):
                answer = self._ask(python, sent)
        if answer.get("code_refused") or answer.get("code_missing"):
            return super().call(arguments, task_vars=task_vars)
        return checked.shown(answer)

    def _python(self, task_vars: Result) -> t.Optional[str]:
        """The host's interpreter; None where the module has to be sent."""
        task = self._task
        if task.check_mode or task.async_val or task.delegate_to or self.module not in _MODULES:
            return None
        if not self._is_pipelining_enabled("new"):
            return None
        given = self._templar.template(task_vars.get("ansible_python_interpreter") or "auto")
        if str(given).startswith("auto"):
            given = (task_vars.get("ansible_facts") or {}).get("discovered_interpreter_python")
        return str(given) if given else None

    def _ask(self, python: str, sent: bytes) -> Result:
        command = f"{self._compute_environment_string()} {shlex.quote(python)} -I -S -"
        return _answer(self._low_level_execute_command(command.strip(), in_data=sent))


def _answer(done: Result) -> Result:
    """The marked line; whatever else was printed is no part of it."""
    for line in str(done.get("stdout") or "").splitlines():
        if line.startswith(_MARK):
            found: Result = json.loads(line[len(_MARK) :])
            return found
    words = str(done.get("stderr") or done.get("stdout") or "").strip().splitlines()
    said = words[-1][:400] if words else "it said nothing"
    return {
        "failed": True,
        "changed": False,
        "rc": done.get("rc"),
        "msg": f"The module ended without a result (exit code {done.get('rc')}): {said}",
        "module_stderr": "\n".join(words[-40:]),
    }


class ResidentSlices(SlicedAction, ResidentAction):
    """The same in bounded slices."""


# Before the workers fork, so that none of them has to import or to read this again.
_LOADED = {name: CheckedModule(name) for name in _MODULES}
digest()
