# SPDX-License-Identifier: GPL-3.0-or-later
"""A second repository: the tarball by requirements.yml, its own playbook, its own scenario.

It names the roles ``queue_host`` and ``deploy`` and knows nothing else of this repository.
"""

from __future__ import annotations

import os
import re
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.lab.containers import Container, Group, reason
from ansible_collections.fleet.jobs.tests.support import binaries, tarball
from ansible_collections.fleet.jobs.tests.support.ansible import COLLECTION
from ansible_collections.fleet.jobs.tests.support.fleet import JOBS, git

pytestmark = pytest.mark.skipif(bool(reason()), reason=reason() or "none")
MOLECULE = COLLECTION / ".build" / "venv-molecule" / "bin"

FILES = {
    "requirements.yml": "---\ncollections:\n  - name: {tarball}\n    type: file\n",
    "work.py": JOBS.format(fixed=False),
    "site.yml": """\
---
- name: Have queues
  hosts: workers
  gather_facts: false
  vars:
    ansible_user: admin
  roles:
    - role: fleet.jobs.queue_host

- name: Queue numbers
  hosts: workers
  gather_facts: false
  tasks:
    - name: Have the code
      ansible.builtin.git:
        repo: "{{ deploy_repository }}"
        dest: "{{ deploy_project }}"
        version: "{{ first_ref }}"
        update: false
    - name: Queue
      fleet.jobs.pueue_queue_guarded:
        cap: prefer
        jobs:
          - label: work/1
            command: [/usr/bin/python3, -B, work.py, "1"]
            chdir: "{{ deploy_project }}"
            restart_safe: true
          - label: work/2
            command: [/usr/bin/python3, -B, work.py, "2"]
            chdir: "{{ deploy_project }}"
    - name: Wait
      fleet.jobs.pueue_wait:
        labels: [work/*]
        timeout: 1m

- name: Ship what is newest
  hosts: workers
  gather_facts: false
  tasks:
    - name: Resolve
      ansible.builtin.import_role:
        name: fleet.jobs.deploy
        tasks_from: resolve
    - name: Deploy
      ansible.builtin.import_role:
        name: fleet.jobs.deploy
    - name: Wait
      fleet.jobs.pueue_wait:
        labels: [work/*]
        timeout: 1m
        fail_on_timeout: true
""",
    "molecule/default/molecule.yml": """\
---
driver:
  name: default
dependency:
  name: shell
  command: ansible-galaxy collection install --offline --force -r requirements.yml
prerun: false
ansible:
  executor:
    args:
      ansible_playbook: [--inventory, ../../inventory/scenario.yml]
  playbooks:
    converge: ../../site.yml
verifier:
  name: testinfra
  directory: tests
  options:
    p: cacheprovider
scenario:
  test_sequence: [dependency, syntax, converge, idempotence, verify]
""",
    "molecule/default/tests/test_bars.py": """\
import json
import os

testinfra_hosts = [f"ssh://jobs@scenario?ssh_config={os.environ['BARS_SSH']}&timeout=60"]


def test_the_fix_reached_the_queue(host):
    tasks = json.loads(host.check_output("pueue status --json"))["tasks"].values()
    assert {task["label"]: task["status"]["Done"]["result"] for task in tasks} == {
        "work/1": "Success",
        "work/2": "Success",
    }
    assert host.file("/home/jobs/bars/work.py").contains("FIXED = True")
""",
}
INVENTORY = """\
---
workers:
  hosts:
    {name}:
  vars:
    ansible_user: jobs
    ansible_ssh_common_args: -F {ssh}
    ansible_python_interpreter: /usr/bin/python3
    queue_host_user: jobs
    queue_host_cap: prefer
    queue_host_pueue_source: {pueue}
    deploy_project: /home/jobs/bars
    deploy_repository: git://127.0.0.1/bars
    deploy_python: /usr/bin/python3
    deploy_monitor_seconds: 1
    first_ref: {first}
    deploy_ref: {last}
"""
SERVE = (
    "useradd --system git && chown -R git /srv/git && systemd-run -q -p User=git --unit=bars -- "
    "git daemon --listen=127.0.0.1 --reuseaddr --base-path=/srv/git --export-all"
)


class Repository:
    """The second repository, with a machine for its playbook and one for its scenario."""

    def __init__(self, folder: Path, machines: t.Sequence[Container]) -> None:
        self.folder = folder / "bars"
        self.group = machines[0].group
        self.values = {
            **{name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ},
            "PATH": f"{MOLECULE}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder / "home"),
            "ANSIBLE_HOME": str(folder / "home" / "ansible"),
            "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"),
            "ANSIBLE_NOCOLOR": "1",
            "NO_COLOR": "1",
            "BARS_SSH": str(self.group.ssh_config),
        }
        self._write(tarball.build(folder))
        for machine in machines:
            machine.run("mkdir /srv/git", "root")
            machine.copy_in(folder / "bars.git", "/srv/git/bars")
            machine.run(SERVE, "root")

    def _write(self, archive: Path) -> None:
        for name, content in FILES.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content.replace("{tarball}", str(archive)), encoding="utf-8")
        git("init", "--quiet", "--initial-branch=main", cwd=self.folder)
        first = self._commit("first")
        (self.folder / "work.py").write_text(JOBS.format(fixed=True), encoding="utf-8")
        last = self._commit("fix")
        git("clone", "--quiet", "--bare", ".", "../bars.git", cwd=self.folder)
        (self.folder / "inventory").mkdir()
        pueue = Path(binaries.binary("pueued")).parent
        for name in ("site", "scenario"):
            text = INVENTORY.format(
                name=name, ssh=self.group.ssh_config, pueue=pueue, first=first, last=last
            )
            (self.folder / "inventory" / f"{name}.yml").write_text(text, encoding="utf-8")

    def _commit(self, message: str) -> str:
        git("add", "--all", cwd=self.folder)
        git("commit", "--quiet", "--message", message, cwd=self.folder)
        return git("rev-parse", "HEAD", cwd=self.folder)

    def run(self, *command: str) -> str:
        """What it printed; it must succeed."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.values,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Repository]:
    if not (MOLECULE / "molecule").exists():
        pytest.skip(
            "the environment of Molecule is not made (python3 tools/environment.py molecule)"
        )
    # Short, for the control sockets of ssh below the home.
    folder = tmp_path_factory.mktemp("bars")
    with Group("test-foreign").up("site", "scenario") as machines:
        yield Repository(folder, machines)


def test_its_own_playbook_provisions_and_deploys(repository: Repository) -> None:
    repository.run(
        *("ansible-galaxy", "collection", "install", "--offline", "-r", "requirements.yml"),
        *("-p", repository.values["ANSIBLE_COLLECTIONS_PATH"]),
    )
    playbook = ("ansible-playbook", "-i", "inventory/site.yml", "site.yml")
    first = repository.run(*playbook)
    assert int(_count(first, "changed")) > 0
    again = repository.run(*playbook)
    assert _count(again, "changed") == "0", again


def test_its_own_scenario_passes(repository: Repository) -> None:
    done = repository.run("molecule", "test")
    assert re.search(r"idempotence\S*: \S*Executed: Successful", done), done
    assert "1 passed" in done


def _count(output: str, word: str) -> str:
    found = re.search(rf"^site .*\b{word}=(\d+)", output, re.MULTILINE)
    assert found, output
    return found.group(1)
