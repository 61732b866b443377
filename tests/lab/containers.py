# SPDX-License-Identifier: GPL-3.0-or-later
"""Systemd containers that Ansible reaches over ssh: bare Debian hosts, up in seconds.

    python tests/lab/containers.py up [--group GROUP] [--network none|host] [NAME ...]
    python tests/lab/containers.py ssh [--group GROUP] NAME [COMMAND ...]
    python tests/lab/containers.py restart [--group GROUP] NAME ...
    python tests/lab/containers.py inventory|down [--group GROUP]

``up`` starts the containers of a group and writes an ssh configuration and an inventory for them;
``down`` removes them. They have no network: each connection is an sshd of its own that podman
starts inside (``podman exec … sshd -i``), with PAM, logind and all that belongs to a login.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

if __name__ == "__main__":  # "make link" put the tree there under its collection name
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".build"))

from ansible_collections.fleet.jobs.tests.lab import packages
from ansible_collections.fleet.jobs.tests.lab.cache import LabError, cache
from ansible_collections.fleet.jobs.tests.lab.container_image import HOST_KEY_ALIAS, Image, image

LABEL = "org.fleet-jobs.lab"
READY = (
    "until systemctl is-system-running 2>/dev/null | grep -qxE 'running|degraded'; do sleep 0.2;"
    " done; systemctl is-system-running -q || { systemctl --failed --plain; exit 1; }"
)
READY_SECONDS = "120"
Output = t.Union[str, t.Sequence[str]]


class CommandFailed(LabError):
    """A command in a container that was to succeed."""


class Container:
    """One container that is up."""

    def __init__(self, group: Group, name: str) -> None:
        self.group, self.name = group, name

    @property
    def identity(self) -> str:
        """Its name among all containers of podman."""
        return f"fleet-lab-{self.group.name}-{self.name}"

    def ssh_argv(self, user: str = "jobs") -> t.List[str]:
        """The command line of a login; a command may follow."""
        return ["ssh", "-F", str(self.group.ssh_config), "-l", user, self.name]

    def run(
        self,
        command: Output,
        user: str = "jobs",
        *,
        check: bool = True,
        input: t.Optional[str] = None,
        timeout: float = 120.0,
    ) -> subprocess.CompletedProcess[str]:
        """Run it over ssh; a text goes to the account's shell as it is."""
        line = command if isinstance(command, str) else shlex.join(command)
        stdin: t.Dict[str, t.Any] = {"stdin": subprocess.DEVNULL} if input is None else {}
        done = subprocess.run(
            [*self.ssh_argv(user), line],
            **stdin,
            **({} if input is None else {"input": input}),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode != 0:
            raise CommandFailed(
                f"{self.name}: {line}: ended with {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done

    def restart(self) -> None:
        """Shut it down and boot it again; its disk stays."""
        self.group.image.podman("restart", "--time", "20", self.identity)
        self.wait()

    def wait(self) -> None:
        """Until systemd says that it is up; a unit that failed is an error."""
        self.group.image.podman("exec", self.identity, "timeout", READY_SECONDS, "sh", "-c", READY)

    def copy_in(self, path: Path, to: str) -> None:
        """Copy a file or a folder's content; it belongs to root."""
        self.group.image.podman("cp", str(path), f"{self.identity}:{to}")


class Group:
    """Containers that come and go together: ``with Group("test").up("a", "b") as (a, b)``."""

    def __init__(self, name: str = "hand") -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,40}", name):
            raise LabError(f'"{name}" is no name for a group of containers.')
        self.name = name
        self.image: Image = image()
        self.folder = cache() / "containers-up" / name

    @property
    def ssh_config(self) -> Path:
        return self.folder / "ssh_config"

    @property
    def containers(self) -> t.List[Container]:
        """Those that podman has, sorted by name."""
        listed = self.image.podman(
            *("ps", "--all", "--filter", f"label={LABEL}={self.name}"),
            *("--format", '{{ index .Labels "' + LABEL + '.host" }}'),
        )
        return [Container(self, name) for name in sorted(listed.split())]

    @contextlib.contextmanager
    def up(self, *names: str, network: str = "none") -> t.Iterator[t.List[Container]]:
        """Fresh ones for a block."""
        try:
            yield self.start(*names, network=network)
        finally:
            self.remove()

    def start(self, *names: str, network: str = "none") -> t.List[Container]:
        """Fresh ones, booted; what the group had before is removed."""
        self.remove()
        chosen = [Container(self, name) for name in names]
        self.folder.mkdir(parents=True, mode=0o700)
        self.ssh_config.write_text("".join(self._block(one) for one in chosen), encoding="utf-8")
        try:
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda one: self._boot(one, network), chosen))
        except BaseException:
            self.remove()
            raise
        return chosen

    def remove(self) -> None:
        """End and remove them, with what was written for them."""
        for one in self.containers:
            self.image.podman("rm", "--force", "--time", "0", "--volumes", one.identity)
        shutil.rmtree(self.folder, ignore_errors=True)

    def write_inventory(self, path: Path, user: str = "admin") -> Path:
        """A file for Ansible that names every container."""
        hosts = "".join(f"    {one.name}:\n" for one in self.containers)
        path.write_text(
            f"---\nlab:\n  hosts:\n{hosts}  vars:\n"
            f"    ansible_user: {user}\n    ansible_ssh_common_args: -F {self.ssh_config}\n"
            "    ansible_python_interpreter: /usr/bin/python3\n    ansible_pipelining: true\n",
            encoding="utf-8",
        )
        return path

    def _boot(self, one: Container, network: str) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,40}", one.name):
            raise LabError(f'"{one.name}" is no name for a container.')
        self.image.podman(
            *("run", "--detach", "--pull=never", "--name", one.identity, "--hostname", one.name),
            *("--label", f"{LABEL}={self.name}", "--label", f"{LABEL}.host={one.name}"),
            *("--systemd=always", "--privileged", f"--network={network}"),
            *("--volume", f"{self.image.key}.pub:/etc/ssh/lab_authorized_keys:ro"),
            *(self.image.name, "/sbin/init"),
        )
        one.wait()

    def _block(self, one: Container) -> str:
        settings = [f"{name}={value}" for name, value in self.image.environment.items()]
        proxy = shlex.join(
            ["env", *settings, "podman", "exec", "-i", one.identity, "/usr/sbin/sshd", "-i"]
        )
        return (
            f"Host {one.name}\n"
            f"  ProxyCommand {proxy.replace('%', '%%')}\n"
            f"  HostKeyAlias {HOST_KEY_ALIAS}\n  CheckHostIP no\n"
            f'  UserKnownHostsFile "{self.image.known_hosts}"\n'
            f'  IdentityFile "{self.image.key}"\n  IdentitiesOnly yes\n  LogLevel ERROR\n'
        )


