# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Actions that call one module: with the host tool brought along, or in bounded slices."""

from __future__ import annotations

import contextlib
import os
import shlex
import tempfile
import time
import typing as t

from ansible.constants import DEFAULT_LOCAL_TMP
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase

from ._answer_limit import VARIABLE, NoAnswer, answered_within
from ._answers import NOT_GIVEN, WrongAnswer, converted
from ._host_tool import BuiltTool, build
from ._sign_of_life import sign_of_life

Result = t.Dict[str, t.Any]
LOST_CONNECTIONS = 5
# A host that never answered is probably down, and the others would wait for it.
FIRST_CONTACTS = 1
FIRST_PAUSE_SECONDS = 2.0
_TOOL_NAME = "fleet-jobs.zip"


class ModuleAction(ActionBase):  # type: ignore[misc]
    """Run the module of the same name; subclasses say what happens around it."""

    module = ""
    # What is waited for where a call takes long; the module's name says enough for most.
    doing = ""
    # Above the sum of the limits that a call keeps to on the host.
    answer_seconds = 3600.0

    def run(self, tmp: t.Any = None, task_vars: t.Optional[Result] = None) -> Result:
        """Ansible's way in."""
        result: Result = super().run(tmp, task_vars)
        del tmp
        result.update(self.perform(dict(self._task.args), task_vars=task_vars or {}))
        return result

    def perform(self, arguments: Result, *, task_vars: Result) -> Result:
        """One call."""
        return self.ask(arguments, task_vars=task_vars)

    def ask(self, arguments: Result, *, task_vars: Result) -> Result:
        """One call, for which a host that hangs has so long."""
        given = self._templar.template(task_vars.get(VARIABLE))
        try:
            found = converted(VARIABLE, given, {"type": "float"})
        except WrongAnswer as error:
            return {"failed": True, "changed": False, "actions": [], "msg": str(error)}
        host = task_vars.get("inventory_hostname", "localhost")
        what = f"[{host}] waiting for {self.doing or self.module}"
        seconds = self.answer_seconds if found is NOT_GIVEN else found
        with sign_of_life(self._display.display, what), answered_within(seconds):
            return self.call(arguments, task_vars=task_vars)

    def call(self, arguments: Result, *, task_vars: Result) -> Result:
        """Run the module once."""
        called: Result = self._execute_module(
            module_name=f"fleet.jobs.{self.module}", module_args=arguments, task_vars=task_vars
        )
        return called

    def send(self, local: str, *, name: str) -> str:
        """Put a file where the module can read it; it is gone when the task is over."""
        if self._is_become_unprivileged():
            return self._hand_over(local)
        shell = self._connection._shell
        if shell.tmpdir is None:
            self._make_tmp_path()
        remote: str = shell.join_path(shell.tmpdir, name)
        self._transfer_file(local, remote)
        # With become the module runs as another account than the one that transferred the file.
        self._fixup_perms2((shell.tmpdir, remote))
        return remote

    def _hand_over(self, local: str) -> str:
        """Between two ordinary accounts a file cannot change hands without ACLs; its bytes can."""
        made = 'umask 077; file=$(mktemp) && cat > "$file" && echo "$file"'
        with open(local, "rb") as stream:
            done = self._low_level_execute_command(made, in_data=stream.read())
        lines = str(done.get("stdout") or "").split()
        if done.get("rc") != 0 or not lines:
            raise AnsibleError(f"A file could not be handed over: {done.get('stderr') or done}")
        self._handed = [*getattr(self, "_handed", ()), lines[-1]]
        return str(lines[-1])

    def cleanup(self, force: bool = False) -> None:
        """Called by Ansible when the task is over."""
        handed: t.List[str] = getattr(self, "_handed", [])
        if handed:
            quoted = " ".join(shlex.quote(path) for path in handed)
            self._low_level_execute_command(f"rm -f {quoted}")
            self._handed = []
        super().cleanup(force)


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
        handle, local = tempfile.mkstemp(dir=DEFAULT_LOCAL_TMP)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(built.content)
            return self.send(local, name=_TOOL_NAME)
        finally:
            os.unlink(local)


class SlicedAction(ModuleAction):
    """Ask again and again until ``finished``: progress shows, a cut connection costs one slice."""

    answer_seconds = 600.0
    # The option, and the key of a result, that carries where the run has got to.
    state_option = "state"

    def perform(self, arguments: Result, *, task_vars: Result) -> Result:
        host = str(task_vars.get("inventory_hostname", "localhost"))
        if arguments.get(self.state_option) is None:
            first = self.first_state()
            if first is not None:
                arguments = {**arguments, self.state_option: first}
        changed = False
        actions: t.List[str] = []
        started, play = time.monotonic(), os.getppid()
        contacts = FIRST_CONTACTS
        while True:
            result = self._call_patiently(arguments, contacts, task_vars=task_vars, host=host)
            contacts = LOST_CONNECTIONS
            changed = changed or bool(result.get("changed"))
            actions += result.get("actions") or []
            if _over(result) or self._task.check_mode:
                break
            _require(play)
            self._display.display(f"[{host}] {self.progress(result)}")
            arguments = {**arguments, self.state_option: result.get(self.state_option)}
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

    def _call_patiently(
        self, arguments: Result, contacts: int, *, task_vars: Result, host: str
    ) -> Result:
        pause = FIRST_PAUSE_SECONDS
        for remaining in range(contacts, -1, -1):
            try:
                return self.ask(arguments, task_vars=task_vars)
            except AnsibleConnectionFailure as error:
                if not remaining or isinstance(error, NoAnswer):
                    raise
                self._display.display(f"[{host}] connection lost, asking again: {error}")
                time.sleep(pause)
                pause *= 2
                with contextlib.suppress(AnsibleConnectionFailure):
                    self._connection.reset()
        raise AssertionError("unreachable")


def _require(play: int) -> None:
    """A worker of Ansible outlives a play that is killed (it leads a session of its own), and would
    ask for ever, and renew the lease each time."""
    if os.getppid() != play:
        raise AnsibleError("The play has ended; the host is not asked again.")


def _over(result: Result) -> bool:
    stopped = any(result.get(key) for key in ("failed", "unreachable", "skipped"))
    return stopped or bool(result.get("finished", True))
