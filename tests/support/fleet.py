# SPDX-License-Identifier: GPL-3.0-or-later
"""An embedded fleet: real pueued instances on this machine, one real git project, no fake."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

from ansible_collections.fleet.jobs.plugins.module_utils._jobs import guard
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.front_tool import FrontTool
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.instance import Instance
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.queue_report import Report
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.task_command import Tool
from ansible_collections.fleet.jobs.plugins.module_utils._ledger.store import Ledger
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.snapshot import Task
from ansible_collections.fleet.jobs.plugins.plugin_utils._host_tool import build

from .ansible import local_inventory
from .daemon import PrivateDaemon
from .waiting import eventually

# Version 1 fails for odd numbers; version 2 is the fix. "hold" runs until its file appears.
JOBS = """\
import os, pathlib, sys, time

FIXED = {fixed}

def main(argv):
    if argv[0] == "hold":
        while not os.path.exists(argv[1]):
            time.sleep(0.05)
        return 0
    if int(argv[0]) % 2 and not FIXED:
        print("cannot work with", argv[0])
        return 1
    print("worked with", argv[0])
    return 0

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
"""


def git(*arguments: str, cwd: Path) -> str:
    """Run git with an identity of its own; its output."""
    identity = ["-c", "user.name=fleet", "-c", "user.email=fleet@example.org"]
    # A host's checkout may belong to another user than the one that looks.
    identity += ["-c", "safe.directory=*"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=cwd, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


class Origin:
    """The repository that a fix is pushed to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True)
        git("init", "--quiet", "--initial-branch=main", cwd=path)
        self.first = self.commit("first", {"work.py": JOBS.format(fixed=False)})

    def commit(self, message: str, files: t.Mapping[str, str]) -> str:
        """Write files and commit them; the SHA."""
        for name, content in files.items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_text(content, encoding="utf-8")
        git("add", "--all", cwd=self.path)
        git("commit", "--quiet", "--message", message, cwd=self.path)
        return git("rev-parse", "HEAD", cwd=self.path)

    def fix(self) -> str:
        """Version 2."""
        return self.commit("fix odd numbers", {"work.py": JOBS.format(fixed=True)})


class EmbeddedHost:
    """One instance with a checkout of the project."""

    python = sys.executable

    def __init__(
        self, name: str, origin: Origin, *, daemon: t.Optional[PrivateDaemon] = None
    ) -> None:
        self.name = name
        self.daemon = daemon or PrivateDaemon().start()
        self.folder = Path(self.daemon.directory)
        self.state_dir = self.folder / "state"
        self.project = self.folder / "project"
        self._clone(origin)
        self.instance = Instance(self.daemon.config, self.state_dir)

    def _clone(self, origin: Origin) -> None:
        git("clone", "--quiet", str(origin.path), str(self.project), cwd=self.folder)

    @property
    def variables(self) -> t.Dict[str, t.Any]:
        """The inventory's view."""
        return {
            "fleet_pueue_config": str(self.daemon.config_path),
            "fleet_state_dir": str(self.state_dir),
            "deploy_project": str(self.project),
        }

    def job(self, label: str, *arguments: str, **options: t.Any) -> t.Dict[str, t.Any]:
        """A job of the project, as ``pueue_queue_guarded`` takes it."""
        return {
            "label": label,
            "command": [self.python, "-B", "work.py", *arguments],
            "chdir": str(self.project),
            "restart_safe": True,
            **options,
        }

    def queue(self, jobs: t.Sequence[t.Mapping[str, t.Any]], **wish: t.Any) -> Report:
        """Queue through the guard, with the host tool in front."""
        content, digest = build()
        with tempfile.TemporaryDirectory(prefix="fleet-tool-") as folder:
            source = Path(folder) / "tool.py"
            source.write_bytes(content)
            self.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            tool = FrontTool.find(self.state_dir, digest=digest, source=str(source))
            wanted = guard.Wish(
                jobs=jobs,
                tool=Tool(path=tool.path, state_dir=self.state_dir, cap="none"),
                install=lambda: tool.install(check_mode=False),
                **wish,
            )
            return guard.queue(self.instance, wanted, environ=self.daemon.environ)

    def tasks(self) -> t.Dict[str, Task]:
        """The newest task of each label."""
        with self.daemon.connect() as client:
            return dict(client.status().latest())

    def groups(self) -> t.Dict[str, str]:
        """Status by group."""
        with self.daemon.connect() as client:
            return {name: group.status for name, group in client.groups().items()}

    def free(self) -> bool:
        """Nothing is frozen, and nobody has the lease."""
        with self.ledger() as ledger:
            held = ledger.lease.held() or ledger.lease.expired_frozen()
        return not held and set(self.groups().values()) == {"Running"}

    def parallel(self, number: int, group: str = "default") -> None:
        """Slots of a group."""
        with self.daemon.connect() as client:
            client.parallel(group, number)

    def finished(self, *labels: str, timeout: float = 60.0) -> t.Dict[str, Task]:
        """Wait until these labels are done."""

        def done() -> t.Dict[str, Task]:
            tasks = self.tasks()
            wanted = {label: tasks[label] for label in labels if label in tasks}
            return wanted if len(wanted) == len(labels) and _all_done(wanted) else {}

        return eventually(done, timeout=timeout, what=f"{', '.join(labels)} done on {self.name}")

    def running(self, label: str, timeout: float = 30.0) -> Task:
        """Wait until this label runs."""

        def runs() -> t.Optional[Task]:
            task = self.tasks().get(label)
            return task if task is not None and task.status == "Running" else None

        task = eventually(runs, timeout=timeout, what=f"{label} running on {self.name}")
        assert task is not None
        return task

    def head(self) -> str:
        """The checkout's commit."""
        return git("rev-parse", "HEAD", cwd=self.project)

    def ledger(self) -> Ledger:
        """A reading ledger."""
        return Ledger.open(self.state_dir, read_only=True)

    def close(self) -> None:
        """End the daemon and everything below it."""
        self.daemon.close()


