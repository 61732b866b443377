# SPDX-License-Identifier: GPL-3.0-or-later
"""A job in the image, in the two ways in which AWX runs one.

``isolated`` is what an execution node does: ``ansible-runner run`` starts the image with podman
and mounts the private data directory. ``pod`` is what a container group does: the directory is
streamed to ``ansible-runner worker`` inside the image, under a user id that the image does not
know, and what it answers is streamed back. Nothing of AWX itself runs here.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import typing as t
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.fleet.jobs.tests.lab.fleet import FleetOverSsh
from ansible_collections.fleet.jobs.tests.lab.podman import Stored
from ansible_collections.fleet.jobs.tests.support.ansible import COLLECTION, program

PROJECT = COLLECTION / "examples" / "awx-project"
LABEL = "org.fleet-jobs.ee"
LIMIT_SECONDS = 180
SOMEBODY = "4711:0"
RUNNER = "/runner"
# What AWX sets, as far as it decides where the collection and ssh's connections are.
ENVIRONMENT = {
    "ANSIBLE_COLLECTIONS_PATH": f"{RUNNER}/requirements_collections:~/.ansible/collections"
    ":/usr/share/ansible/collections",
    "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{RUNNER}/cp",
    "ANSIBLE_RETRY_FILES_ENABLED": "False",
    "ANSIBLE_FORCE_COLOR": "False",
}


@dataclass(frozen=True)
class Outcome:
    """What ansible-runner wrote down."""

    rc: int
    said: str
    events: t.List[t.Dict[str, t.Any]]

    @property
    def output(self) -> str:
        """What a person sees."""
        return "\n".join(event["stdout"] for event in self.events if event.get("stdout"))

    @property
    def stats(self) -> t.Dict[str, t.Any]:
        """The play's statistics, as AWX makes its host summaries of them."""
        found = [event for event in self.events if event["event"] == "playbook_on_stats"]
        assert len(found) == 1, self.explain()
        return t.cast(t.Dict[str, t.Any], found[0]["event_data"])

    def explain(self) -> str:
        """For an assertion message."""
        return f"rc {self.rc}\n{self.output or self.said}"


class Node:
    """Where jobs on ``fleet`` run in ``image``; ``close`` leaves no container behind."""

    def __init__(self, image: Stored, fleet: FleetOverSsh, folder: Path) -> None:
        self.image, self.fleet, self.folder = image, fleet, folder
        self.tag = secrets.token_hex(4)
        self._number = 0

    def isolated(self, playbook: str, *arguments: str, **answers: t.Any) -> Outcome:
        """``ansible-runner run`` with process isolation, with the options that AWX gives."""
        place = self._place(playbook, arguments, answers)
        self._run(self._isolated(place, playbook))
        return self._outcome(place)

    @contextlib.contextmanager
    def running(self, playbook: str, **answers: t.Any) -> t.Iterator[subprocess.Popen[bytes]]:
        """The same in the background; whatever is left of it at the end is killed."""
        place = self._place(playbook, (), answers)
        with (self.folder / "said").open("wb") as said:
            process = subprocess.Popen(
                self._isolated(place, playbook),
                **self._surroundings,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def pod(self, playbook: str, *arguments: str, **answers: t.Any) -> Outcome:
        """``ansible-runner worker`` in the image, between ``transmit`` and ``process`` here."""
        place = self._place(playbook, arguments, answers)
        what = (str(place), "--playbook", playbook, "--ident", place.name)
        payload = self._run([program("ansible-runner"), "transmit", *what]).stdout
        worker = [*("podman", "run", "--rm", "--interactive", f"--user={SOMEBODY}")]
        worker += [*self._options, self.image.name, "ansible-runner", "worker"]
        done = self._run([*worker, f"--private-data-dir={RUNNER}"], payload)
        process = [program("ansible-runner"), "process", str(place), "--ident", place.name]
        self._run(process, done.stdout)
        return self._outcome(place)

    def containers(self) -> t.List[str]:
        """Those that were started for this and still exist."""
        return self.image.podman(
            "ps", "--all", "--quiet", "--filter", f"label={LABEL}={self.tag}"
        ).split()

    def close(self) -> None:
        """End and remove what is left."""
        for one in self.containers():
            self.image.podman("rm", "--force", "--time", "0", one)

    @property
    def _options(self) -> t.Tuple[str, ...]:
        return ("--network=host", "--pull=never", f"--label={LABEL}={self.tag}")

    def _place(
        self, playbook: str, arguments: t.Sequence[str], answers: t.Mapping[str, t.Any]
    ) -> Path:
        """A private data directory: project, inventory, key of the machine, answers."""
        self._number += 1
        place = self.folder / f"{self.tag}-{self._number}"
        (place / "env").mkdir(parents=True, mode=0o700)
        (place / "inventory").mkdir()
        shutil.copytree(PROJECT, place / "project")
        shutil.copy(self.fleet.sshd.known_hosts, place / "project" / "known_hosts")
        if not (place / "project" / playbook).exists():
            shutil.copy(self.folder / playbook, place / "project")
        for name, content in (
            ("inventory/hosts.json", json.dumps(self._inventory())),
            ("env/extravars", json.dumps(answers)),
            ("env/envvars", json.dumps(ENVIRONMENT)),
            ("env/cmdline", " ".join(arguments)),
            ("env/ssh_key", self.fleet.sshd.key.read_text(encoding="utf-8")),
        ):
            (place / name).touch(mode=0o600)
            (place / name).write_text(content, encoding="utf-8")
        return place

    def _inventory(self) -> t.Dict[str, t.Any]:
        """The fleet's; the key comes by ssh-agent, and the host's key is known."""
        known = f"-F none -o UserKnownHostsFile={RUNNER}/project/known_hosts"
        common = {**self.fleet.sshd.variables, "ansible_ssh_common_args": known}
        del common["ansible_ssh_private_key_file"]
        hosts = {host.name: host.variables for host in self.fleet.hosts}
        return {"all": {"hosts": hosts, "vars": common}}

    def _isolated(self, place: Path, playbook: str) -> t.List[str]:
        options = [f"--container-option={one}" for one in ("--user=root", *self._options)]
        return [
            *(program("ansible-runner"), "run", str(place), "--playbook", playbook, "--quiet"),
            *("--ident", place.name, "--process-isolation"),
            *("--process-isolation-executable", "podman"),
            *("--container-image", self.image.name, *options),
        ]

    @property
    def _surroundings(self) -> t.Dict[str, t.Any]:
        environ = {**os.environ, **self.image.environment, "HOME": str(self.folder)}
        return {"env": environ, "cwd": self.folder}

    def _run(
        self, command: t.List[str], payload: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        log = self.folder / "said"
        with log.open("wb") as errors:
            done = subprocess.run(
                command,
                **self._surroundings,
                input=payload,
                stdout=subprocess.PIPE,
                stderr=errors,
                timeout=LIMIT_SECONDS,
                check=False,
            )
        with log.open("ab") as stream:
            stream.write(done.stdout)
        return done

    def _outcome(self, place: Path) -> Outcome:
        artifacts = place / "artifacts" / place.name
        said = (self.folder / "said").read_text(encoding="utf-8", errors="replace")
        assert (artifacts / "rc").exists(), f"the job did not run\n{said[-4000:]}"
        events = [json.loads(one.read_text()) for one in artifacts.glob("job_events/*.json")]
        events.sort(key=lambda event: t.cast(int, event["counter"]))
        return Outcome(int((artifacts / "rc").read_text()), said, events)
