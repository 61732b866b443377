# SPDX-License-Identifier: GPL-3.0-or-later
"""pueued as a user service on a bare host, called over ssh as its account: installed, upgraded,
taken over, broken, brought back; every task is counted."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.lab.containers import Container, Group, reason
from ansible_collections.fleet.jobs.tests.support.ansible import (
    COLLECTION,
    TaskResult,
    run_playbook,
)
from ansible_collections.fleet.jobs.tests.support.binaries import VERSION, binary
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

pytestmark = pytest.mark.skipif(bool(reason()), reason=reason() or "none")
OLD = "4.0.3"
SECONDS = 180.0
NEVER = "sleep 987654"
Result = t.Dict[str, t.Any]


class Host:
    """A container with programs in /opt/pueue-VERSION, and one account per test."""

    def __init__(self, container: Container, folder: Path, user: str) -> None:
        self.container, self.user = container, user
        self.home = f"/home/{user}"
        self._folder = folder
        self._calls = 0

    def call(self, check: bool = False, **options: t.Any) -> Result:
        """The module over ssh, as a play would call it."""
        self._calls += 1
        play = [
            {
                "hosts": "all",
                "gather_facts": False,
                "tasks": [{"name": "the module", "fleet.jobs.pueue_daemon": options}],
            }
        ]
        path = self._folder / f"{self.user}-{self._calls}.json"
        path.write_text(json.dumps(play), encoding="utf-8")
        inventory = self._folder / f"{self.user}.yml"
        self.container.group.write_inventory(inventory, self.user)
        run = run_playbook(path, inventory=inventory, check=check, diff=True)
        assert run.results, run.explain()
        return t.cast(TaskResult, run.results[-1]).result

    def have(self, version: str = VERSION, check: bool = False, **options: t.Any) -> Result:
        """The daemon of one version."""
        given = {"version": version, "binaries": f"/opt/pueue-{version}", **options}
        return self.call(check=check, **given)

    def shell(self, text: str, *, check: bool = True, user: str = "") -> str:
        """Over ssh."""
        return self.container.run(text, user or self.user, check=check).stdout

    def pueue(self, *words: str, check: bool = True, config: str = "") -> str:
        """The plain command line, as a stranger to our guards would use it."""
        option = f"--config {config}" if config else ""
        line = f"/opt/pueue-{VERSION}/pueue {option} {shlex.join(words)} 2>/dev/null"
        return self.shell(line, check=check)

    def tasks(self, config: str = "") -> t.Dict[str, t.Tuple[str, str]]:
        """Label to creation and status, as the daemon tells it."""
        listed = json.loads(self.pueue("status", "--json", config=config))["tasks"].values()
        return {one["label"]: (one["created_at"], _status(one["status"])) for one in listed}

    def identities(self, config: str = "") -> t.Dict[str, str]:
        return {label: created for label, (created, _state) in self.tasks(config).items()}

    def group(self, name: str = "default", config: str = "") -> str:
        return str(json.loads(self.pueue("group", "--json", config=config))[name]["status"])

    def systemctl(self, *words: str, check: bool = True) -> str:
        return self.shell(f"systemctl --user {shlex.join(words)}", check=check)

    def pid(self, unit: str = "pueued.service") -> int:
        return int(self.systemctl("show", "-p", "MainPID", "--value", unit))

    def wait(self, label: str, status: str) -> None:
        eventually(
            lambda: self.tasks()[label][1] == status, timeout=SECONDS, what=f"{label} is {status}"
        )

    def alive(self, pattern: str) -> bool:
        """Whether a process of the account has this command line."""
        return bool(self.shell(f"pgrep -u {self.user} -fx {shlex.quote(pattern)}", check=False))

    def fill(self) -> t.Dict[str, str]:
        """Tasks of every kind: done, failed, queued, stashed, in a group that is paused."""
        self.pueue("group", "add", "held")
        self.pueue("pause", "--group", "held", "--wait")
        self.pueue("add", "--label", "t/ok", "true")
        self.pueue("add", "--label", "t/failed", "false")
        self.pueue("add", "--label", "t/stashed", "--stashed", "true")
        self.pueue("add", "--label", "t/held", "--group", "held", "true")
        self.wait("t/failed", "Done")
        return self.identities()


def _status(status: t.Any) -> str:
    return status if isinstance(status, str) else str(next(iter(status)))


@pytest.fixture(scope="module")
def container() -> t.Iterator[Container]:
    programs = {VERSION: Path(binary("pueued")).resolve().parent, OLD: _old_programs()}
    with Group("test-daemon").up("one") as (one,):
        for version, folder in programs.items():
            one.run(f"mkdir -p /opt/pueue-{version}", "root")
            for name in ("pueue", "pueued"):
                one.copy_in(folder / name, f"/opt/pueue-{version}/{name}")
        yield one


def _old_programs() -> Path:
    """The release before; built into the cache where it is missing and must not be."""
    folder = Path.home() / ".cache" / "fleet-jobs" / f"pueue-{OLD}" / "bin"
    if not folder.is_dir() and os.environ.get("FLEET_JOBS_LAB") != "require":
        pytest.skip(f"pueue {OLD} is not in the cache: python tools/pueue.py {OLD} puts it there")
    done = subprocess.run(
        [sys.executable, str(COLLECTION / "tools" / "pueue.py"), OLD],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Path(done.stdout.strip())


@pytest.fixture
def host(container: Container, tmp_path: Path, request: pytest.FixtureRequest) -> t.Iterator[Host]:
    """A new account that lingers, gone afterwards with everything it runs."""
    user = f"u{abs(hash(request.node.name)) % 10**8}"
    container.run(f"useradd --create-home --shell /bin/bash {user}", "root")
    container.run(f"loginctl enable-linger {user}", "root")
    one = Host(container, tmp_path, user)
    ready = f"test -S /run/user/$(id -u {user})/systemd/private"
    eventually(
        lambda: container.run(ready, "root", check=False).returncode == 0,
        timeout=SECONDS,
        what="the user manager is up",
    )
    yield one
    container.run(f"loginctl disable-linger {user}; loginctl terminate-user {user}", "root")
    container.run(
        f"for n in $(seq 100); do pkill -KILL -u {user} || break; sleep 0.1; done; "
        f"userdel --force --remove {user}",
        "root",
        check=False,
    )


# -- from a bare host -------------------------------------------------------------------------


def test_check_run_check_run(host: Host) -> None:
    before = host.shell("find . | sort")
    wish = {"tidy": {"schedule": "daily"}, "job_path": ["/opt/tools/bin"]}
    foreseen = host.have(check=True, **wish)
    assert foreseen["changed"] and not foreseen.get("warnings"), foreseen
    assert "ExecStart=/opt/pueue-4.0.4/pueued" in str(foreseen["diff"]["after"])
    assert host.shell("find . | sort") == before
    real = host.have(**wish)
    assert (real["changed"], real["actions"]) == (True, foreseen["actions"])
    assert real["diff"] == foreseen["diff"]
    assert real["daemon"]["pid"] == host.pid()
    for check in (True, False):
        again = host.have(check=check, **wish)
        assert not again["changed"] and not again["actions"], again
        assert again["diff"]["before"] == again["diff"]["after"]
    assert host.systemctl("is-enabled", "pueued.service") == "enabled\n"
    assert host.systemctl("is-active", "pueued-tidy.timer") == "active\n"
    gone = host.have()
    assert gone["changed"] and "Remove" in str(gone["actions"])
    assert host.systemctl("is-active", "pueued-tidy.timer", check=False) == "inactive\n"


def test_nobody_else_may_look_in(host: Host) -> None:
    host.shell("mkdir -p -m 0755 .local/share/pueue")
    result = host.have()
    assert "Close the folder" in str(result["actions"])
    open_to_others = (
        "find .local/share/pueue .local/state/fleet-jobs .config/pueue "
        "$XDG_RUNTIME_DIR/pueued -perm /007 ! -type l"
    )
    assert host.shell(open_to_others) == ""
    assert host.shell("umask; grep -c . ~/.local/share/pueue/shared_secret").split()[1] == "1"
    environ = host.shell(f"tr '\\0' '\\n' < /proc/{host.pid()}/environ")
    assert f"{host.home}/.cargo/bin" in environ and "XDG_RUNTIME_DIR=/run/user/" in environ
    assert "-v" not in host.shell(f"tr '\\0' ' ' < /proc/{host.pid()}/cmdline").split()


def test_a_job_finds_what_job_path_names(host: Host) -> None:
    """G-11: no restart of the daemon is needed for it."""
    host.have()
    pid = host.pid()
    result = host.have(job_path=["/opt/tools/bin", "~/bin"])
    assert result["changed"] and host.pid() == pid
    text = host.shell("cat .local/state/fleet-jobs/job-path")
    assert text == f"/opt/tools/bin\n{host.home}/bin\n"


def test_without_linger_it_says_what_to_do(host: Host) -> None:
    host.shell(f"loginctl disable-linger {host.user}", user="root")
    refused = host.have()
    assert refused["failed"] and f"loginctl enable-linger {host.user}" in refused["msg"]
    foreseen = host.have(check=True)
    assert foreseen["changed"] and "enable-linger" in str(foreseen["warnings"])
    assert host.shell("ls -A .config", check=False) == ""


def test_programs_are_checked_first(host: Host) -> None:
    host.have()
    pid = host.pid()
    lying = host.have(version="4.0.1", binaries=f"/opt/pueue-{VERSION}")
    assert lying["failed"] and '--version" says "4.0.4"' in lying["msg"]
    changed = host.have(checksums={"pueued": "0" * 64})
    assert changed["failed"] and "SHA-256" in changed["msg"]
    right = host.shell(f"sha256sum /opt/pueue-{VERSION}/pueued").split()[0]
    assert not host.have(checksums={"pueued": right})["changed"]
    missing = host.have(binaries="/opt/nothing")
    assert missing["failed"] and '"/opt/nothing/pueue"' in missing["msg"]
    assert host.pid() == pid


def test_the_configuration_of_the_account_stays(host: Host) -> None:
    host.shell("mkdir -p .config/pueue")
    text = (
        "# mine\nclient:\n  dark_mode: true # at night\ndaemon:\n  callback: 'echo {{ id }}'\n"
        "shared:\n  # where\n  use_unix_socket: false\n  host: 10.0.0.9\n"
    )
    host.container.run("cat > .config/pueue/pueue.yml", host.user, input=text)
    socket = f"{host.home}/my socket"
    result = host.have(socket=socket)
    assert result["changed"] and not result.get("warnings"), result
    now = host.shell("cat .config/pueue/pueue.yml")
    for line in text.replace("use_unix_socket: false", "use_unix_socket: true").splitlines():
        assert line in now
    assert result["daemon"]["socket"] == socket
    assert "callback" not in json.dumps(result["diff"])
    assert host.pueue("status", "--json")


def test_two_instances_on_one_machine_one_over_tls(host: Host) -> None:
    host.have()
    night = {
        "unit": "night.service",
        "pueue_config": f"{host.home}/night/pueue.yml",
        "pueue_directory": f"{host.home}/night/queue",
        "state_dir": f"{host.home}/night/state",
        "listen": {"port": 6925},
    }
    twin = host.have(**{**night, "state_dir": None})
    assert twin["failed"] and '"pueued.service"' in twin["msg"]
    assert host.have(**night)["daemon"]["socket"] == "127.0.0.1:6925"
    assert not host.have(**night)["changed"] and not host.have()["changed"]
    host.pueue("add", "--label", "n/1", "true", config=night["pueue_config"])
    assert set(host.tasks(night["pueue_config"])) == {"n/1"} and host.tasks() == {}
    host.call(state="absent", **{name: night[name] for name in night if name != "listen"})
    assert host.pid() and not host.pid("night.service")


def test_absent_keeps_what_belongs_to_the_user(host: Host) -> None:
    host.have(tidy={"keep_days": 3})
    tasks = host.fill()
    host.pueue("add", "--label", "t/waiting", "--after", "2", "--", "true")
    tasks = host.identities()
    foreseen = host.call(state="absent", check=True)
    assert foreseen["changed"] and host.pid()
    gone = host.call(state="absent")
    assert gone["changed"] and gone["actions"] == foreseen["actions"]
    assert host.systemctl("list-unit-files", "pueued*", "--no-legend", check=False) == ""
    assert not host.call(state="absent")["changed"]
    assert host.shell("ls .config/pueue/pueue.yml .local/state/fleet-jobs/ledger.sqlite3")
    back = host.have()
    assert back["tasks"] == {"before": len(tasks), "after": len(tasks)}
    assert host.identities() == tasks
    assert (host.group(), host.group("held")) == ("Running", "Paused")


# -- restarts ---------------------------------------------------------------------------------


def test_an_upgrade_waits_for_jobs_and_loses_nothing(host: Host) -> None:
    host.have(OLD)
    host.fill()
    host.pueue("add", "--label", "t/long", "while [ ! -e go ]; do sleep 0.1; done")
    host.pueue("add", "--label", "t/next", "true")
    host.wait("t/long", "Running")
    tasks = host.identities()
    impatient = host.have(upgrade="freeze")
    assert impatient["failed"] and '"t/long"' in impatient["msg"]
    late = host.have(drain_timeout=3, slice_seconds=1)
    assert late["failed"] and '"t/long"' in late["msg"], late
    assert host.group() == "Running" and host.tasks()["t/long"][1] == "Running"
    host.shell("nohup sh -c 'sleep 3; touch go' >/dev/null 2>&1 &")
    done = host.have()
    assert done["changed"] and done["tasks"] == {"before": len(tasks), "after": len(tasks)}
    assert host.identities() == tasks
    assert host.tasks()["t/long"][1] == "Done"
    assert (host.group(), host.group("held")) == ("Running", "Paused")
    host.wait("t/next", "Done")
    assert f"/opt/pueue-{VERSION}/pueued" in host.shell(f"readlink /proc/{host.pid()}/exe")
    assert host.shell("ls .local/state/fleet-jobs/daemon/state | wc -l") != "0\n"


def _bad_programs(host: Host, body: str) -> str:
    """A folder whose pueued says the right version, and then does something else."""
    real, bad = f"/opt/pueue-{VERSION}", f"{host.home}/bad"
    script = f'#!/bin/sh\n[ "$1" != --version ] || exec {real}/pueued --version\n{body}\n'
    host.shell(f"mkdir {bad}; cp {real}/pueue {bad}; cp {real}/pueued {bad}/real")
    host.container.run(f"cat > {bad}/pueued; chmod +x {bad}/pueued", host.user, input=script)
    return bad


@pytest.mark.parametrize("how", ["does not start", "loses the queue"])
def test_a_bad_upgrade_goes_back(host: Host, how: str) -> None:
    host.have(OLD)
    tasks = host.fill()
    body = "exit 3"
    if how == "loses the queue":
        body = f'rm {host.home}/.local/share/pueue/state.json; exec {host.home}/bad/real "$@"'
    failed = host.have(binaries=_bad_programs(host, body), start_timeout=20)
    assert failed["failed"] and not failed["changed"], failed
    assert f"pueued {OLD} runs again, with all {len(tasks)} tasks" in failed["msg"], failed
    assert host.identities() == tasks
    assert (host.group(), host.group("held")) == ("Running", "Paused")
    assert not host.have(OLD)["changed"]


def test_going_back_restores_modes_and_enablement(host: Host) -> None:
    """Whatever the account had made different from our wish is as it was, not as we wish it."""
    host.have(OLD, tidy={"schedule": "weekly"})
    tasks = host.fill()
    host.shell("chmod 0644 .config/pueue/pueue.yml; chmod 0755 .local/share/pueue")
    host.shell("chmod 0600 .config/systemd/user/*.timer")
    host.systemctl("disable", "--quiet", "pueued.service")
    host.systemctl("stop", "pueued-tidy.timer")
    before = _as_it_stands(host)
    bad = _bad_programs(host, "exit 3")
    wish = {"binaries": bad, "start_timeout": 20, "socket": f"{host.home}/other.socket"}
    for tidy in ({"schedule": "daily"}, None):
        failed = host.have(tidy=tidy, **wish)
        assert failed["failed"] and not failed["changed"], failed
        assert f"pueued {OLD} runs again, with all {len(tasks)} tasks" in failed["msg"], failed
        assert _as_it_stands(host) == before
    assert host.identities() == tasks


def _as_it_stands(host: Host) -> str:
    """Modes and contents of what the module writes, and what starts by itself."""
    return host.shell(
        "find .config .local/share/pueue -maxdepth 3 -printf '%p %m %l\\n' | sort;"
        " find .config -type f | sort | xargs sha256sum;"
        " systemctl --user is-enabled pueued.service pueued-tidy.timer;"
        " systemctl --user is-active pueued-tidy.timer; true"
    )


def test_a_wrong_schedule_is_refused_before_anything_is_stopped(host: Host) -> None:
    host.have(OLD)
    before, pid = _as_it_stands(host), host.pid()
    for check in (True, False):
        refused = host.have(check=check, tidy={"schedule": "every full moon"})
        assert refused["failed"] and "tidy.schedule" in refused["msg"], refused
    assert (_as_it_stands(host), host.pid()) == (before, pid)


def test_another_owner_of_the_lease_is_not_disturbed(host: Host) -> None:
    host.have(OLD)
    pid = host.pid()
    program = (
        "import sqlite3, sys, time; c = sqlite3.connect(sys.argv[1]); c.execute("
        "'insert into leases (owner, purpose, token, taken, expires) values (?, ?, ?, ?, ?)',"
        "('ada', 'deploy', 'secret', time.time(), time.time() + 900)); c.commit()"
    )
    path = f"{host.home}/.local/state/fleet-jobs/ledger.sqlite3"
    host.shell(shlex.join(["python3", "-c", program, path]))
    for check in (True, False):
        refused = host.have(check=check)
        assert refused["failed"] and '"ada"' in refused["msg"], refused
    assert host.call(state="absent")["failed"]
    assert not host.have(OLD)["changed"]
    assert host.pid() == pid
    assert host.have(lease_token="secret")["changed"]
    assert host.pid() != pid


def test_a_stopped_or_crashed_daemon_resumes_what_ran(host: Host) -> None:
    host.have()
    host.fill()
    host.pueue("add", "--label", "t/long", NEVER)
    host.pueue("add", "--label", "t/next", "--after", "0", "--", NEVER)
    host.wait("t/long", "Running")
    tasks = host.identities()
    host.systemctl("restart", "pueued.service")
    assert host.tasks()["t/long"][1] == "Done", "a restart by hand kills, and says so"
    host.wait("t/next", "Running")
    host.pueue("add", "--label", "t/last", NEVER)
    tasks = host.identities()
    pid = host.pid()
    host.shell(f"kill -KILL {pid}")
    eventually(lambda: host.pid() not in (0, pid), timeout=SECONDS, what="pueued starts again")
    eventually(lambda: host.group() == "Running", timeout=SECONDS, what="the group is resumed")
    assert host.identities() == tasks and host.group("held") == "Paused"
    host.wait("t/last", "Running")
    assert host.shell(f"pgrep -u {host.user} -fxc {shlex.quote(NEVER)}") == "1\n", "none is left"


def test_a_boot_resumes_what_ran(host: Host) -> None:
    """pueued alone would come back with every group paused that has queued tasks."""
    host.have()
    host.fill()
    host.pueue("add", "--label", "t/long", NEVER)
    host.pueue("add", "--label", "t/next", NEVER)
    host.wait("t/long", "Running")
    tasks = host.identities()
    host.container.restart()
    eventually(
        lambda: host.pueue("group", "--json", check=False) and host.group() == "Running",
        timeout=SECONDS,
        what="the unit starts by itself and the group is resumed",
    )
    host.wait("t/next", "Running")
    assert host.identities() == tasks and host.group("held") == "Paused"


def test_a_damaged_state_file_is_not_replaced_by_an_empty_one(host: Host) -> None:
    host.have()
    tasks = host.fill()
    host.systemctl("stop", "pueued.service")
    state = f"{host.home}/.local/share/pueue/state.json"
    copies = ".local/state/fleet-jobs/daemon/state"
    host.shell(f"truncate -s 100 {state}")
    host.systemctl("start", "pueued.service", check=False)
    assert host.shell(f"stat -c %s {state}") == "100\n"
    refused = host.have()
    assert refused["failed"] and copies in refused["msg"]
    host.shell(f"cp {copies}/$(ls {copies} | tail -1) {state}")
    # systemd may have started it again by itself by now.
    assert not host.have()["failed"]
    assert host.identities() == tasks


# -- what others run --------------------------------------------------------------------------


def _by_hand(host: Host, version: str = OLD) -> int:
    host.shell(
        f"setsid nohup /opt/pueue-{version}/pueued >/dev/null 2>&1 & "
        f"until /opt/pueue-{version}/pueue status >/dev/null 2>&1; do sleep 0.1; done"
    )
    return int(host.shell(f"pgrep -u {host.user} -x pueued"))


def test_a_plain_pueued_is_named_and_left_alone(host: Host) -> None:
    pid = _by_hand(host)
    host.pueue("add", "--label", "theirs/1", NEVER)
    host.wait("theirs/1", "Running")
    for options in ({}, {"adopt": "idle"}, {"adopt": "drain", "drain_timeout": 1}):
        refused = host.have(**options)
        assert refused["failed"] and '"theirs/1"' in refused["msg"], refused
        assert f"process {pid}" in refused["msg"] or "drain_timeout" in options
        assert int(host.shell(f"pgrep -u {host.user} -x pueued")) == pid
        assert host.tasks()["theirs/1"][1] == "Running" and host.group() == "Running"
    assert host.shell("ls -A .config/systemd", check=False) == ""


def test_a_plain_pueued_is_taken_over_with_its_tasks(host: Host) -> None:
    pid = _by_hand(host)
    tasks = host.fill()
    config = host.shell("cat .config/pueue/pueue.yml")
    foreseen = host.have(check=True, adopt="idle")
    assert foreseen["changed"] and f"process {pid}" in str(foreseen["actions"])
    done = host.have(adopt="idle")
    assert done["tasks"] == {"before": len(tasks), "after": len(tasks)}
    assert host.identities() == tasks and int(host.shell(f"pgrep -u {host.user} -x pueued")) != pid
    assert (host.group(), host.group("held")) == ("Running", "Paused")
    now = host.shell("cat .config/pueue/pueue.yml")
    assert len(config.splitlines()) <= len(now.splitlines()) + 1
    assert not host.have()["changed"]


def test_a_unit_of_somebody_else_is_kept_beside(host: Host) -> None:
    unit = f"[Service]\nExecStart=/opt/pueue-{OLD}/pueued -vv\n[Install]\nWantedBy=default.target\n"
    host.shell("mkdir -p .config/systemd/user")
    host.container.run("cat > .config/systemd/user/pueued.service", host.user, input=unit)
    host.systemctl("daemon-reload")
    host.systemctl("enable", "--now", "pueued.service")
    eventually(
        lambda: host.pueue("status", check=False), timeout=SECONDS, what="the plain unit answers"
    )
    tasks = host.fill()
    refused = host.have()
    assert refused["failed"] and "adopt" in refused["msg"]
    assert host.call(state="absent")["failed"]
    done = host.have(adopt="idle")
    assert done["changed"] and host.identities() == tasks, done
    kept = ".config/systemd/user/pueued.service.before-fleet-jobs"
    assert host.shell(f"cat {kept}") == unit
    assert "-vv" not in host.shell("cat .config/systemd/user/pueued.service")


def test_tasks_are_not_left_behind_in_another_folder(host: Host) -> None:
    host.have()
    host.fill()
    refused = host.have(pueue_directory=f"{host.home}/elsewhere")
    assert refused["failed"] and "pueue_directory" in refused["msg"]
    assert len(host.tasks()) == 4
