# SPDX-License-Identifier: GPL-3.0-or-later
"""``provision.yml`` over ssh: from a bare host to a job that ran, again without a change, and back;
with root where it is needed, and wholly without it."""

from __future__ import annotations

import json
import shutil
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.lab.containers import Container, Group, reason
from ansible_collections.fleet.jobs.tests.support import mise
from ansible_collections.fleet.jobs.tests.support.ansible import PlaybookRun, run_playbook
from ansible_collections.fleet.jobs.tests.support.binaries import VERSION, binary

pytestmark = pytest.mark.skipif(bool(reason()), reason=reason() or "none")
Variables = t.Dict[str, t.Any]
# A whole playbook on a machine that has much else to do.
LIMIT_SECONDS = 1200.0
# What cargo and pip leave behind, without their minutes and their network.
CARGO = """#!/bin/sh
test "$1 $2 $3 $5" = "install --locked --root pueue@{version}" || exit 2
mkdir -p "$4/bin" && cp {programs}/pueue {programs}/pueued "$4/bin/"
"""
PIP = """#!/bin/sh
for word; do test "$last" = --target && target=$word; last=$word; done
test "$last" = uv==1.2.3 || exit 2
mkdir -p "$target/bin" && printf '#!/bin/sh\\necho uv 1.2.3\\n' > "$target/bin/uv"
"""


class Host:
    """A container, and the playbook called for it."""

    def __init__(self, container: Container, folder: Path) -> None:
        self.container, self.folder = container, folder

    def provision(
        self, variables: Variables, *, user: str = "admin", check: bool = False, rc: int = 0
    ) -> PlaybookRun:
        inventory = self.folder / f"{user}.yml"
        self.container.group.write_inventory(inventory, user)
        given = {"fleet_hosts": "all", "fleet_cap": "prefer", **variables}
        run = run_playbook(
            "fleet.jobs.provision",
            inventory=inventory,
            extra_vars=given,
            check=check,
            timeout=LIMIT_SECONDS,
        )
        assert run.rc == rc, run.explain()
        return run

    def play(self, *tasks: Variables) -> PlaybookRun:
        """As the account of the jobs."""
        path = self.folder / "play.json"
        defaults = {"fleet.jobs.pueue_queue_guarded": {"cap": "prefer"}}
        play = {"hosts": "all", "gather_facts": False, "module_defaults": defaults}
        path.write_text(json.dumps([{**play, "tasks": list(tasks)}]), encoding="utf-8")
        inventory = self.folder / "jobs.yml"
        self.container.group.write_inventory(inventory, "jobs")
        run = run_playbook(path, inventory=inventory)
        assert run.rc == 0, run.explain()
        return run

    def shell(self, text: str, *, user: str = "jobs", check: bool = True) -> str:
        return self.container.run(text, user, check=check).stdout


def changed(run: PlaybookRun) -> int:
    (stats,) = run.stats.values()
    return stats["changed"]


@pytest.fixture
def host(tmp_path: Path) -> t.Iterator[Host]:
    with Group("test-provision").up("bare") as (container,):
        yield Host(container, tmp_path)


