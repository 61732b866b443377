# SPDX-License-Identifier: GPL-3.0-or-later
"""A real pueued in a temporary directory, which leaves no process and no file behind."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import typing as t
from pathlib import Path

from ansible_collections.fleet.jobs.plugins.module_utils._pueue.client import Client
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.config import Config, find_config

from .binaries import binary
from .waiting import eventually

START_SECONDS = 20.0
STOP_SECONDS = 20.0


class PrivateDaemon:
    """One pueued with its own configuration, socket, home and state.

    Short paths on purpose: a unix socket's path is limited to 107 bytes. The daemon leads its own
    session, so whatever its tasks leave running is found by session id and ended by ``close``.
    """

    def __init__(
        self,
        *,
        shared: t.Optional[t.Mapping[str, t.Any]] = None,
        daemon: t.Optional[t.Mapping[str, t.Any]] = None,
        environ: t.Optional[t.Mapping[str, str]] = None,
        wrapper: t.Sequence[str] = (),
    ) -> None:
        self.programs = self._find_programs()
        self.directory = self._make_directory()
        self.config_path = self.directory / "pueue.yml"
        self.process: t.Optional[subprocess.Popen[bytes]] = None
        self._wrapper = tuple(wrapper)
        self._extra_environ = dict(environ or {})
        self._sessions: t.List[int] = []
        self.home.mkdir(exist_ok=True)
        self.write_config(shared=shared, daemon=daemon)

    def _find_programs(self) -> t.Dict[str, str]:
        return {name: binary(name) for name in ("pueue", "pueued")}

    def _make_directory(self) -> Path:
        return Path(tempfile.mkdtemp(prefix="fj-"))

    @property
    def identity(self) -> t.Dict[str, t.Any]:
        """As whom the daemon runs, for ``subprocess``; as whoever runs the test."""
        return {}

    def write_config(
        self,
        *,
        shared: t.Optional[t.Mapping[str, t.Any]] = None,
        daemon: t.Optional[t.Mapping[str, t.Any]] = None,
    ) -> None:
        """Write the configuration; pueued reads it only at its next start."""
        places = {
            "pueue_directory": str(self.directory / "pueue"),
            "runtime_directory": str(self.directory),
            "unix_socket_path": str(self.socket_path),
            "pid_path": str(self.pid_path),
        }
        content = {
            "shared": {**places, **(shared or {})},
            "daemon": dict(daemon or {}),
            "client": {},
        }
        self.config_path.write_text(json.dumps(content, indent=2), encoding="utf-8")

    @property
    def home(self) -> Path:
        """The HOME of the daemon, the command line and thus of tasks added by it."""
        return self.directory / "home"

    @property
    def socket_path(self) -> Path:
        return self.directory / "socket"

    @property
    def pid_path(self) -> Path:
        return self.directory / "pueue.pid"

    @property
    def log_path(self) -> Path:
        """What pueued itself wrote (not its tasks)."""
        return self.directory / "pueued.log"

    @property
    def environ(self) -> t.Dict[str, str]:
        """A small environment in which ``pueue`` and our tools find this daemon."""
        folder = str(Path(self.programs["pueue"]).parent)
        return {
            "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PUEUE_CONFIG_PATH": str(self.config_path),
            **self._extra_environ,
        }

    @property
    def config(self) -> Config:
        return find_config(str(self.config_path), environ=self.environ)

    @property
    def pid(self) -> int:
        assert self.process is not None, "the daemon was not started"
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def connect(self, *, timeout: float = 10.0) -> Client:
        return Client.connect(self.config, timeout=timeout)

    def start(self) -> PrivateDaemon:
        """Start pueued in the foreground and wait until it accepts connections."""
        assert not self.running, "the daemon is already running"
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [*self._wrapper, self.programs["pueued"], "--config", str(self.config_path)],
                env=self.environ,
                cwd=str(self.directory),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self.identity,
            )
        self._sessions.append(self.process.pid)
        eventually(self._accepts, timeout=START_SECONDS, what="pueued accepts connections")
        return self

    def _accepts(self) -> bool:
        assert self.running, "pueued ended at its start:\n" + self.log_path.read_text()
        config = self.config
        family = socket.AF_UNIX if config.use_unix_socket else socket.AF_INET
        address: t.Any = str(config.unix_socket_path)
        if not config.use_unix_socket:
            address = (config.host, int(config.port))
        with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
            return probe.connect_ex(address) == 0

    def stop(self) -> int:
        """SIGTERM, by its own pid; the exit status. Its running tasks die with it."""
        return self._end(signal.SIGTERM)

    def kill9(self) -> int:
        """SIGKILL, as a crash; its running tasks' processes live on until ``close``."""
        return self._end(signal.SIGKILL)

    def restart(self) -> PrivateDaemon:
        if self.running:
            self.stop()
        return self.start()

    def _end(self, number: int) -> int:
        assert self.process is not None, "the daemon was not started"
        if self.running:
            self.process.send_signal(number)
        try:
            return self.process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout=STOP_SECONDS)
            raise

    def cli(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the real ``pueue`` against this daemon, as a stranger to our guards would."""
        done = subprocess.run(
            [self.programs["pueue"], "--config", str(self.config_path), *arguments],
            env=self.environ,
            cwd=str(self.directory),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert not check or done.returncode == 0, f"pueue {arguments}: {done.stdout}{done.stderr}"
        return done

    def leftovers(self) -> t.List[int]:
        """Processes of this daemon's tasks, the daemon itself excluded."""
        return [pid for pid in _processes() if self._owns(pid)]

    def _owns(self, pid: int) -> bool:
        if self.running and pid == self.pid:
            return False
        return session_of(pid) in self._sessions or _writes_below(pid, self.directory)

    def close(self) -> None:
        """End the daemon and everything it started, then remove its directory."""
        try:
            if self.running:
                self.stop()
        finally:
            self._end_leftovers()
            shutil.rmtree(self.directory, ignore_errors=True)

    def _end_leftovers(self) -> None:
        def gone() -> bool:
            pids = self.leftovers()
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not pids

        eventually(gone, timeout=STOP_SECONDS, what="the processes of this daemon's tasks end")

    def __enter__(self) -> PrivateDaemon:
        return self.start()

    def __exit__(self, *_exception: object) -> None:
        self.close()


def _processes() -> t.List[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def session_of(pid: int) -> t.Optional[int]:
    """The session id of a live process; None once it has ended, reaped or not."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (OSError, UnicodeDecodeError):
        return None
    return None if fields[0] in "ZX" else int(fields[3])


def _writes_below(pid: int, directory: Path) -> bool:
    """Whether stdout or stderr of ``pid`` is a task log of this daemon (also after a setsid)."""
    logs = f"{directory}/pueue/task_logs/"
    for number in (1, 2):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{pid}/fd/{number}").startswith(logs):
                return True
    return False
