# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine with the product's own pueued service and a project, and the accounts of its jobs."""

from __future__ import annotations

import collections
import json
import subprocess
import typing as t
from pathlib import Path

from ansible_collections.fleet.jobs.tests.lab.guest import TOOL, play
from ansible_collections.fleet.jobs.tests.lab.vm import VirtualMachine
from ansible_collections.fleet.jobs.tests.support.ansible import (
    PlaybookRun,
    environment,
    program,
    run_playbook,
)
from ansible_collections.fleet.jobs.tests.support.binaries import VERSION, binary
from ansible_collections.fleet.jobs.tests.support.fleet import git
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

PROJECT = "/home/jobs/project"
BINARIES = f"/home/jobs/.local/lib/fleet-jobs/pueue-{VERSION}"
TWICE = "/home/jobs/twice"
SERVICE = {"fleet.jobs.pueue_daemon": {"version": VERSION, "binaries": BINARIES}}
"""What the role does for the service; also what starts it again."""
SLOTS = 3
PAGE = 25
# Emulated, and on a machine that does other work at the same time.
LONG = 600.0
# It holds a lock as long as it or a child of it lives: who does not get it runs beside itself.
WORK = """\
VERSION={version}
exec 9> "/run/user/$(id -u)/$1.lock"
flock -n 9 || {{ echo "$1" >> {twice}; exit 9; }}
sleep "$2"
echo "$VERSION" >> "$HOME/done/$1"
"""
Task = t.Mapping[str, t.Any]


class Account(t.NamedTuple):
    """Where each label is: done, running, queued, or the class of its failure."""

    places: t.Dict[str, str]

    def counts(self) -> t.Dict[str, int]:
        return dict(collections.Counter(self.places.values()))

    def table(self, title: str) -> str:
        """For the log of a test run."""
        lines = [f"  {place:12}{number:5}" for place, number in sorted(self.counts().items())]
        return "\n".join([title, *lines, f"  {'together':12}{len(self.places):5}"])

    def of(self, place: str) -> t.List[str]:
        return sorted(label for label, one in self.places.items() if one == place)


