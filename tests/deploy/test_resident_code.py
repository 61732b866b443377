# SPDX-License-Identifier: GPL-3.0-or-later
"""The deploy's code stays on the host between calls: sent once, private, and never relied upon."""

from __future__ import annotations

import importlib
import os
import socket
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.fleet.jobs.plugins.plugin_utils import _resident
from ansible_collections.fleet.jobs.tests.support.ansible import (
    COLLECTIONS_PATH,
    PlaybookRun,
    run_playbook,
)
from ansible_collections.fleet.jobs.tests.support.fleet import EmbeddedHost, Fleet
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

MODULES = "ansible_collections.fleet.jobs.plugins.modules"
# Each costs a call more than all of git does; what rarely needs one imports it where it does.
SLOW = ("ansible", "ast", "dataclasses", "gzip", "hashlib", "inspect", "shutil", "ssl", "tempfile")

MakeFleet = t.Callable[[int], Fleet]


def _audited(fleet: Fleet, **more: t.Any) -> t.Dict[str, t.Any]:
    """The answer of one audit of a host with nothing to do."""
    run: PlaybookRun = run_playbook(
        "fleet.jobs.deploy", inventory=fleet.inventory(), extra_vars=fleet.options, **more
    )
    assert run.rc == 0, run.explain()
    (audit,) = run.of(task="Audit")
    return audit.result


def _code(host: EmbeddedHost) -> t.List[Path]:
    folder = host.state_dir / "code"
    return sorted(folder.iterdir()) if folder.exists() else []


