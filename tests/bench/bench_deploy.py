# SPDX-License-Identifier: GPL-3.0-or-later
"""``deploy.yml`` over many instances, against a shell loop and a pyinfra deploy of the same steps.

    PYTHONPATH=.build python tests/bench/bench_deploy.py [HOSTS [ROUNDS]]

All hosts are instances on this machine: real pueued, real git, four jobs each of which two have
failed. Before every run each host is put back to the same state, daemon and all; afterwards it is
checked that the commit is there and that exactly the failed jobs ran again and succeeded. The ways
take turns. Prints Markdown.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

import deploy_costs

from ansible_collections.fleet.jobs.tests.support.ansible import environment, program, run_playbook
from ansible_collections.fleet.jobs.tests.support.fleet import EmbeddedHost, Fleet
from ansible_collections.fleet.jobs.tests.support.standstill import Standstill

HOSTS, ROUNDS, FORKS = 20, 3, 20
PR_SET_CHILD_SUBREAPER = 36
FAILED = ("work/1", "work/3")
WANTED = "FIXED = True"
PEERS = Path(__file__).resolve().parent / "peers"
PEERS_LACK = """\
All ways take the same eight steps on each host: lease, freeze, look and decide, wait for what
runs, move the checkout with its changes kept, verify commit, import and fix, restart what failed,
release and write down. No package is deployed and nothing is watched afterwards. The peers have no
gate over the fleet before the first change, no thaw after a controller was killed, no way back
after a failed verification, no classes, budgets or `restart_safe`, no check mode, no journal to
resume from, and no report of one verdict a host."""
ONE_BY_ONE = 'while read -r line; do "$0" $line || exit 1; done <"$1"'
AT_ONCE = 'xargs -P "$2" -L 1 "$0" <"$1"'


@dataclass
class Scene:
    """One fleet, its files, and the commit that is deployed."""

    fleet: Fleet
    folder: Path
    sha: str


@dataclass
class Way:
    """One contender: its command line and environment, and what was measured."""

    name: str
    argv: t.Sequence[str]
    environ: t.Mapping[str, str]
    wall: t.List[float] = field(default_factory=list)
    cpu: t.List[float] = field(default_factory=list)
    until_done: t.List[float] = field(default_factory=list)
    """Seconds until the last restarted job had succeeded, which some ways do not wait for."""

    def run(self, folder: Path) -> None:
        """Once, with its output kept out of the way; CPU counts all children, also left ones."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        done = subprocess.run(
            self.argv,
            env=dict(self.environ),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.wall.append(time.perf_counter() - began)
        reap_orphans()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert done.returncode == 0, f"{self.name}: exit code {done.returncode}\n{done.stdout}"


def adopt_orphans() -> None:
    """From now on whatever outlives its parent is ours to wait for, so that its CPU counts."""
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def reap_orphans() -> None:
    """Wait for those that have ended; the daemons of the fleet go on."""
    while os.waitpid(-1, os.WNOHANG)[0]:
        pass


def prepare(fleet: Fleet) -> Standstill:
    """Every host deployed to before, with two successes and two failures of version 1.

    Twice: the first deploy makes the state directory, the second one leaves the code in it, as on
    every host that this version of the collection has been to.
    """
    fleet.origin.commit("a first deploy", {"NOTES": "no code yet\n"})
    for _unused in range(2):
        done = run_playbook(
            "fleet.jobs.deploy", inventory=fleet.inventory(), extra_vars=fleet.options, timeout=900
        )
        assert done.rc == 0, done.explain()
    labels = [f"work/{number}" for number in range(4)]
    for host in fleet.hosts:
        host.parallel(4)
        host.queue([host.job(label, label[-1]) for label in labels])
    for host in fleet.hosts:
        tasks = host.finished(*labels, timeout=300)
        assert [name for name in labels if not tasks[name].ok] == list(FAILED)
    return Standstill(fleet)


def proven(host: EmbeddedHost, sha: str) -> None:
    """The host is where every way has to bring it."""
    tasks = host.finished(*FAILED, timeout=300)
    assert host.head() == sha, host.name
    assert all(task.ok for task in tasks.values()), host.name
    assert set(host.groups().values()) == {"Running"}, host.name


def ways(scene: Scene) -> t.List[Way]:
    """All contenders; the first one is ours, as the documentation recommends it."""
    return [*ours(scene), *loops(scene), pyinfra(scene)]


def ours(scene: Scene) -> t.List[Way]:
    """``deploy.yml``, as recommended and with what Ansible does by itself."""
    options = {
        **scene.fleet.options,
        "deploy_modules": ["work"],
        "deploy_assertions": [{"file": "work.py", "pattern": WANTED}],
    }
    variables = scene.folder / "extra.json"
    variables.write_text(json.dumps(options), encoding="utf-8")
    inventory = scene.fleet.inventory()
    argv = [program("ansible-playbook"), "fleet.jobs.deploy", "-i", str(inventory)]
    argv += ["-e", f"@{variables}"]
    environ = environment(scene.folder, scene.folder / "record.jsonl")
    # The recorder of the tests would count as ours.
    for name in ("ANSIBLE_CALLBACKS_ENABLED", "ANSIBLE_CALLBACK_PLUGINS"):
        del environ[name]
    plain = {**environ, "ANSIBLE_PIPELINING": "false"}
    return [
        Way(f"`deploy.yml`, {FORKS} forks, pipelining", [*argv, "-f", str(FORKS)], environ),
        Way("`deploy.yml`, Ansible's defaults (5 forks, no pipelining)", argv, plain),
    ]


