# SPDX-License-Identifier: GPL-3.0-or-later
"""The same three steps over ssh by Ansible, by pyinfra and by a parallel shell loop."""

from __future__ import annotations

import json
import os
import typing as t
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.fleet.jobs.tests.lab.fleet import FleetOverSsh, SshHost
from ansible_collections.fleet.jobs.tests.support.ansible import environment, program

LABELS = tuple(f"work/{number}" for number in range(4))
STEPS = ("queue", "status", "deploy")
# As many as a deploy has on a host; what they cost is Ansible's own.
IDLE = "two tasks that do nothing"
WANTED = "FIXED = True"
FORKS = 20
PEERS = Path(__file__).resolve().parent / "peers"
_XARGS = 'xargs -P "$2" -L 1 "$0" <"$1"'


@dataclass
class Scene:
    """One fleet, a folder for files, and the commit that is deployed."""

    fleet: FleetOverSsh
    folder: Path
    sha: str = ""


@dataclass(frozen=True)
class Step:
    """A command line with its environment."""

    argv: t.Sequence[str]
    environ: t.Mapping[str, str]


@dataclass(frozen=True)
class Way:
    """One contender."""

    name: str
    steps: t.Mapping[str, Step]


def ours(
    scene: Scene,
    *,
    settings: t.Optional[t.Mapping[str, str]] = None,
    labels: t.Sequence[str] = LABELS,
    wanted: str = WANTED,
) -> Way:
    """The playbooks, set as the documentation recommends unless ``settings`` say otherwise."""
    environ = environment(scene.folder, scene.folder / "record.jsonl")
    # The recorder of the tests would count as ours.
    for name in ("ANSIBLE_CALLBACKS_ENABLED", "ANSIBLE_CALLBACK_PLUGINS"):
        del environ[name]
    environ.update({"ANSIBLE_FORKS": str(FORKS), **(settings or {})})
    queue, idle = scene.folder / "queue.json", scene.folder / "idle.json"
    queue.write_text(json.dumps([_queue_play(scene, labels)]), encoding="utf-8")
    idle.write_text(json.dumps([idle_play()]), encoding="utf-8")
    options = scene.folder / "options.json"
    asked = {
        **scene.fleet.options,
        "deploy_modules": ["work"],
        "deploy_assertions": [{"file": "work.py", "pattern": wanted}],
    }
    options.write_text(json.dumps(asked), encoding="utf-8")
    command = [program("ansible-playbook"), "-i", str(scene.fleet.inventory())]
    argvs = {
        "queue": [*command, str(queue)],
        "status": [*command, "fleet.jobs.status"],
        "deploy": [*command, "fleet.jobs.deploy", "-e", f"@{options}"],
        IDLE: [*command, str(idle)],
    }
    return Way("fleet.jobs", {name: Step(argv, environ) for name, argv in argvs.items()})


def idle_play() -> t.Dict[str, t.Any]:
    """What Ansible takes for its processes, its variables and its connections alone."""
    tasks = [{"ansible.builtin.raw": "true", "changed_when": False}] * 2
    return {"hosts": "all", "gather_facts": False, "tasks": tasks}


def _queue_play(scene: Scene, labels: t.Sequence[str]) -> t.Dict[str, t.Any]:
    host = scene.fleet.hosts[0]
    jobs = [host.job(label, label[-1], chdir="{{ deploy_project }}") for label in labels]
    where = {"pueue_config": "{{ fleet_pueue_config }}", "state_dir": "{{ fleet_state_dir }}"}
    task = {"fleet.jobs.pueue_queue_guarded": {"jobs": jobs, "cap": "none", **where}}
    return {"hosts": "all", "gather_facts": False, "tasks": [task]}


def loop(scene: Scene) -> Way:
    """One ssh a host and step, with the step's script as its input."""
    environ = {
        "PATH": os.environ["PATH"],
        "SSH": " ".join(scene.fleet.sshd.argv("")[:-1]),
        "ADDRESS": scene.fleet.sshd.variables["ansible_host"],
        "SHA": scene.sha,
        "PYTHON": SshHost.python,
        "WANTED": WANTED,
    }
    steps = {}
    for name in STEPS:
        lines = [
            f"{PEERS}/{name}_host.sh {variables['ansible_user']} {host.name} "
            f"{variables['fleet_pueue_config']} {host.project} {host.state_dir}\n"
            for host in scene.fleet.hosts
            for variables in [host.variables]
        ]
        hosts = scene.folder / f"hosts-{name}.txt"
        hosts.write_text("".join(lines), encoding="utf-8")
        argv = ["sh", "-c", _XARGS, str(PEERS / "over_ssh.sh"), str(hosts), str(FORKS)]
        steps[name] = Step(argv, environ)
    return Way(f"`xargs -P {FORKS} ssh`", steps)


def pyinfra(scene: Scene) -> Way:
    """All hosts at once, as pyinfra does by itself."""
    common = scene.fleet.sshd.variables
    hosts = [
        (
            host.name,
            {
                "ssh_hostname": common["ansible_host"],
                "ssh_port": common["ansible_port"],
                "ssh_user": host.variables["ansible_user"],
                "ssh_key": common["ansible_ssh_private_key_file"],
                "ssh_known_hosts_file": str(scene.fleet.sshd.known_hosts),
                "ssh_allow_agent": False,
                "ssh_look_for_keys": False,
                "pueue_config": host.variables["fleet_pueue_config"],
                "project": str(host.project),
                "state": str(host.state_dir),
            },
        )
        for host in scene.fleet.hosts
    ]
    inventory = scene.folder / "pyinfra_hosts.py"
    inventory.write_text(f"hosts = {hosts!r}\n", encoding="utf-8")
    data = {"sha": scene.sha, "interpreter": SshHost.python, "wanted": WANTED}
    more = [part for name, value in data.items() for part in ("--data", f"{name}={value}")]
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(scene.folder),
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
    }
    steps = {}
    for name in STEPS:
        argv = [program("pyinfra"), "-y", str(inventory), str(PEERS / f"{name}_pyinfra.py"), *more]
        steps[name] = Step(argv, environ)
    return Way("pyinfra", steps)
