# SPDX-License-Identifier: GPL-3.0-or-later
"""A private queue with a state directory and the host tool, and jobs for it in one line."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible_collections.fleet.jobs.plugins.module_utils._jobs import guard
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.instance import Instance
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.queue_report import Report
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.task_command import Tool
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.snapshot import Snapshot, Task

from . import tool
from .daemon import PrivateDaemon
from .direct import call
from .waiting import eventually

FLOOR = 1 << 20


class GuardedQueue:
    """What a test of guarded queueing needs; ``work`` is a directory for jobs to run in."""

    def __init__(self, daemon: PrivateDaemon) -> None:
        self.daemon = daemon
        self.state_dir = daemon.directory / "state"
        self.work = daemon.directory / "work"
        self.work.mkdir(exist_ok=True)
        self.instance = Instance(config=daemon.config, state_dir=self.state_dir)
        self._tool: t.Optional[Path] = None

    @property
    def tool(self) -> Tool:
        """The real host tool, installed at its first use; without a cap, so any machine will do."""
        if self._tool is None:
            self._tool = tool.install(self.state_dir)
        return Tool(path=self._tool, state_dir=self.state_dir, cap="none")

    def job(self, label: str, shell: str = "true", **more: t.Any) -> t.Dict[str, t.Any]:
        """A job that runs a shell text in ``work``."""
        return {"label": label, "shell": shell, "chdir": str(self.work), **more}

    def wish(self, *jobs: t.Mapping[str, t.Any], **more: t.Any) -> guard.Wish:
        options = {"tool": self.tool, "disk_floor": FLOOR, **more}
        return guard.Wish(jobs=list(jobs), **options)

    def queue(
        self, *jobs: t.Mapping[str, t.Any], check_mode: bool = False, **more: t.Any
    ) -> Report:
        """Queue jobs through the guard."""
        return guard.queue(
            self.instance,
            self.wish(*jobs, **more),
            check_mode=check_mode,
            environ=self.daemon.environ,
        )

    def once(self, label: str, *command: str) -> t.Dict[str, t.Any]:
        """The result of ``systemd_run_job`` for one command beside the queue, without a cap."""
        return call(
            "systemd_run_job",
            {
                **{"label": label, "command": list(command), "cap": "none"},
                **{"state_dir": str(self.state_dir), "chdir": str(self.work)},
            },
            environ=self.daemon.environ,
            cwd=self.work,
        )

    def status(self) -> Snapshot:
        with self.daemon.connect() as client:
            return client.status()

    def tasks(self, label: str) -> t.List[Task]:
        """All tasks of a label, oldest first."""
        return self.status().by_label().get(label, [])

    def pause(self, group: str = "default") -> None:
        with self.daemon.connect() as client:
            client.pause_group(group)

    def start(self, group: str = "default") -> None:
        with self.daemon.connect() as client:
            client.start_group(group)

    def finished(self, *labels: str, timeout: float = 60.0) -> Snapshot:
        """Wait until the latest task of each label is done; the queue then."""

        def done() -> t.Optional[Snapshot]:
            snapshot = self.status()
            latest = snapshot.latest()
            missing = [one for one in labels if one not in latest or not latest[one].done]
            return None if missing else snapshot

        return eventually(done, timeout=timeout, what=f"{labels} finish")

    def add_stranger(self, label: str, *words: str, stashed: bool = False) -> int:
        """A task added by the plain command line; its id."""
        options = ["--stashed"] if stashed else []
        command = words or ("sleep", "600")
        done = self.daemon.cli("add", "--print-task-id", *options, "--label", label, "--", *command)
        return int(done.stdout)