def reason() -> str:
    """Why there can be no containers here, or nothing."""
    if os.geteuid() != 0:
        return "podman needs root to run systemd as PID 1 here"
    return packages.reason("containers")


def _existing(group: Group, name: str) -> Container:
    for one in group.containers:
        if one.name == name:
            return one
    raise LabError(f'No container "{name}" is up in the group "{group.name}".')


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("do", choices=["build", "up", "down", "ssh", "restart", "inventory"])
    parser.add_argument("--group", default="hand")
    parser.add_argument("--network", choices=["none", "host"], default="none")
    parser.add_argument("--user", default="admin")
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: lab1")
    return parser.parse_intermixed_args()


def main() -> int:
    """Read the command line."""
    options = _arguments()
    lacking = reason()
    if lacking:
        print(f"lab-containers: {lacking}", file=sys.stderr)
        return 1
    names = options.names or ["lab1"]
    group = Group(options.group)
    if options.do == "ssh":
        argv = _existing(group, names[0]).ssh_argv(options.user)
        os.execvp(argv[0], [*argv, *names[1:]])
    if options.do == "restart":
        for name in names:
            _existing(group, name).restart()
    if options.do == "down":
        group.remove()
    if options.do == "up":
        group.start(*names, network=options.network)
    if options.do == "inventory" and not group.containers:
        raise LabError(f'No container is up in the group "{group.name}".')
    if options.do in ("up", "inventory"):
        print(group.write_inventory(group.folder / "hosts.yml", options.user))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as failure:
        print(f"lab-containers: {failure}", file=sys.stderr)
        sys.exit(1)
