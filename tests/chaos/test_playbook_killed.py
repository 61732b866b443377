# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of ``ansible-playbook`` itself, with and without the module that it runs on the host.

A job that is cancelled in AWX ends so too: after a TERM, or without one.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._host.process import descendants
from ansible_collections.fleet.jobs.tests.support.ansible import (
    environment,
    program,
    run_playbook,
)
from ansible_collections.fleet.jobs.tests.support.deployer import slow_reset
from ansible_collections.fleet.jobs.tests.support.fleet import EmbeddedHost, Fleet
from ansible_collections.fleet.jobs.tests.support.waiting import eventually


@pytest.fixture
def fleet(tmp_path: Path) -> t.Iterator[Fleet]:
    made = Fleet(1, tmp_path / "fleet")
    yield made
    made.close()


@pytest.fixture
def host(fleet: Fleet) -> EmbeddedHost:
    (one,) = fleet.hosts
    one.parallel(3)
    one.queue([one.job("work/0", "0"), one.job("work/1", "1")])
    one.finished("work/0", "work/1")
    return one


@pytest.fixture
def controller(fleet: Fleet, host: EmbeddedHost, tmp_path: Path) -> t.Iterator[Controller]:
    fleet.origin.fix()
    with Controller(fleet, tmp_path / "controller") as one:
        yield one


class Controller:
    """``ansible-playbook fleet.jobs.deploy`` in the background."""

    def __init__(self, fleet: Fleet, home: Path) -> None:
        self.fleet, self.home = fleet, home
        home.mkdir()

    def start(self, *, more: t.Optional[t.Mapping[str, t.Any]] = None, **environ: str) -> None:
        options = json.dumps({**self.fleet.options, **(more or {})})
        with (self.home / "output").open("wb") as output:
            self.process = subprocess.Popen(
                [
                    *(program("ansible-playbook"), "fleet.jobs.deploy"),
                    *("-i", str(self.fleet.inventory()), "-e", options),
                ],
                env={**environment(self.home, self.home / "record"), **environ},
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def kill(self, *, with_module: bool) -> None:
        """All at once: nobody gets to tidy up."""
        for pid in [self.process.pid, *descendants(self.process.pid)]:
            if with_module or _is_controller(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        assert self.process.wait() == -signal.SIGKILL

    def cancel(self) -> None:
        """As AWX does: a word, then the end of everything that is left."""
        left = [self.process.pid, *descendants(self.process.pid)]
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=2)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def __enter__(self) -> Controller:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self.process.poll() is None:
            self.kill(with_module=True)


def _is_controller(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return b"ansible-playbook" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def test_while_it_waits(
    fleet: Fleet, host: EmbeddedHost, controller: Controller, tmp_path: Path
) -> None:
    release = tmp_path / "release"
    host.queue([host.job("work/hold", "hold", str(release))])
    host.running("work/hold")
    controller.start()
    eventually(lambda: host.groups()["default"] == "Paused", timeout=90, what="a freeze")

    controller.kill(with_module=True)
    release.touch()

    assert_next_run_converges(fleet, host)
    assert host.tasks()["work/hold"].ok


def test_while_its_module_pulls_and_lives_on(
    fleet: Fleet,
    host: EmbeddedHost,
    controller: Controller,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started, goes_on = slow_reset(tmp_path, monkeypatch)
    controller.start(PATH=os.environ["PATH"])
    eventually(started.exists, timeout=90, what="git resets")

    controller.kill(with_module=False)
    goes_on.touch()

    assert_next_run_converges(fleet, host)


def test_cancelled_while_it_waits_nothing_stays_frozen_longer_than_the_lease(
    fleet: Fleet, host: EmbeddedHost, controller: Controller, tmp_path: Path
) -> None:
    """Also where nobody calls again, and no job ends."""
    release = tmp_path / "release"
    host.queue([host.job("work/hold", "hold", str(release))])
    host.running("work/hold")
    before = host.head()
    controller.start(more={"deploy_lease_ttl": 25})
    eventually(lambda: host.groups()["default"] == "Paused", timeout=90, what="a freeze")
    with host.ledger() as ledger:
        held = ledger.lease.held()
    assert held is not None

    controller.cancel()

    assert host.groups() == {"default": "Paused"}
    eventually(lambda: host.groups()["default"] == "Running", timeout=90, what="a thaw")
    with host.ledger() as ledger:
        assert ledger.lease.current() is None and ledger.lease.expired_frozen() == []
    assert host.tasks()["work/hold"].status == "Running" and host.head() == before
    release.touch()
    assert_next_run_converges(fleet, host)


def assert_next_run_converges(fleet: Fleet, host: EmbeddedHost) -> None:
    run = run_playbook("fleet.jobs.deploy", inventory=fleet.inventory(), extra_vars=fleet.options)
    assert run.rc == 0, run.explain()
    assert host.finished("work/1")["work/1"].ok, run.explain()
    assert host.groups() == {"default": "Running"}
    with host.ledger() as ledger:
        assert ledger.lease.held() is None and ledger.lease.expired_frozen() == []
        histories = {label: ledger.attempts.history(label) for label in ("work/0", "work/1")}
    found = {label: [one.class_ for one in history] for label, history in histories.items()}
    assert found == {"work/0": ["ok"], "work/1": ["app", "ok"]}
    with host.daemon.connect() as client:
        by_label = client.status().by_label()
    assert all(len(tasks) == 1 for tasks in by_label.values())
