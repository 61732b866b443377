# SPDX-License-Identifier: GPL-3.0-or-later
"""A dead daemon, a full disk, a damaged ledger and the like: one sentence with the next step, and
nothing is lost."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.support import big_queue, deployer, direct
from ansible_collections.fleet.jobs.tests.support.ansible import local_inventory, run_playbook
from ansible_collections.fleet.jobs.tests.support.daemon import PrivateDaemon
from ansible_collections.fleet.jobs.tests.support.fake_daemon import FakeDaemon
from ansible_collections.fleet.jobs.tests.support.fleet import EmbeddedHost, Fleet
from ansible_collections.fleet.jobs.tests.support.tool import install
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

Result = t.Dict[str, t.Any]

# Who needs the queue; systemd_run_job does not.
OF_QUEUE = ("deploy_audit", "pueue_queue_guarded", "pueue_restart_guarded", "pueue_status")
ALL = (*OF_QUEUE, "systemd_run_job")


class Host:
    """A host with a job that went well, one that failed, and a fix upstream."""

    def __init__(self, fleet: Fleet) -> None:
        (self.embedded,) = fleet.hosts
        self.repository = str(fleet.origin.path)
        self.embedded.queue([self.embedded.job("work/1", "1"), self.embedded.job("work/2", "2")])
        self.embedded.finished("work/1", "work/2")
        self.before = self.embedded.head()
        self.sha = fleet.origin.fix()

    def arguments(self, name: str) -> t.Dict[str, t.Any]:
        """A call that would do its work on a good day."""
        project = str(self.embedded.project)
        return {
            "deploy_audit": {
                **{"deploy_id": "bad-day", "project": project, "python": sys.executable},
                **{"repository": self.repository, "sha": self.sha},
            },
            "pueue_queue_guarded": {"jobs": [self.embedded.job("work/4", "4")], "cap": "none"},
            "pueue_restart_guarded": {"labels": ["work/*"], "classes": ["app"]},
            "pueue_status": {},
            "systemd_run_job": {
                **{"label": "once/one", "command": ["/bin/true"], "chdir": project, "cap": "none"}
            },
        }[name]

    def call(self, name: str, *, check: bool = False, **more: t.Any) -> Result:
        host = self.embedded
        return direct.call(
            name,
            {
                "pueue_config": str(host.daemon.config_path),
                "state_dir": str(host.state_dir),
                **self.arguments(name),
                **more,
            },
            environ=host.daemon.environ,
            cwd=host.folder,
            check=check,
        )

    def assert_nothing_lost(self) -> None:
        """The day is over: everything is as it was, nobody holds anything, and work goes on."""
        tasks = self.embedded.tasks()
        assert {label: task.ok for label, task in tasks.items()} == {
            "work/1": False,
            "work/2": True,
        }
        assert self.embedded.head() == self.before
        assert self.embedded.groups() == {"default": "Running"}
        with self.embedded.ledger() as ledger:
            assert ledger.lease.held() is None and ledger.lease.expired_frozen() == []
            assert not ledger.submissions.unfinished()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Host]:
    """One host for all bad days: each has to leave it as it found it."""
    fleet = Fleet(1, tmp_path_factory.mktemp("bad") / "fleet")
    try:
        yield Host(fleet)
    finally:
        fleet.close()


def assert_one_sentence(result: Result, *parts: str, hazard: t.Optional[str] = None) -> None:
    """Failed, said on one line for people, with what was found and what comes next."""
    message = result.get("msg", "")
    assert result.get("failed") and not result["changed"], result
    assert "\n" not in message and 40 < len(message) < 800, message
    assert "Traceback" not in message and "Errno" not in message, message
    for part in parts:
        assert part in message, f"{part!r} is missing in: {message}"
    if hazard:
        assert result.get("hazard") == hazard, result


@pytest.fixture
def dead_daemon(host: Host) -> t.Iterator[PrivateDaemon]:
    daemon = host.embedded.daemon
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGKILL)
    daemon.process.wait()
    yield daemon
    daemon.start()


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
@pytest.mark.parametrize("name", OF_QUEUE)
def test_dead_daemon(host: Host, dead_daemon: PrivateDaemon, name: str, check: bool) -> None:
    result = host.call(name, check=check)
    start = f"pueued --config {dead_daemon.config_path} --daemonize"
    assert_one_sentence(result, str(dead_daemon.socket_path), start, hazard="G-4")


def test_a_command_needs_no_daemon(host: Host, dead_daemon: PrivateDaemon) -> None:
    assert host.call("systemd_run_job", rerun=True)["class"] == "ok"


def test_nothing_is_lost_with_a_daemon_that_died(host: Host) -> None:
    host.assert_nothing_lost()


@pytest.mark.parametrize("name", OF_QUEUE)
@pytest.mark.parametrize("kind", ["missing", "a file"])
def test_wrong_socket(host: Host, tmp_path: Path, name: str, kind: str) -> None:
    config = json.loads(host.embedded.daemon.config_path.read_text())
    socket = tmp_path / "socket"
    if kind == "a file":
        socket.touch()
    config["shared"]["unix_socket_path"] = str(socket)
    path = tmp_path / "other.yml"
    path.write_text(json.dumps(config))
    result = host.call(name, pueue_config=str(path))
    # The pid file names a daemon that lives: starting a second one would be no advice.
    assert_one_sentence(result, str(socket), "is alive", hazard="G-4")
    host.assert_nothing_lost()


@pytest.mark.parametrize("name", OF_QUEUE)
def test_missing_configuration(host: Host, tmp_path: Path, name: str) -> None:
    gone = tmp_path / "gone.yml"
    assert_one_sentence(host.call(name, pueue_config=str(gone)), str(gone), "pueue_config")


@pytest.mark.parametrize("name", OF_QUEUE)
@pytest.mark.parametrize("version", [b"3.4.1", b"0.40.0"])
def test_unsupported_version(host: Host, name: str, version: bytes) -> None:
    with FakeDaemon(version=version) as fake:
        result = host.call(name, pueue_config=str(fake.path))
        assert fake.requests == []
    assert_one_sentence(result, version.decode(), "pueue 4.0")
    host.assert_nothing_lost()


@pytest.fixture
def corrupt_ledger(host: Host, tmp_path: Path) -> t.Iterator[Path]:
    """The instance with a ledger that a disk has damaged in its middle."""
    state = tmp_path / "state"
    shutil.copytree(host.embedded.state_dir, state)
    for suffix in ("-wal", "-shm"):
        (state / f"ledger.sqlite3{suffix}").unlink(missing_ok=True)
    (state / "ledger.sqlite3").write_bytes(b"SQLite format 3\0" + b"\xa5" * 8192)
    yield state / "ledger.sqlite3"


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
@pytest.mark.parametrize("name", ALL)
def test_corrupt_ledger(host: Host, corrupt_ledger: Path, name: str, check: bool) -> None:
    before = corrupt_ledger.read_bytes()
    result = host.call(name, check=check, state_dir=str(corrupt_ledger.parent), **_again(name))
    assert_one_sentence(result, str(corrupt_ledger), "Move", "aside", "history")
    assert corrupt_ledger.read_bytes() == before
    host.assert_nothing_lost()


@pytest.mark.parametrize("name", ALL)
def test_state_directory_that_cannot_be(host: Host, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "state"
    result = host.call(name, state_dir=str(place), **_again(name))
    assert_one_sentence(result, str(place), "state_dir")
    host.assert_nothing_lost()


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
def test_missing_working_directory(host: Host, tmp_path: Path, check: bool) -> None:
    gone = str(tmp_path / "gone")
    job = {**host.embedded.job("work/5", "5"), "chdir": gone}
    for name, wrong in (
        ("pueue_queue_guarded", {"jobs": [job]}),
        ("systemd_run_job", {"chdir": gone, "rerun": True}),
    ):
        assert_one_sentence(host.call(name, check=check, **wrong), gone, hazard="AP-11")
    host.assert_nothing_lost()


def test_missing_repository(host: Host, tmp_path: Path) -> None:
    """Found when the lease is taken and the queue is frozen already: all of it is given back."""
    gone = str(tmp_path / "gone.git")
    embedded = host.embedded
    asked = deployer.options(embedded, repository=gone, sha=host.sha)
    result = deployer.carry_out(asked)
    assert_one_sentence(result, gone)
    host.assert_nothing_lost()


def test_a_failure_while_it_waits_gives_everything_back(host: Host, tmp_path: Path) -> None:
    embedded, release = host.embedded, tmp_path / "release"
    embedded.parallel(2)
    embedded.queue([embedded.job("work/hold", "hold", str(release))])
    embedded.running("work/hold")
    lock = embedded.project / ".git" / "index.lock"
    cut = deployer.Cut("_deploy.audit:_wait_for_drain", hang=str(tmp_path / "hangs"), call=2)
    late = deployer.start(deployer.options(embedded, repository=host.repository, sha=host.sha), cut)
    try:
        eventually((tmp_path / "hangs").exists, timeout=60, what="the deploy waits")
        assert embedded.groups() == {"default": "Paused"}
        lock.touch()
    finally:
        (tmp_path / "hangs").unlink(missing_ok=True)
        release.touch()
        _code, result = deployer.finish(late)
        lock.unlink(missing_ok=True)

    assert result["failed"] and str(lock) in result["msg"], result
    embedded.finished("work/hold")
    with embedded.daemon.connect() as client:
        client.remove([client.status().latest()["work/hold"].id])
    host.assert_nothing_lost()


@pytest.fixture
def full_disk() -> t.Iterator[t.Tuple[Host, Path]]:
    """A host whose state directory and pueue directory are on a file system without space."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fj-")))
        mount = folder / "m"
        mount.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(mount)]
        made = subprocess.run(command, capture_output=True, check=False)
        if made.returncode:
            pytest.skip(f"cannot mount a small file system: {made.stderr!r}")
        stack.callback(subprocess.run, ["umount", "--lazy", str(mount)], check=True)
        fleet = Fleet(1, folder / "fleet")
        stack.callback(fleet.close)
        (embedded,) = fleet.hosts
        embedded.daemon.stop()
        embedded.daemon.write_config(shared={"pueue_directory": str(mount / "pueue")})
        embedded.daemon.start()
        embedded.state_dir = mount / "state"
        embedded.instance = type(embedded.instance)(embedded.daemon.config, embedded.state_dir)
        install(embedded.state_dir)
        embedded.queue(
            [embedded.job("work/1", "1"), embedded.job("work/2", "2")], disk_floor=1 << 16
        )
        embedded.finished("work/1", "work/2")
        yield _prepared(embedded, fleet), mount


