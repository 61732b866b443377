# SPDX-License-Identifier: GPL-3.0-or-later
"""One sshd on a loopback port with keys of its own, which writes down what it carried."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import typing as t
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.fleet.jobs.tests.support.waiting import eventually

ADDRESS = "127.0.0.1"
_SECONDS = 20.0
# Without PAM and without a look at modes: homes and keys belong to the lab alone. All users share
# one key. MaxStartups is what a fan-out needs; a real host sees one connection only.
_CONFIG = """\
ListenAddress {address}
Port {port}
HostKey {folder}/host_key
PidFile {folder}/sshd.pid
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitUserEnvironment yes
PrintMotd no
PrintLastLog no
UseDNS no
MaxStartups 400:30:500
MaxSessions 100
LogLevel VERBOSE
Subsystem sftp internal-sftp
SetEnv PATH={path}
"""


@dataclass(frozen=True)
class Traffic:
    """What sshd carried: connections, commands asked for; bytes on the wire.

    The bytes are those of the network's packets, where they are counted (``count_bytes``).
    """

    connections: int
    sessions: int
    sent: int
    received: int

    def __sub__(self, other: Traffic) -> Traffic:
        return Traffic(
            self.connections - other.connections,
            self.sessions - other.sessions,
            self.sent - other.sent,
            self.received - other.received,
        )


def missing() -> t.Optional[str]:
    """Why there can be no fleet over ssh here; None where there can."""
    if os.geteuid() != 0:
        return "a fleet over ssh needs root: it makes local users and starts sshd"
    for program in ("/usr/sbin/sshd", "ssh", "ssh-keygen", "useradd", "userdel"):
        if shutil.which(program) is None:
            return f"{program} is not installed (Debian: openssh-server, openssh-client, passwd)"
    return None


class LoopbackSshd:
    """sshd, as root, on a port that was free."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = folder / "key"
        self.known_hosts = folder / "known_hosts"
        self.log = folder / "sshd.log"
        self.port = 0

    def start(self, *, path: str) -> LoopbackSshd:
        """Make keys and configuration, start, wait until it answers. ``path``: PATH over ssh."""
        # The folder that sshd gives up its rights in; /run may be new since the last boot.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self.port = _free_port()
        for name in ("key", "host_key"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "fleet.jobs lab"]
            subprocess.run([*command, "-f", str(self.folder / name)], check=True)
        authorized = self.folder / "authorized_keys"
        shutil.copyfile(self.folder / "key.pub", authorized)
        authorized.chmod(0o644)
        host_key = (self.folder / "host_key.pub").read_text(encoding="utf-8")
        self.known_hosts.write_text(f"[{ADDRESS}]:{self.port} {host_key}", encoding="utf-8")
        self._start(path)
        return self

    def _start(self, path: str) -> None:
        config = self.folder / "sshd_config"
        config.write_text(
            _CONFIG.format(address=ADDRESS, port=self.port, folder=self.folder, path=path),
            encoding="utf-8",
        )
        subprocess.run(
            ["/usr/sbin/sshd", "-f", str(config), "-E", str(self.log)],
            check=True,
            stdin=subprocess.DEVNULL,
        )
        eventually(self._answers, timeout=_SECONDS, what="sshd answers")

    def _answers(self) -> bool:
        with contextlib.closing(socket.socket()) as probe:
            return probe.connect_ex((ADDRESS, self.port)) == 0

    @property
    def pid(self) -> t.Optional[int]:
        """Of the listening process, if it is ours and alive."""
        with contextlib.suppress(OSError, ValueError):
            pid = int((self.folder / "sshd.pid").read_text(encoding="utf-8"))
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
            return pid if str(self.folder) in command else None
        return None

    @property
    def variables(self) -> t.Dict[str, t.Any]:
        """For an inventory; ``ansible_user`` is what tells its hosts apart."""
        return {
            "ansible_host": ADDRESS,
            "ansible_port": self.port,
            "ansible_ssh_private_key_file": str(self.key),
            "ansible_ssh_common_args": " ".join(self.options),
            "ansible_python_interpreter": "/usr/bin/python3",
        }

    @property
    def options(self) -> t.List[str]:
        """Of ssh: nothing of the account that runs the lab takes part."""
        return ["-F", "none", "-o", f"UserKnownHostsFile={self.known_hosts}"]

    def argv(self, user: str) -> t.List[str]:
        """ssh to one user."""
        options = [*self.options, "-o", "BatchMode=yes", "-i", str(self.key), "-p", str(self.port)]
        return ["ssh", *options, f"{user}@{ADDRESS}"]

    def traffic(self) -> Traffic:
        """Everything until now."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        sent, received = self._counted()
        return Traffic(
            connections=len(re.findall(r"^Accepted publickey ", text, re.MULTILINE)),
            sessions=len(re.findall(r"^Starting session: ", text, re.MULTILINE)),
            sent=sent,
            received=received,
        )

    def count_bytes(self) -> None:
        """Two rules of the packet filter that do nothing but count; ``stop`` removes them."""
        if shutil.which("iptables") is None:
            return
        for side in ("--dport", "--sport"):
            rule = ["INPUT", "-i", "lo", "-p", "tcp", side, str(self.port)]
            _iptables("-I", *rule, "-m", "comment", "--comment", self.folder.name)

    def _counted(self) -> t.Tuple[int, int]:
        """To the hosts, and from them."""
        found = {"dpt": 0, "spt": 0}
        if shutil.which("iptables") is not None:
            for line in _iptables("-nvxL", "INPUT").splitlines():
                match = re.search(r"^\s*\d+\s+(\d+)\s.*tcp ([ds]pt):\d+", line)
                if match and self.folder.name in line:
                    found[match.group(2)] += int(match.group(1))
        return found["dpt"], found["spt"]

    def _stop_counting(self) -> None:
        if shutil.which("iptables") is not None:
            for line in _iptables("-S", "INPUT").splitlines():
                if self.folder.name in line:
                    _iptables("-D", *line.split()[1:])

    def stop(self) -> None:
        """By its own pid; connections that are open lose their users' processes with the lab."""
        self._stop_counting()
        pid = self.pid
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            eventually(lambda: self.pid is None, timeout=_SECONDS, what="sshd ends")


def _iptables(*arguments: str) -> str:
    done = subprocess.run(
        ["iptables", "--wait", *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout


def _free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind((ADDRESS, 0))
        return int(probe.getsockname()[1])
