# SPDX-License-Identifier: GPL-3.0-or-later
"""Queue, status and deploy over many ssh names, beside pyinfra and a parallel ssh loop.

    PYTHONPATH=.build python tests/bench/bench_fleet.py [HOSTS...]

All names are users of this machine behind one sshd on loopback, so controller and hosts share its
cores. Every way starts from the same state: a commit deployed, nothing queued. It queues four jobs
of which two fail, looks at the queue, deploys the fix; then it is checked that the commit is there
and that exactly the failed jobs ran again and succeeded. Prints Markdown.
"""

from __future__ import annotations

import re
import sys
import tempfile
import typing as t
from pathlib import Path

from fleet_meter import Cost, Meter, adopt
from fleet_ways import FORKS, IDLE, LABELS, STEPS, Scene, Way, loop, ours, pyinfra

from ansible_collections.fleet.jobs.tests.lab.fleet import FleetOverSsh
from ansible_collections.fleet.jobs.tests.lab.loopback_sshd import missing
from ansible_collections.fleet.jobs.tests.support.standstill import Standstill

HOSTS = (20, 100)
# Where many hosts are measured, settings are not: a few hosts tell the same in less time.
SETTINGS_UP_TO = 20
FAILED = ("work/1", "work/3")
SETTINGS: t.Mapping[str, t.Mapping[str, str]] = {
    "as recommended": {},
    "without pipelining": {"ANSIBLE_PIPELINING": "false"},
    "without ControlPersist": {"ANSIBLE_SSH_ARGS": "-C -o ControlMaster=no"},
    "without compression": {"ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=60s"},
    "key exchange curve25519": {
        "ANSIBLE_SSH_ARGS": "-C -o ControlMaster=auto -o ControlPersist=60s "
        "-o KexAlgorithms=curve25519-sha256"
    },
    "5 forks": {"ANSIBLE_FORKS": "5"},
}

Costs = t.Dict[str, Cost]


def carry_out(scene: Scene, way: Way, meter: Meter, start: Standstill) -> Costs:
    """All three steps of one way, each proven."""
    start.restore()
    costs = {}
    for name in STEPS:
        step = way.steps[name]
        costs[name] = meter.run(step.argv, step.environ, scene.folder)
        print(f"{way.name}, {name}: {costs[name].wall:.1f} s", file=sys.stderr, flush=True)
        if name == "queue":
            queued(scene)
        elif name == "status":
            seen(scene, costs[name].output)
        else:
            deployed(scene)
    return costs


def queued(scene: Scene) -> None:
    """Four jobs ran on every host, and two failed."""
    for host in scene.fleet.hosts:
        tasks = host.finished(*LABELS, timeout=300)
        assert [name for name in LABELS if not tasks[name].ok] == list(FAILED), host.name


def seen(scene: Scene, output: str) -> None:
    """Every host has its line, which names two failures."""
    for host in scene.fleet.hosts:
        line = re.compile(rf"\b{host.name}\b.*\b2\b.*\b2\b")
        assert line.search(output), f"{host.name}: no line says 2 and 2\n{output[-2000:]}"


def deployed(scene: Scene) -> None:
    """Every host is where every way has to bring it."""
    for host in scene.fleet.hosts:
        tasks = host.finished(*FAILED, timeout=300)
        assert host.head() == scene.sha, host.name
        assert all(task.ok for task in tasks.values()), host.name
        assert set(host.groups().values()) == {"Running"}, host.name


def prepare(scene: Scene, meter: Meter) -> t.Tuple[Standstill, Costs]:
    """A first deploy and a first job, which bring what stays on the hosts; what that cost."""
    scene.sha = scene.fleet.origin.commit("a first deploy", {"NOTES": "no code yet\n"})
    way = ours(scene, labels=["first/0"], wanted="FIXED = ")
    costs = {}
    for name in ("deploy", "queue"):
        costs[name] = meter.run(way.steps[name].argv, way.steps[name].environ, scene.folder)
    for host in scene.fleet.hosts:
        host.parallel(4)
        host.finished("first/0")
        host.daemon.cli("clean")
    start = Standstill(scene.fleet)
    scene.sha = scene.fleet.origin.fix()
    return start, costs