def script(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_from_bare_to_a_job_and_back(host: Host, tmp_path: Path) -> None:
    programs = Path(binary("pueued")).resolve().parent
    tools = tmp_path / "tools"
    tools.mkdir()
    shutil.copy(str(mise.binary()), str(tools / "mise"))
    host.shell(_UPSTREAM, user="root")
    wish: Variables = {
        "queue_host_user": "jobs",
        "queue_host_build_cache": str(tmp_path / "cache"),
        "queue_host_cargo": script(
            tmp_path / "cargo", CARGO.format(version=VERSION, programs=programs)
        ),
        "queue_host_pip": [script(tmp_path / "pip", PIP)],
        "queue_host_tools": [
            {"name": "uv", "version": "1.2.3"},
            {"name": "mise", "version": mise.VERSION, "source": str(tools)},
        ],
        "queue_host_groups": [
            {"name": "default", "parallel": 2},
            {"name": "bars", "parallel": "auto", "memory_per_job": "1M", "cores_per_job": 0.1},
        ],
        "queue_host_projects": [
            {"project": "~/bars", "repository": "/srv/bars.git", "ref": "main", "trust": True}
        ],
        "queue_host_authorized_keys": ["ssh-ed25519 AAAA of@somebody"],
        "queue_host_job_path": ["/opt/extra/bin"],
    }
    foreseen = host.provision(wish, check=True)
    assert changed(foreseen) > 0 and '"jobs\\" does not exist yet' in foreseen.stdout
    assert host.shell("getent passwd jobs; ls /opt", user="admin", check=False) == ""
    assert not (tmp_path / "cache").exists()

    assert changed(host.provision(wish)) > 0
    for check in (True, False):
        assert changed(host.provision(wish, check=check)) == 0

    # The programs belong to root, so that a job cannot change what runs its queue.
    listed = host.shell("stat -c '%U %a %n' /opt/fleet-jobs/*/* && readlink /usr/local/bin/*")
    assert listed.count("root 555 ") == 4 and f"/opt/fleet-jobs/pueue-{VERSION}/pueue" in listed
    groups = json.loads(host.shell("pueue group --json"))
    assert groups["default"]["parallel_tasks"] == 2 and groups["bars"]["parallel_tasks"] > 1
    assert "pueued-tidy.timer" in host.shell("systemctl --user list-timers --no-pager")
    assert "of@somebody" in host.shell("cat .ssh/authorized_keys")
    host.shell("systemctl --user start pueued-tidy.service")

    host.shell("printf '[env]\\nWINDOW = \"250\"\\n' > bars/mise.toml")
    job = {"label": "bars/1", "group": "bars", "chdir": "/home/jobs/bars"}
    job["command"] = ["/bin/sh", "-c", "echo window=$WINDOW $PATH"]
    host.play(
        {"fleet.jobs.pueue_queue_guarded": {"jobs": [job]}},
        {"fleet.jobs.pueue_wait": {"labels": ["bars/1"], "timeout": 60}},
    )
    said = host.shell(".local/state/fleet-jobs/bin/fleet-jobs logs bars/1")
    assert said.startswith("window=250 /opt/extra/bin:"), said

    gone = {**wish, "queue_host_state": "absent"}
    assert changed(host.provision(gone, check=True)) > 0
    assert host.shell("pueue status --json")

    # Another account's queue runs from the same programs: it is its last user that takes them away.
    host.shell(_ANOTHER.format(version=VERSION), user="root")
    kept = host.provision(gone)
    assert changed(kept) > 0 and "pueued.service of batch" in kept.stdout + kept.stderr
    assert host.shell("ls /opt/fleet-jobs").split() == [
        *(f"mise-{mise.VERSION}", f"pueue-{VERSION}", "uv-1.2.3")
    ]
    host.shell("readlink -e /usr/local/bin/uv")
    host.shell("rm -r /home/batch/.config", user="root")
    assert changed(host.provision(gone)) > 0
    assert changed(host.provision(gone)) == 0
    assert host.shell("ls /opt/fleet-jobs /usr/local/bin | grep -v :", check=False).strip() == ""
    assert "pueued" not in host.shell("ls .config/systemd/user; pgrep -l pueued", check=False)
    kept = host.shell(
        "ls .local/share/pueue/state.json .local/state/fleet-jobs/ledger.sqlite3"
        " .config/pueue/pueue.yml bars/mise.toml /var/lib/systemd/linger/jobs"
    )
    assert len(kept.split()) == 5

    # The queue is there again with its history.
    host.provision(wish)
    assert "bars/1" in host.shell("pueue status --json")


def test_two_queues_without_root(host: Host) -> None:
    """An account that lingers is enough; one queue goes, the other stays."""
    host.shell("useradd -m -s /bin/bash jobs && loginctl enable-linger jobs", user="root")
    one: Variables = {"queue_host_pueue_source": str(Path(binary("pueued")).resolve().parent)}
    two = {
        **one,
        "queue_host_unit": "pueued-two.service",
        "queue_host_pueue_directory": "~/two/pueue",
        "fleet_pueue_config": "~/two/pueue.yml",
        "fleet_state_dir": "~/two/state",
    }
    for wish in (one, two):
        assert changed(host.provision(wish, user="jobs")) > 0
    run = host.provision({**two, "queue_host_state": "absent"}, user="jobs")
    assert "stays as long as process" in run.stdout + run.stderr
    assert host.shell(".local/bin/pueue status --json")
    assert changed(host.provision(one, user="jobs")) == 0


def test_what_is_missing_is_said(host: Host) -> None:
    """No cap where one is required, and an account without lingering that has no root."""
    source: Variables = {"queue_host_pueue_source": str(Path(binary("pueued")).resolve().parent)}
    host.shell("useradd -m -s /bin/bash jobs", user="root")
    refused = host.provision(source, user="jobs", rc=2)
    assert "loginctl enable-linger jobs" in refused.stdout
    wish = {**source, "queue_host_user": "jobs", "fleet_cap": "require"}
    capless = host.provision(wish, user="root", rc=2)
    assert "INV-7" in capless.stdout
    assert changed(host.provision({**wish, "fleet_cap": "prefer"}, user="root")) == 0


_ANOTHER = """
useradd -m batch
mkdir -p /home/batch/.config/systemd/user
printf '# Managed by fleet.jobs (module pueue_daemon).\\n[Service]\\nExecStart=%s\\n' \\
  /opt/fleet-jobs/pueue-{version}/pueued > /home/batch/.config/systemd/user/pueued.service
"""
_UPSTREAM = """
git init -q --bare -b main /srv/bars.git
cd /srv/bars.git
tree=$(git hash-object -w -t tree /dev/null)
commit=$(git -c user.name=a -c user.email=a@example.org commit-tree -m one $tree)
git update-ref refs/heads/main $commit
git config --system --add safe.directory /srv/bars.git
"""
