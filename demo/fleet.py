# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's embedded fleet: pueued instances on this machine that end with their pid.

    python demo/fleet.py start|stop FOLDER

does that with one of them (``make molecule``); ``start`` takes pueued from FLEET_JOBS_PUEUE_BIN.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

START_SECONDS = 20.0
STOP_SECONDS = 20.0


class Instance:
    """One pueued with its own configuration, socket and state below ``home``."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.name = home.name
        self.config = home / "pueue.yml"
        self.socket = home / "socket"
        self.pid_file = home / "pueue.pid"
        self.project = home / "project"
        self.state = home / "state"

    def prepare(self) -> None:
        """Write the configuration; JSON is valid YAML."""
        self.home.mkdir(mode=0o700, parents=True)
        places = {
            "pueue_directory": str(self.home / "pueue"),
            "runtime_directory": str(self.home),
            "unix_socket_path": str(self.socket),
            "pid_path": str(self.pid_file),
        }
        content = {"shared": places, "client": {}, "daemon": {}}
        self.config.write_text(json.dumps(content, indent=2), encoding="utf-8")

    def start(self, pueued: Path) -> None:
        """Start the daemon and wait until it listens."""
        with (self.home / "pueued.log").open("ab") as log:
            process = subprocess.Popen(
                [str(pueued), "--config", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.home,
                start_new_session=True,
            )
        limit = time.monotonic() + START_SECONDS
        while not self.socket.exists():
            if process.poll() is not None or time.monotonic() > limit:
                raise SystemExit(f"pueued of {self.name} did not start; see {self.home}/pueued.log")
            time.sleep(0.05)

    def stop(self) -> None:
        """End the daemon, which ends its jobs; nothing if it is gone."""
        pid = self._pid()
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        limit = time.monotonic() + STOP_SECONDS
        while self._pid() == pid and time.monotonic() < limit:
            time.sleep(0.05)
        if self._pid() == pid:
            os.kill(pid, signal.SIGKILL)

    def _pid(self) -> int | None:
        """The daemon's pid, if that process is this very daemon."""
        try:
            pid = int(self.pid_file.read_text(encoding="ascii"))
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if str(self.config).encode() in command else None


def main(word: str, folder: str) -> None:
    """Start the instance in ``folder``, or stop it."""
    instance = Instance(Path(folder))
    if word == "start":
        instance.prepare()
        instance.start(Path(os.environ["FLEET_JOBS_PUEUE_BIN"]) / "pueued")
    elif word == "stop":
        instance.stop()
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