def settings(scene: Scene, meter: Meter, start: Standstill) -> Costs:
    """Our deploy under other settings of Ansible, from jobs that have ended."""
    start.restore()
    step = ours(scene).steps["queue"]
    meter.run(step.argv, step.environ, scene.folder)
    queued(scene)
    ended = Standstill(scene.fleet, name="kept-ended")
    found = {}
    for name, values in SETTINGS.items():
        ended.restore()
        step = ours(scene, settings=values).steps["deploy"]
        found[name] = meter.run(step.argv, step.environ, scene.folder)
        deployed(scene)
        print(f"{name}: {found[name].wall:.1f} s", file=sys.stderr, flush=True)
    return found


def measure(count: int) -> None:
    """One size of fleet, and its tables."""
    adopt()
    with FleetOverSsh(count) as fleet, tempfile.TemporaryDirectory(prefix="fj-bench-") as name:
        scene = Scene(fleet, Path(name))
        meter = Meter(fleet.sshd)
        start, first = prepare(scene, meter)
        found = {
            way.name: carry_out(scene, way, meter, start)
            for way in (ours(scene), pyinfra(scene), loop(scene))
        }
        step = ours(scene).steps[IDLE]
        table(count, found, first, meter.run(step.argv, step.environ, scene.folder))
        if count <= SETTINGS_UP_TO:
            settings_table(count, settings(scene, meter, start))


def table(count: int, found: t.Mapping[str, Costs], first: Costs, idle: Cost) -> None:
    """Each step, the ways below one another."""
    print(f"## {count} names over ssh, {FORKS} at once\n")
    print("| step | way | wall s | wall, times ours | CPU in all, times ours | " + _HEAD)
    print("|---|---|---:|---:|---:|" + _RULE)
    for step, cost in first.items():
        print(
            f"| first {step} of a version | fleet.jobs | {cost.wall:.1f} | | | {_row(cost, count)}"
        )
    print(f"| {IDLE} | Ansible | {idle.wall:.1f} | | | {_row(idle, count)}")
    for step in STEPS:
        base = next(iter(found.values()))[step]
        for way, costs in found.items():
            cost = costs[step]
            ratios = f"{cost.wall / base.wall:.2f} | {cost.cpu / base.cpu:.2f}"
            print(f"| {step} | {way} | {cost.wall:.1f} | {ratios} | {_row(cost, count)}")
    print()


def settings_table(count: int, found: Costs) -> None:
    """Our deploy, setting by setting."""
    print(f"| `deploy.yml` over {count} names | wall s | " + _HEAD)
    print("|---|---:|" + _RULE)
    for name, cost in found.items():
        print(f"| {name} | {cost.wall:.1f} | {_row(cost, count)}")
    print()


_HEAD = (
    "CPU s, controller with ssh | CPU s, hosts | processes | peak MiB, controller "
    "| connections a host | commands a host | KiB to a host | KiB from a host |"
)
_RULE = "---:|" * 8


def _row(cost: Cost, count: int) -> str:
    carried = cost.traffic
    return (
        f"{cost.controller_cpu:.1f} | {cost.hosts_cpu:.1f} | {cost.processes} | "
        f"{cost.peak_bytes / 2**20:.0f} | {carried.connections / count:.1f} | "
        f"{carried.sessions / count:.1f} | {carried.sent / count / 1024:.1f} | "
        f"{carried.received / count / 1024:.1f} |"
    )


def main() -> None:
    reason = missing()
    if reason:
        print(f"## Many names over ssh\n\nNot measured here: {reason}.")
        return
    for count in [int(one) for one in sys.argv[1:]] or HOSTS:
        measure(count)


if __name__ == "__main__":
    main()
