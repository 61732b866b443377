# SPDX-License-Identifier: GPL-3.0-or-later
"""Many inventory names over real ssh: one sshd on loopback, a local user with a queue for each.

    python tests/lab/fleet.py up [N] | down | ssh [NUMBER [COMMAND...]] | inventory

``up`` leaves the fleet up until ``down``; everything else that makes a fleet also removes it. All
of it lies in one folder, ``/var/tmp/fj-lab-TAG``; the users are called ``fjTAG-001`` and so on.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ansible_collections.fleet.jobs.tests.lab.accounts import Account, Place
from ansible_collections.fleet.jobs.tests.lab.loopback_sshd import LoopbackSshd, missing
from ansible_collections.fleet.jobs.tests.support.ansible import PlaybookRun, run_playbook
from ansible_collections.fleet.jobs.tests.support.binaries import binary
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.fleet import EmbeddedHost, Fleet, Origin

_AT_ONCE = 8
_INVENTORY = "inventory.json"


class AccountDaemon(PrivateDaemon):
    """A pueued that runs as one user of the lab, below that user's home."""

    def __init__(self, account: Account, programs: Path) -> None:
        self.account = account
        self._folder = programs
        super().__init__()
        account.own(account.home)

    def _find_programs(self) -> t.Dict[str, str]:
        return {name: str(self._folder / name) for name in ("pueue", "pueued")}

    def _make_directory(self) -> Path:
        return self.account.home

    @property
    def home(self) -> Path:
        return self.account.home

    @property
    def identity(self) -> t.Dict[str, t.Any]:
        return self.account.identity

    def preload(self, library: Path) -> None:
        """From its next start on."""
        self._extra_environ["LD_PRELOAD"] = str(library)


class SshHost(EmbeddedHost):
    """One name of the fleet: a user with a checkout and, where asked for, a queue."""

    python = "/usr/bin/python3"
    daemon: AccountDaemon

    def __init__(self, name: str, origin: Origin, daemon: AccountDaemon) -> None:
        self.account = daemon.account
        super().__init__(name, origin, daemon=daemon)

    def _clone(self, origin: Origin) -> None:
        safe = f"[safe]\n\tdirectory = {origin.path}\n\tdirectory = {origin.path}/.git\n"
        (self.account.home / ".gitconfig").write_text(safe, encoding="utf-8")
        subprocess.run(
            ["git", "clone", "--quiet", str(origin.path), str(self.project)],
            check=True,
            cwd=self.folder,
            env=self.daemon.environ,
            **self.account.identity,
        )

    @property
    def variables(self) -> t.Dict[str, t.Any]:
        return {**super().variables, "ansible_user": self.account.name}

    def close(self) -> None:
        """The daemon; the home goes with the place."""
        if self.daemon.running:
            self.daemon.stop()


class FleetOverSsh(Fleet):
    """``count`` hosts from ``host001`` on; all of it is gone after ``close``, also on failure."""

    def __init__(self, count: int, *, queues: bool = True, stays: bool = False) -> None:
        reason = missing()
        assert reason is None, reason
        remove_abandoned()
        self.place = Place.make(owner=None if stays else os.getpid())
        self.sshd = LoopbackSshd(self.place.folder)
        try:
            self._programs = self._bring_programs()
            self.sshd.start(path=f"{self._programs}:/usr/local/bin:/usr/bin:/bin")
            super().__init__(count, self.place.folder)
            if queues:
                self.start_queues()
        except BaseException:
            self.close()
            raise

    def _bring_programs(self) -> Path:
        """Where the users can read them."""
        folder = self.place.folder / "bin"
        folder.mkdir(mode=0o755)
        for name in ("pueue", "pueued"):
            shutil.copy(binary(name), folder / name)
            (folder / name).chmod(0o755)
        return folder

    def _make_host(self, number: int) -> SshHost:
        account = self.place.add(number)
        return SshHost(f"host{number:03d}", self.origin, AccountDaemon(account, self._programs))

    def start_queues(self) -> None:
        """Every pueued, some at a time."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda host: host.daemon.start(), self.hosts))

    def stop_queues(self) -> None:
        """Every pueued that runs."""
        running = [host for host in self.hosts if host.daemon.running]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda host: host.daemon.stop(), running))

    def inventory(self, **more: t.Mapping[str, t.Any]) -> Path:
        hosts = {host.name: host.variables for host in self.hosts}
        for name, variables in more.items():
            hosts[name] = {**hosts.get(name, {}), **variables}
        path = self.folder / _INVENTORY
        content = {"all": {"hosts": hosts, "vars": self.sshd.variables}}
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        return path

    def play(self, playbook: t.Union[str, Path], **options: t.Any) -> PlaybookRun:
        """Run a playbook over the fleet."""
        if "inventory" not in options:
            options["inventory"] = self.inventory()
        return run_playbook(playbook, **options)

    def ssh(self, number: int, *command: str) -> subprocess.CompletedProcess[str]:
        """A command as a user of the fleet, over ssh."""
        argv = [*self.sshd.argv(self.hosts[number - 1].variables["ansible_user"]), *command]
        return subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
        )

    def close(self) -> None:
        try:
            with contextlib.suppress(AttributeError):  # it failed before there were hosts
                self.stop_queues()
        finally:
            remove(self.place)

    def __enter__(self) -> FleetOverSsh:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def remove(place: Place) -> None:
    """A whole lab, whoever made it."""
    LoopbackSshd(place.folder).stop()
    place.remove()


def remove_abandoned() -> None:
    """What killed runs left behind."""
    for place in Place.all():
        if place.abandoned:
            remove(place)


def _up(count: int) -> str:
    for place in Place.all():
        assert not place.stays, f"a fleet is up already: {place.folder} (take it down first)"
    fleet = FleetOverSsh(count, stays=True)
    return f"{count} hosts are up; inventory: {fleet.inventory()}"


def _down() -> str:
    remove_abandoned()
    staying = [place for place in Place.all() if place.stays]
    for place in staying:
        remove(place)
    return f"removed: {', '.join(str(one.folder) for one in staying) or 'nothing was up'}"


def _standing() -> Path:
    """The inventory of the fleet that ``up`` made."""
    for place in Place.all():
        if place.stays and (place.folder / _INVENTORY).exists():
            return place.folder / _INVENTORY
    raise SystemExit("no fleet is up: make lab-fleet DO=up N=20")


def _ssh(number: int, command: t.Sequence[str]) -> t.NoReturn:
    content = json.loads(_standing().read_text(encoding="utf-8"))["all"]
    user = content["hosts"][f"host{number:03d}"]["ansible_user"]
    common = content["vars"]
    argv = ["ssh", *common["ansible_ssh_common_args"].split(), "-p", str(common["ansible_port"])]
    argv += ["-i", common["ansible_ssh_private_key_file"]]
    os.execvp("ssh", [*argv, f"{user}@{common['ansible_host']}", *command])


def main(arguments: t.Sequence[str]) -> None:
    """See the head of this file."""
    verb, *rest = arguments or ["help"]
    if verb in ("up", "ssh", "down") and missing():
        raise SystemExit(f"lab-fleet: {missing()}")
    if verb == "up":
        print(_up(int(rest[0]) if rest else 20))
    elif verb == "down":
        print(_down())
    elif verb == "ssh":
        _ssh(int(rest[0]) if rest else 1, rest[1:])
    elif verb == "inventory":
        print(_standing())
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