def _prepared(embedded: EmbeddedHost, fleet: Fleet) -> Host:
    host = Host.__new__(Host)
    host.embedded, host.repository = embedded, str(fleet.origin.path)
    host.before, host.sha = embedded.head(), fleet.origin.fix()
    return host


def test_full_disk(full_disk: t.Tuple[Host, Path]) -> None:
    host, mount = full_disk
    floor = ("the floor is", "Free space")
    for name in ("deploy_audit", "pueue_queue_guarded", "pueue_restart_guarded"):
        for check in (True, False):
            result = host.call(name, check=check)
            assert_one_sentence(result, str(mount), *floor, hazard="AP-10")
    filler = mount / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
        while stream.write(b"x" * 4096):
            pass
    # Who opens the ledger before measuring the disk says the same in the ledger's name.
    for name in ("deploy_audit", "pueue_queue_guarded", "pueue_restart_guarded"):
        assert_one_sentence(host.call(name), str(mount), "ree s")
    assert_one_sentence(host.call("systemd_run_job", rerun=True), str(mount), "ree")
    assert host.call("pueue_status")["counts"]
    assert_nothing_changed_by(host, filler)


def assert_nothing_changed_by(host: Host, filler: Path) -> None:
    filler.unlink()
    assert host.embedded.daemon.running
    host.assert_nothing_lost()