class QueueHost:
    """One machine; ``provision`` first."""

    def __init__(self, vm: VirtualMachine, folder: Path) -> None:
        self.vm, self.folder = vm, folder
        self.origin = folder / "origin"
        self.origin.mkdir()

    # -- from bare ----------------------------------------------------------------------------

    def provision(self) -> None:
        """The daemon's service, slots, and a checkout of a project."""
        for name in ("pueue", "pueued"):
            self.vm.copy_in(binary(name), f"{BINARIES}/{name}")
        git("init", "--quiet", "--initial-branch=main", cwd=self.origin)
        self.commit(1)
        self.vm.run(f"git clone --quiet /home/jobs/origin {PROJECT} && mkdir -p done && sync")
        run = self.play(SERVICE, {"fleet.jobs.pueue_group": {"name": "default", "parallel": SLOTS}})
        assert run.rc == 0, run.explain()

    def commit(self, version: int) -> str:
        """Make a version of the project, and bring it to the host's origin."""
        (self.origin / "work.sh").write_text(WORK.format(version=version, twice=TWICE))
        git("add", "--all", cwd=self.origin)
        git("commit", "--quiet", "--message", f"version {version}", cwd=self.origin)
        self.vm.copy_in(self.origin, "/home/jobs/origin")
        self.vm.run("sync")
        return git("rev-parse", "HEAD", cwd=self.origin)

    # -- from the controller ------------------------------------------------------------------

    def play(self, *tasks: t.Mapping[str, t.Any]) -> PlaybookRun:
        return play(self.vm, self.folder, *tasks)

    def jobs(self, family: str, number: int, *, seconds: float) -> t.List[t.Dict[str, t.Any]]:
        """Jobs that take a while, each with a real cap."""
        return [
            {
                "label": f"{family}/{one:03d}",
                "command": ["sh", "work.sh", f"{family}-{one:03d}", str(seconds)],
                "chdir": PROJECT,
                "memory": "64M",
                "restart_safe": True,
            }
            for one in range(number)
        ]

    def queue(self, jobs: t.Sequence[t.Mapping[str, t.Any]]) -> PlaybookRun:
        return self.play({"fleet.jobs.pueue_queue_guarded": {"jobs": list(jobs)}})

    def deploy(self, **options: t.Any) -> PlaybookRun:
        """``deploy.yml``, to its end."""
        return run_playbook(
            "fleet.jobs.deploy",
            inventory=self._inventory(),
            extra_vars=self._deploy_options(options),
        )

    def start_deploy(self, **options: t.Any) -> subprocess.Popen[str]:
        """``deploy.yml`` in the background, on a controller that outlives the host."""
        home = self.folder / "controller"
        home.mkdir(exist_ok=True)
        extra = json.dumps(self._deploy_options(options))
        return subprocess.Popen(
            [
                *(program("ansible-playbook"), "fleet.jobs.deploy"),
                *("-i", str(self._inventory()), "-e", extra),
            ],
            env={**environment(home, home / "record"), "ANSIBLE_TIMEOUT": "15"},
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _inventory(self) -> Path:
        path = self.folder / "inventory.json"
        self.vm.write_inventory(path)
        return path

    def _deploy_options(self, options: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
        return {
            "fleet_hosts": self.vm.name,
            "deploy_project": PROJECT,
            "deploy_repository": "/home/jobs/origin",
            "deploy_monitor_seconds": 0,
            **options,
        }

    # -- on the host --------------------------------------------------------------------------

    def pueue(self) -> t.Optional[t.Dict[str, t.Any]]:
        """What the daemon says, cheaply, for waiting; None while nobody answers."""
        done = self.vm.run([f"{BINARIES}/pueue", "status", "--json"], check=False, timeout=LONG)
        return dict(json.loads(done.stdout)) if done.returncode == 0 else None

    def states(self, family: str) -> t.Dict[str, str]:
        """pueue's state of each job of a family, such as ``Running``."""
        tasks = (self.pueue() or {"tasks": {}})["tasks"].values()
        return {
            one["label"]: next(iter(one["status"]))
            for one in tasks
            if (one["label"] or "").startswith(f"{family}/")
        }

    def until(self, family: str, state: str, *, number: int = 1) -> None:
        """Wait until so many jobs of a family are in this state."""
        eventually(
            lambda: list(self.states(family).values()).count(state) >= number,
            timeout=LONG,
            what=f"{number} of {family} {state}",
        )

    def at_rest(self, family: str) -> Account:
        """When nothing of the family waits or runs any more, its task's state aside."""
        eventually(
            lambda: set(self.states(family).values()) == {"Done"} and not self._runners(family),
            timeout=LONG,
            what=f"{family} at rest",
        )
        return self.account(family)

    def _runners(self, family: str) -> bool:
        """Whether a job of the family has a runner, as one has that outlived its pueued."""
        # The brackets keep the shell that carries this out from being found itself.
        return self.vm.run(f"pgrep -f -- '[-]-label {family}/'", check=False).returncode == 0

    def account(self, family: str) -> Account:
        """What ``fleet-jobs status`` says of a family, once the queue answers."""
        eventually(self.pueue, timeout=LONG, what="the queue answers")
        words = [TOOL, "status", "--json", "--label", f"{family}/*", "--page-size", str(PAGE)]
        report = json.loads(self.vm.run(words, timeout=LONG).stdout)
        assert report["pages"] == 1, f"a family has at most {PAGE} jobs"
        assert report["duplicates"]["count"] == 0, report["duplicates"]
        return Account({job["label"]: _place(job) for job in report["jobs"]})

    def restart(self, family: str, *classes: str, first: t.Sequence[Task] = ()) -> PlaybookRun:
        """What failed by no fault of its own, once more; ``first`` comes before it."""
        return self.play(
            *first,
            {
                "fleet.jobs.pueue_restart_guarded": {
                    "labels": [f"{family}/*"],
                    "classes": list(classes),
                    "budget": 200,
                }
            },
        )

    def successes(self, family: str) -> t.Dict[str, int]:
        """How often each job of the family came to its end."""
        text = self.vm.run(f"cd done && grep -c . {family}-* /dev/null; true").stdout
        pairs = (line.rpartition(":") for line in text.splitlines() if line.startswith(family))
        return {name.replace("-", "/"): int(number) for name, _colon, number in pairs}

    def assert_nobody_ran_twice_at_once(self) -> None:
        assert self.vm.run(f"cat {TWICE}", check=False).stdout == ""

    def service(self) -> str:
        """The state of pueued's unit, such as ``active``."""
        return self.vm.run("systemctl --user is-active pueued", check=False).stdout.strip()


def _place(job: t.Mapping[str, t.Any]) -> str:
    """``done``, pueue's state, or the class of the failure."""
    if job["state"] != "done":
        return str(job["state"])
    return "done" if job["class"] == "ok" else str(job["class"])