def loops(scene: Scene) -> t.List[Way]:
    """The shell script, one host after the other and many at once."""
    script = PEERS / "deploy_host.sh"
    hosts = scene.folder / "hosts.txt"
    lines = (
        f"{host.name} {host.daemon.config_path} {host.project} {host.state_dir}"
        for host in scene.fleet.hosts
    )
    hosts.write_text("\n".join(lines) + "\n", encoding="utf-8")
    environ = {
        **scene.fleet.hosts[0].daemon.environ,
        "SHA": scene.sha,
        "PYTHON": sys.executable,
        "WANTED": WANTED,
    }
    return [
        Way("shell loop, one host after the other", _sh(ONE_BY_ONE, script, hosts), environ),
        Way(f"shell loop, `xargs -P {FORKS}`", _sh(AT_ONCE, script, hosts, FORKS), environ),
    ]


def _sh(text: str, script: Path, *arguments: t.Any) -> t.List[str]:
    return ["sh", "-c", text, str(script), *(str(one) for one in arguments)]


def pyinfra(scene: Scene) -> Way:
    """The pyinfra deploy, all hosts at once as pyinfra does by itself."""
    entry = scene.folder / "here-0.dist-info" / "entry_points.txt"
    entry.parent.mkdir()
    entry.write_text("[pyinfra.connectors]\nhere = pyinfra_here:Here\n", encoding="utf-8")
    inventory = scene.folder / "pyinfra_hosts.py"
    hosts = [
        (
            f"@here/{host.name}",
            {
                "pueue_config": str(host.daemon.config_path),
                "project": str(host.project),
                "state": str(host.state_dir),
            },
        )
        for host in scene.fleet.hosts
    ]
    inventory.write_text(f"hosts = {hosts!r}\n", encoding="utf-8")
    argv = [program("pyinfra"), "-y", str(inventory), str(PEERS / "deploy_pyinfra.py")]
    for name, value in (("sha", scene.sha), ("interpreter", sys.executable), ("wanted", WANTED)):
        argv += ["--data", f"{name}={value}"]
    path = os.pathsep.join([str(PEERS), str(scene.folder)])
    environ = {**scene.fleet.hosts[0].daemon.environ, "PYTHONPATH": path, "NO_COLOR": "1"}
    return Way("pyinfra deploy", argv, environ)


def measure(scene: Scene, contenders: t.Sequence[Way], rounds: int, start: Standstill) -> None:
    """Every way once a round, each round beginning with another one."""
    for number in range(rounds):
        shift = number % len(contenders)
        for way in (*contenders[shift:], *contenders[:shift]):
            start.restore()
            began = time.perf_counter()
            way.run(scene.folder)
            for host in scene.fleet.hosts:
                proven(host, scene.sha)
            way.until_done.append(time.perf_counter() - began)
            print(f"{way.name}: {way.wall[-1]:.1f} s", file=sys.stderr, flush=True)


def costs(scene: Scene, way: Way, start: Standstill) -> deploy_costs.Rows:
    """One more run of ours, with a callback that writes down every result."""
    record = scene.folder / "record.jsonl"
    start.restore()
    recorded = Way(way.name, way.argv, environment(scene.folder, record))
    recorded.run(scene.folder)
    return [
        ("`deploy.yml` where the hosts have no code of this version yet", _cold(scene, way, start)),
        *deploy_costs.of_ansible(way.argv, way.environ, scene.folder),
        *deploy_costs.of_run(record),
        *deploy_costs.of_host(scene.fleet.hosts[0]),
    ]


def _cold(scene: Scene, way: Way, start: Standstill) -> str:
    """The first deploy after an upgrade of the collection."""
    start.restore()
    for host in scene.fleet.hosts:
        shutil.rmtree(host.state_dir / "code")
    fresh = Way(way.name, way.argv, way.environ)
    fresh.run(scene.folder)
    return f"{fresh.wall[0]:.2f} s, {fresh.cpu[0]:.1f} CPU s"


def table(contenders: t.Sequence[Way], *, hosts: int, rounds: int) -> None:
    """Medians, and the median of what each way took in relation to ours in the same round."""
    print(f"## The whole deploy over {hosts} instances, median of {rounds} rounds\n")
    print(
        "| way | wall s | until the restarted jobs are done, s | CPU s | wall, times ours "
        "| until done, times ours | CPU, times ours |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|")
    first = contenders[0]
    for way in contenders:
        measured = (way.wall, way.until_done, way.cpu)
        medians = [f"{statistics.median(one):.2f}" for one in measured]
        ratios = [
            f"{statistics.median(a / b for a, b in zip(theirs, ours)):.2f}"
            for theirs, ours in zip(measured, (first.wall, first.until_done, first.cpu))
        ]
        print(f"| {' | '.join([way.name, *medians, *ratios])} |")
    print(f"\n{PEERS_LACK}")


def main() -> None:
    hosts = int(sys.argv[1]) if len(sys.argv) > 1 else HOSTS
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="fj-bench-") as name:
        folder = Path(name)
        fleet = Fleet(hosts, folder / "fleet")
        with contextlib.closing(fleet):
            start = prepare(fleet)
            scene = Scene(fleet, folder, fleet.origin.fix())
            contenders = ways(scene)
            measure(scene, contenders, rounds, start)
            rows = costs(scene, contenders[0], start)
    table(contenders, hosts=hosts, rounds=rounds)
    deploy_costs.table(rows)


if __name__ == "__main__":
    main()