def test_ten_thousand_tasks(tmp_path: Path) -> None:
    """Every step works on such a queue and answers in a few kilobytes."""
    fleet = Fleet(1, tmp_path / "fleet")
    try:
        (embedded,) = fleet.hosts
        host = _prepared(embedded, fleet)
        install(embedded.state_dir)
        big_queue.fill(embedded.daemon, 10_000)
        with embedded.daemon.connect() as client:
            before = dict(client.status().tasks)
        audit = host.call("deploy_audit", check=True)
        refused = host.call("pueue_queue_guarded")
        assert_one_sentence(refused, "10000 tasks", "max_tasks", "pueue_clean", hazard="AP-10")
        queued = host.call("pueue_queue_guarded", max_tasks=20_000)
        restarted = host.call("pueue_restart_guarded", labels=["bars/*"], check=True)
        status = host.call("pueue_status")
        for result in (audit, queued, restarted, status):
            result.pop("invocation", None)
            assert not result["failed"], result["msg"]
            assert len(json.dumps(result)) <= 8192, json.dumps(result)[:2000]
        assert [job["label"] for job in queued["queued"]] == ["work/4"]
        deployed = deployer.carry_out(
            deployer.options(embedded, repository=host.repository, sha=host.sha)
        )
        assert deployed["verdict"] == "applied", deployed
        with embedded.daemon.connect() as client:
            after = client.status().tasks
        assert {number: after[number].identity for number in before} == {
            number: task.identity for number, task in before.items()
        }
        assert len(after) == len(before) + 1
        assert embedded.groups() == {"default": "Paused", "bars": "Running"}
    finally:
        fleet.close()


def _again(name: str) -> t.Dict[str, t.Any]:
    """Do it also if it was done."""
    return {"rerun": True} if name == "systemd_run_job" else {}


def test_the_playbook_says_so_too(host: Host, dead_daemon: PrivateDaemon, tmp_path: Path) -> None:
    """The sentence arrives in the verdict and the report, and the exit code tells."""
    report = tmp_path / "report.json"
    run = run_playbook(
        "fleet.jobs.deploy",
        inventory=local_inventory(tmp_path / "hosts.json", {"host1": host.embedded.variables}),
        extra_vars={
            **{"fleet_hosts": "all", "deploy_repository": host.repository, "deploy_ref": "main"},
            **{"deploy_python": sys.executable, "deploy_report_file": str(report)},
        },
    )
    assert run.rc != 0, run.explain()
    verdict = json.loads(report.read_text())["hosts"]["host1"]
    assert verdict["verdict"] == "failed", verdict
    start = f"pueued --config {dead_daemon.config_path} --daemonize"
    assert start in verdict["reason"] and start in run.stdout
