# SPDX-License-Identifier: GPL-3.0-or-later
"""The host tool as a host has it: built, installed, and called as a task's command calls it."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
import typing as t
from pathlib import Path

from ansible_collections.fleet.jobs.plugins.module_utils._jobs import host_tool
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.attempts import Attempt
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.store import Ledger
from ansible_collections.fleet.jobs.plugins.plugin_utils._host_tool import build

LIMIT_SECONDS = 60.0


def install(state_dir: Path) -> Path:
    """Install the tool of this working tree into ``state_dir``; its path."""
    built = build()
    state_dir.mkdir(parents=True, exist_ok=True)
    source = state_dir / "source.zip"
    source.write_bytes(built.content)
    state = host_tool.ensure(state_dir, digest=built.digest, source=source)
    source.unlink()
    return state.path


class Tool:
    """An installed tool and the state directory that it works on."""

    def __init__(self, path: Path, *, state_dir: Path) -> None:
        self.path, self.state_dir = path, state_dir

    def words(
        self, argv: t.Sequence[str], *, label: str = "unit/job", options: t.Sequence[str] = ()
    ) -> t.List[str]:
        """The words of a run; ``options`` may repeat what is set here."""
        common = ["--label", label, "--task", "key", "--state-dir", str(self.state_dir)]
        if "--cap" not in options:
            common += ["--cap", "none"]
        return [*host_tool.invocation(self.path), "run", *common, *options, "--", *argv]

    def command(self, argv: t.Sequence[str], **words: t.Any) -> str:
        """The same as the text of a pueue task."""
        return "exec " + " ".join(shlex.quote(word) for word in self.words(argv, **words))

    def run(
        self,
        argv: t.Sequence[str],
        *,
        cwd: t.Optional[Path] = None,
        env: t.Optional[t.Mapping[str, str]] = None,
        **words: t.Any,
    ) -> subprocess.CompletedProcess:
        """Run to the end in a process group of its own, with a stdin that never ends."""
        process = self.start(argv, cwd=cwd, env=env, **words)
        try:
            out, err = process.communicate(timeout=LIMIT_SECONDS)
        finally:
            end_group(process)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def start(
        self,
        argv: t.Sequence[str],
        *,
        cwd: t.Optional[Path] = None,
        env: t.Optional[t.Mapping[str, str]] = None,
        **words: t.Any,
    ) -> subprocess.Popen:
        """Start as pueued does: leader of a new group; the caller ends it with ``end_group``."""
        return subprocess.Popen(
            self.words(argv, **words),
            cwd=str(cwd or self.state_dir),
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            start_new_session=True,
        )

    def attempts(self, label: str = "unit/job") -> t.List[Attempt]:
        """What the ledger knows of the label."""
        with Ledger.open(self.state_dir, read_only=True) as ledger:
            return ledger.attempts.history(label)


def end_group(process: subprocess.Popen) -> None:
    """Whatever is left of a started group is gone afterwards."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, 9)
    process.wait(timeout=10)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def python(text: str) -> t.List[str]:
    """A job that is a Python text of this interpreter."""
    return [sys.executable, "-I", "-S", "-c", text]