def test_both_ways_answer_alike(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(1)
    (host,) = fleet.hosts
    sent = _audited(fleet, env={"ANSIBLE_PIPELINING": "false"})
    assert _code(host) == []
    assert _audited(fleet)["verdict"] == "noop" and not host.state_dir.exists()
    host.state_dir.mkdir(mode=0o700)

    kept = _audited(fleet)

    (folder,) = _code(host)
    assert folder.name == _resident.digest() and folder.stat().st_mode & 0o777 == 0o700
    timed = {"seconds", "clock", "clock_offset", "invocation"}
    assert {k: v for k, v in kept.items() if k not in timed} == {
        k: v for k, v in sent.items() if k not in timed
    }
    assert kept["invocation"]["module_args"] == sent["invocation"]["module_args"]


def test_it_travels_once_and_old_code_goes(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(1)
    (host,) = fleet.hosts
    old = host.state_dir / "code" / "0123456789abcdef"
    old.mkdir(parents=True)
    os.utime(old, (0, 0))
    _audited(fleet)
    (folder,) = _code(host)
    marker = folder / "still-the-same"
    marker.touch()

    _audited(fleet)

    assert _code(host) == [folder] and marker.exists()


def test_code_that_others_could_write_is_not_run(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(1)
    (host,) = fleet.hosts
    host.state_dir.mkdir(mode=0o700)
    _audited(fleet)
    (folder,) = _code(host)
    (compiled,) = folder.iterdir()
    compiled.write_bytes(b"not code at all")
    folder.chmod(0o770)
    assert _audited(fleet)["verdict"] == "noop"
    assert compiled.read_bytes() == b"not code at all"
    folder.chmod(0o700)
    compiled.chmod(0o666)
    assert _audited(fleet)["verdict"] == "noop"
    assert compiled.read_bytes() == b"not code at all"


@pytest.mark.parametrize("how", ["gone", "empty", "foreign", "zeros at its end"])
def test_a_broken_copy_is_sent_again(make_fleet: MakeFleet, how: str) -> None:
    fleet = make_fleet(1)
    (host,) = fleet.hosts
    host.state_dir.mkdir(mode=0o700)
    _audited(fleet)
    (folder,) = _code(host)
    (compiled,) = folder.iterdir()
    whole = compiled.read_bytes()
    if how == "gone":
        compiled.unlink()
    else:
        zeros = whole[:-1024] + bytes(1024)
        broken = {"empty": b"", "foreign": b"not code at all", "zeros at its end": zeros}
        compiled.write_bytes(broken[how])

    assert _audited(fleet)["verdict"] == "noop"

    assert [one.name for one in folder.iterdir()] == [compiled.name]
    assert compiled.read_bytes() == whole


def test_the_code_is_complete_and_leaves_the_slow_imports_out() -> None:
    names = {name[: -len(".py")].replace("/", ".") for name in _resident.sources()}
    modules = [f"{MODULES}.{name}" for name in ("deploy_apply", "deploy_audit", "host_watch")]
    lines = [f"import {name}" for name in modules] + ["import sys; print(*sys.modules)"]
    environ = {"PYTHONPATH": str(COLLECTIONS_PATH)}
    found = subprocess.run(
        [sys.executable, "-S", "-c", "; ".join(lines)],
        env=environ,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    ours = {name for name in found if name.startswith("ansible_collections.")}
    packages = {name for name in ours if any(one.startswith(f"{name}.") for one in ours)}
    assert set(modules) <= ours - packages <= names
    assert not {*SLOW} & {*found}


Ask = t.Callable[..., t.Dict[str, t.Any]]


@pytest.fixture
def deployable(make_fleet: MakeFleet) -> t.Tuple[EmbeddedHost, Ask]:
    """A host with the code on it and a commit to deploy, and a way to call it as the actions do."""
    fleet = make_fleet(1)
    (host,) = fleet.hosts
    host.state_dir.mkdir(mode=0o700)
    sha = fleet.origin.fix()
    options = {"pueue_config": str(host.daemon.config_path), "repository": str(fleet.origin.path)}
    audit = {"deploy_id": "d", "project": str(host.project), "sha": sha, "python": sys.executable}

    def ask(module: str, **more: t.Any) -> t.Dict[str, t.Any]:
        arguments = {**(audit if module == "deploy_audit" else {}), **options, **more}
        spec = importlib.import_module(f"{MODULES}.{module}").SPEC.to_kwargs()
        arguments["state_dir"] = str(host.state_dir)
        checked = ArgumentSpecValidator(**spec).validate(arguments)
        assert not checked.error_messages
        return told(_resident.program(module, checked.validated_parameters, diff=False))

    def told(program: bytes) -> t.Dict[str, t.Any]:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-"], input=program, capture_output=True, check=False
        )
        return _resident._answer({"rc": done.returncode, "stdout": done.stdout.decode()})

    assert told(_resident.installer(str(host.state_dir))) == {"installed": True}
    return host, ask


def _apply(ask: Ask, audit: t.Dict[str, t.Any]) -> t.Dict[str, t.Any]:
    return ask("deploy_apply", plan_id=audit["plan"]["plan_id"], lease_token=audit["lease_token"])


def _sockets(host: EmbeddedHost) -> t.List[Path]:
    return list(host.state_dir.glob("code/*/waiting-*"))


def test_the_process_of_an_audit_answers_its_apply(deployable: t.Tuple[EmbeddedHost, Ask]) -> None:
    host, ask = deployable
    audit = ask("deploy_audit")
    assert len(_sockets(host)) == 1
    # Nothing else could answer now.
    for compiled in host.state_dir.glob("code/*/cpython-*"):
        compiled.unlink()

    assert _apply(ask, audit)["verdict"] == "applied"

    assert _sockets(host) == []
    assert _apply(ask, audit) == {"code_missing": True}
    for folder in host.state_dir.glob("code/*"):
        folder.rmdir()
    assert _apply(ask, audit) == {"code_missing": True}


def test_without_a_waiting_process_the_apply_starts_by_itself(
    deployable: t.Tuple[EmbeddedHost, Ask], monkeypatch: pytest.MonkeyPatch
) -> None:
    host, ask = deployable
    monkeypatch.setattr(_resident, "WAITING_SECONDS", 0.2)
    audit = ask("deploy_audit")
    eventually(lambda: not _sockets(host), timeout=30, what="the process to end by itself")
    # As one that was killed leaves it.
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(next(host.state_dir.glob("code/*")) / f"waiting-{audit['lease_token'][:16]}"))

    assert _apply(ask, audit)["verdict"] == "applied"


def test_what_goes_wrong_in_a_waiting_process_is_told(
    deployable: t.Tuple[EmbeddedHost, Ask],
) -> None:
    host, ask = deployable
    audit = ask("deploy_audit")
    answer = ask("deploy_apply", plan_id="none", lease_token=audit["lease_token"])
    assert answer["failed"] and 'no plan "none"' in answer["msg"]
    assert _sockets(host) == []


def test_an_audit_with_nothing_to_do_leaves_no_process(
    deployable: t.Tuple[EmbeddedHost, Ask],
) -> None:
    host, ask = deployable
    assert ask("deploy_audit", sha=host.head())["verdict"] == "noop"
    assert _sockets(host) == []
