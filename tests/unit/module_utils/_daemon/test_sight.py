# SPDX-License-Identifier: GPL-3.0-or-later
"""Which daemons run, whether their programs are right, and what a user manager lacks."""

from __future__ import annotations

import hashlib
import os
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._daemon import binaries
from ansible_collections.fleet.jobs.plugins.module_utils._daemon.manager import Manager
from ansible_collections.fleet.jobs.plugins.module_utils._daemon.residents import (
    Resident,
    residents,
)
from ansible_collections.fleet.jobs.tests.support.daemon_wish import ACCOUNT, WISH

USER = "/user.slice/user-1000.slice/user@1000.service/app.slice"


def _process(
    proc: Path,
    pid: int,
    *words: str,
    cgroup: str = "/user.slice/user-1000.slice/session-3.scope",
    name: str = "pueued",
    environ: t.Optional[t.Mapping[str, str]] = None,
) -> None:
    folder = proc / str(pid)
    folder.mkdir(parents=True)
    (folder / "comm").write_text(f"{name}\n")
    (folder / "cmdline").write_text("\0".join(["pueued", *words]) + "\0")
    pairs = {"HOME": str(proc), **(environ or {})}
    (folder / "environ").write_text("".join(f"{key}={value}\0" for key, value in pairs.items()))
    (folder / "cgroup").write_text(f"12:devices:/x\n1:name=systemd:{cgroup}\n")
    fields = " ".join(["S", "1", "7", "7", *["0"] * 15, "500", "0"])
    (folder / "stat").write_text(f"{pid} ({name}) {fields}\n")
    (folder / "exe").symlink_to("/opt/pueue/pueued")
    (folder / "cwd").symlink_to(proc)


def _all(proc: Path) -> t.List[Resident]:
    return residents(uid=os.getuid(), proc=proc)


def test_every_pueued_of_the_account(tmp_path: Path) -> None:
    text = f"shared:\n  pueue_directory: {tmp_path}/q\n  runtime_directory: {tmp_path}/r\n"
    (tmp_path / "one.yml").write_text(text)
    (tmp_path / ".config/pueue").mkdir(parents=True)
    (tmp_path / ".config/pueue/pueue.yml").write_text(text.replace("/q", "/other"))
    _process(tmp_path, 3, "--config", "one.yml")
    _process(tmp_path, 4, cgroup=f"{USER}/own.service")
    _process(tmp_path, 5, cgroup="/system.slice/pueued.service", environ={"HOME": "/nowhere"})
    _process(tmp_path, 6, "-c", str(tmp_path / "one.yml"), "--profile", "x")
    _process(tmp_path, 7, name="pueue")
    found = _all(tmp_path)
    assert [one.pid for one in found] == [3, 4, 5, 6]
    assert [(one.unit, one.user_unit) for one in found] == [
        ("", False),
        ("own.service", True),
        ("pueued.service", False),
        ("", False),
    ]
    one, two, lost, profile = found
    assert one.config is not None and one.config.pueue_directory == tmp_path / "q"
    assert two.config is not None and two.config.pueue_directory == tmp_path / "other"
    assert (lost.config, profile.config) == (None, None)
    assert one.serves(one.config) and profile.serves(one.config)
    assert two.serves(one.config), "the same pid file"
    far = replace(two.config, pid_path=Path("/p"), unix_socket_path=Path("/s"))
    assert not one.serves(far)


def _programs(folder: Path, version: str) -> None:
    for name in ("pueue", "pueued"):
        (folder / name).write_text(f"#!/bin/sh\necho {name} {version}\n")
        (folder / name).chmod(0o755)


def test_programs(tmp_path: Path) -> None:
    wish = replace(WISH, binaries=tmp_path)

    def problem(**changes: t.Any) -> str:
        return binaries.problem(replace(wish, **changes), environ=os.environ) or ""

    assert f'"{tmp_path}/pueue"' in problem()
    _programs(tmp_path, "4.0.4")
    assert problem() == ""
    assert 'says "4.0.4", wanted is 4.0.3' in problem(version="4.0.3")
    digest = hashlib.sha256((tmp_path / "pueued").read_bytes()).hexdigest()
    assert problem(checksums=(("pueued", digest),)) == ""
    # A program that is not the right one is not run, not even for its version.
    (tmp_path / "pueued").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    assert "It is not started" in problem(checksums=(("pueued", digest),))
    assert not (tmp_path / "ran").exists()
    (tmp_path / "pueued").chmod(0o644)
    assert "that this account may run" in problem()


def test_what_a_user_manager_lacks(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    manager = Manager(ACCOUNT, environ={"PATH": str(tmp_path / "bin")}, root=tmp_path)

    def says(words: str) -> bool:
        return words in (manager.problem() or "")

    assert says("does not run systemd")
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    assert says("systemctl is not on PATH")
    (tmp_path / "bin/systemctl").write_text("#!/bin/sh\n")
    (tmp_path / "bin/systemctl").chmod(0o755)
    assert says("As root run: loginctl enable-linger jobs")
    (tmp_path / "var/lib/systemd/linger").mkdir(parents=True)
    (tmp_path / "var/lib/systemd/linger/jobs").touch()
    assert says("user@1000.service")
    (tmp_path / "run/user/1000/systemd").mkdir(parents=True)
    (tmp_path / "run/user/1000/systemd/private").touch()
    assert manager.problem() is None


@pytest.mark.parametrize("deleted", [True, False])
def test_a_replaced_program_is_seen(tmp_path: Path, deleted: bool) -> None:
    _process(tmp_path, 3)
    if deleted:
        (tmp_path / "3/exe").unlink()
        (tmp_path / "3/exe").symlink_to("/opt/pueue/pueued (deleted)")
    assert [one.replaced for one in _all(tmp_path)] == [deleted]
