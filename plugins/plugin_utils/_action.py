# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Actions that call one module: with the host tool brought along, or in bounded slices."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
import typing as t

from ansible.constants import DEFAULT_LOCAL_TMP
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ._host_tool import BuiltTool, build

Result = t.Dict[str, t.Any]
LOST_CONNECTIONS = 5
FIRST_PAUSE_SECONDS = 2.0
_TOOL_NAME = "fleet-jobs.pyz"


class ModuleAction(ActionBase):  # type: ignore[misc]
    """Run the module of the same name; subclasses say what happens around it."""

    module = ""

    def run(self, tmp: t.Any = None, task_vars: t.Optional[Result] = None) -> Result:
        """Ansible's way in."""
        result: Result = super().run(tmp, task_vars)
        del tmp
        result.update(self.perform(dict(self._task.args), task_vars=task_vars or {}))
        return result

    def perform(self, arguments: Result, *, task_vars: Result) -> Result:
        """One call."""
        return self.call(arguments, task_vars=task_vars)

    def call(self, arguments: Result, *, task_vars: Result) -> Result:
        """Run the module once."""
        called: Result = self._execute_module(
            module_name=f"fleet.jobs.{self.module}", module_args=arguments, task_vars=task_vars
        )
        return called


class ToolAction(ModuleAction):
    """The module says ``tool_missing`` once per host and version; only then the file travels."""

    def call(self, arguments: Result, *, task_vars: Result) -> Result:
        built = build()
        arguments = {**arguments, "tool_digest": built.digest}
        result = super().call(arguments, task_vars=task_vars)
        if not result.get("tool_missing") or self._task.check_mode:
            return result
        arguments["tool_source"] = self._transfer_tool(built)
        result = super().call(arguments, task_vars=task_vars)
        if result.get("tool_missing"):
            result.update(failed=True, msg="The host tool was transferred, but is still missing.")
        return result

    def _transfer_tool(self, built: BuiltTool) -> str:
        """Put the file into the task's temporary directory, which Ansible removes in the end."""
        shell = self._connection._shell
        if shell.tmpdir is None:
            self._make_tmp_path()
        remote: str = shell.join_path(shell.tmpdir, _TOOL_NAME)
        handle, local = tempfile.mkstemp(dir=DEFAULT_LOCAL_TMP)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(built.content)
            self._transfer_file(local, remote)
        finally:
            os.unlink(local)
        # With become the module runs as another account than the one that transferred the file.
        self._fixup_perms2((shell.tmpdir, remote))
        return remote


class SlicedAction(ModuleAction):
    """Ask again and again until ``finished``: progress shows, a cut connection costs one slice."""

    def perform(self, arguments: Result, *, task_vars: Result) -> Result:
        host = str(task_vars.get("inventory_hostname", "localhost"))
        if arguments.get("state") is None:
            first = self.first_state()
            arguments = {**arguments, "state": first} if first is not None else arguments
        changed = False
        actions: t.List[str] = []
        started = time.monotonic()
        while True:
            result = self._call_patiently(arguments, task_vars=task_vars, host=host)
            changed = changed or bool(result.get("changed"))
            actions += result.get("actions") or []
            if _over(result) or self._task.check_mode:
                break
            self._display.display(f"[{host}] {self.progress(result)}")
            arguments = {**arguments, "state": result.get("state")}
        if "actions" in result:
            result["actions"] = actions
        if "seconds" in result:
            result["seconds"] = round(time.monotonic() - started, 3)
        result["changed"] = changed
        return result

    def first_state(self) -> t.Optional[Result]:
        """A name for this run, for modules that must not start something a second time."""
        return None

    def progress(self, result: Result) -> str:
        """One line after an unfinished slice."""
        return f"{self.module}: {result.get('progress') or 'not finished yet'}"

    def _call_patiently(self, arguments: Result, *, task_vars: Result, host: str) -> Result:
        pause = FIRST_PAUSE_SECONDS
        for remaining in range(LOST_CONNECTIONS, -1, -1):
            try:
                return self.call(arguments, task_vars=task_vars)
            except AnsibleConnectionFailure as error:
                if not remaining:
                    raise
                self._display.display(f"[{host}] connection lost, asking again: {error}")
                time.sleep(pause)
                pause *= 2
                with contextlib.suppress(AnsibleConnectionFailure):
                    self._connection.reset()
        raise AssertionError("unreachable")


def _over(result: Result) -> bool:
    stopped = any(result.get(key) for key in ("failed", "unreachable", "skipped"))
    return stopped or bool(result.get("finished", True))
