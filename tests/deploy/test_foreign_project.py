# SPDX-License-Identifier: GPL-3.0-or-later
"""A project that knows nothing of this repository: tarball, inventory of three lines, deploy."""

from __future__ import annotations

import json
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.support import tarball
from ansible_collections.fleet.jobs.tests.support.ansible import PlaybookRun, run_playbook
from ansible_collections.fleet.jobs.tests.support.fleet import EmbeddedHost, Fleet

LINE = (
    "{name} ansible_connection=local ansible_python_interpreter={python} deploy_project={project} "
    "fleet_pueue_config={config} fleet_state_dir={state}\n"
)
# Its own playbook, with a job that fails by data and one that does not.
QUEUE = """\
- hosts: workers
  gather_facts: false
  module_defaults:
    group/fleet.jobs.all:
      pueue_config: "{{ fleet_pueue_config }}"
      state_dir: "{{ fleet_state_dir }}"
  tasks:
    - fleet.jobs.pueue_queue_guarded:
        cap: none
        jobs:
          - label: work/1
            command: ["{{ ansible_python_interpreter }}", work.py, "1"]
            chdir: "{{ deploy_project }}"
            restart_safe: true
          - label: work/2
            command: ["{{ ansible_python_interpreter }}", work.py, "2"]
            chdir: "{{ deploy_project }}"
"""


class Foreign:
    """The project: a playbook, an inventory, a collections path, and two queues."""

    def __init__(self, folder: Path, fleet: Fleet, collections: Path) -> None:
        self.folder, self.fleet, self.collections = folder, fleet, collections
        folder.mkdir()
        self.playbook = folder / "queue.yml"
        self.playbook.write_text(QUEUE, encoding="utf-8")
        self.inventory = folder / "hosts.ini"
        lines = ["[workers]\n", *(self._line(host) for host in fleet.hosts)]
        self.inventory.write_text("".join(lines), encoding="utf-8")

    @staticmethod
    def _line(host: EmbeddedHost) -> str:
        return LINE.format(
            name=host.name,
            python=sys.executable,
            project=host.project,
            config=host.daemon.config_path,
            state=host.state_dir,
        )

    def run(self, name: t.Union[str, Path], **variables: t.Any) -> PlaybookRun:
        """As its people do: what the tarball holds is all that is on the collections path."""
        return run_playbook(
            name,
            inventory=self.inventory,
            extra_vars=variables,
            env={"ANSIBLE_COLLECTIONS_PATH": str(self.collections)},
        )

    def report(self, name: str, **variables: t.Any) -> t.Dict[str, t.Any]:
        """Run a playbook of the collection that must succeed; the report that it writes."""
        path = self.folder / f"{name}.json"
        done = self.run(f"fleet.jobs.{name}", **{f"{name}_report_file": str(path)}, **variables)
        assert done.rc == 0, done.explain()
        return t.cast(t.Dict[str, t.Any], json.loads(path.read_text(encoding="utf-8")))

    def groups(self) -> t.List[str]:
        """How the queues stand."""
        return [host.groups()["default"] for host in self.fleet.hosts]


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tarball, installed where nothing else is."""
    folder = tmp_path_factory.mktemp("foreign")
    return tarball.install(tarball.build(folder), folder / "collections")


@pytest.fixture
def foreign(make_fleet: t.Callable[[int], Fleet], collections: Path, tmp_path: Path) -> Foreign:
    return Foreign(tmp_path / "project", make_fleet(2), collections)


def test_a_fix_reaches_its_queues(foreign: Foreign) -> None:
    assert len(foreign.inventory.read_text(encoding="utf-8").splitlines()) == 3
    queued = foreign.run(foreign.playbook)
    assert queued.rc == 0, queued.explain()
    for host in foreign.fleet.hosts:
        tasks = host.finished("work/1", "work/2")
        assert (tasks["work/1"].failed, tasks["work/2"].ok) == (True, True)
    seen = foreign.report("status")
    assert [(one["class"], one["count"]) for one in seen["failures"]] == [("app", 2)]
    assert seen["totals"]["ok"] == 2
    sha = foreign.fleet.origin.fix()

    done = foreign.report(
        "deploy",
        fleet_hosts="workers",
        deploy_repository=str(foreign.fleet.origin.path),
        deploy_ref="main",
        deploy_python=sys.executable,
        deploy_assertions=[{"file": "work.py", "pattern": "FIXED = True"}],
        deploy_monitor_seconds=1,
    )

    assert (done["sha"], done["verdicts"]["applied"]) == (sha, 2)
    for host in foreign.fleet.hosts:
        assert done["hosts"][host.name]["restarted"] == ["work/1"]
        assert host.head() == sha and host.finished("work/1")["work/1"].ok


def test_its_queues_are_stopped_by_a_typed_word_and_resumed(foreign: Foreign) -> None:
    refused = foreign.run("fleet.jobs.emergency_stop", fleet_hosts="workers")
    assert refused.rc == 2, refused.explain()
    assert 'the text "stop workers"' in refused.results[-1].result["msg"]
    assert foreign.groups() == ["Running", "Running"]
    stop = {"fleet_hosts": "workers", "emergency_stop_confirm": "stop workers"}
    stopped = foreign.run("fleet.jobs.emergency_stop", **stop)
    assert stopped.rc == 0, stopped.explain()
    assert foreign.groups() == ["Paused", "Paused"]
    resumed = foreign.run("fleet.jobs.emergency_stop", fleet_hosts="workers", resume=True)
    assert resumed.rc == 0, resumed.explain()
    assert foreign.groups() == ["Running", "Running"]