def _all_done(tasks: t.Mapping[str, Task]) -> bool:
    return all(task.done for task in tasks.values())


class Fleet:
    """Some embedded hosts and the repository they deploy from."""

    def __init__(self, count: int, folder: Path) -> None:
        self.folder = folder
        self.origin = Origin(folder / "origin")
        self.hosts: t.List[EmbeddedHost] = []
        try:
            for number in range(1, count + 1):
                self.hosts.append(self._make_host(number))
        except BaseException:
            self.close()
            raise

    def _make_host(self, number: int) -> EmbeddedHost:
        return EmbeddedHost(f"host{number}", self.origin)

    def start_queues(self) -> None:
        """Every daemon that is down."""
        for host in self.hosts:
            if not host.daemon.running:
                host.daemon.start()

    def stop_queues(self) -> None:
        """Every daemon that is up."""
        for host in self.hosts:
            if host.daemon.running:
                host.daemon.stop()

    def inventory(self, **more: t.Mapping[str, t.Any]) -> Path:
        """Write the inventory; ``more`` are further hosts by name."""
        entries = {host.name: host.variables for host in self.hosts}
        return local_inventory(self.folder / "hosts.json", {**entries, **more})

    @property
    def options(self) -> t.Dict[str, t.Any]:
        """Extra variables of a deploy."""
        return {
            "fleet_hosts": "all",
            "deploy_repository": str(self.origin.path),
            "deploy_ref": "main",
            "deploy_monitor_seconds": 0,
            "deploy_python": self.hosts[0].python,
        }

    def close(self) -> None:
        """Leave nothing behind."""
        for host in self.hosts:
            host.close()


def fingerprint(host: EmbeddedHost) -> t.Dict[str, str]:
    """Every file of the host's tree, git objects, queue, ledger and state, with its content.

    The directories' and files' times count for the state directory and ``.git``, since nothing
    there may even be written again.
    """
    found = {}
    for top in (host.project, host.state_dir, host.daemon.config.pueue_directory):
        for path in sorted(top.rglob("*")):
            stat = path.lstat()
            text = f"{stat.st_mode} {stat.st_size} {stat.st_mtime_ns}"
            if path.is_file():
                text += f" {hashlib.sha256(path.read_bytes()).hexdigest()}"
            found[str(path.relative_to(host.folder))] = text
    return found
