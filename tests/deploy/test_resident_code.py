# SPDX-License-Identifier: GPL-3.0-or-later
"""The deploy's code stays on the host between calls: sent once, private, and never relied upon."""

from __future__ import annotations

import os
import shutil
import typing as t
from pathlib import Path

from ansible_collections.fleet.jobs.plugins.plugin_utils import _resident
from ansible_collections.fleet.jobs.tests.support.ansible import PlaybookRun, run_playbook
from ansible_collections.fleet.jobs.tests.support.fleet import EmbeddedHost, Fleet

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
    timed = {"seconds", "invocation"}
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
    shutil.rmtree(folder / "ansible_collections")
    folder.chmod(0o770)

    assert _audited(fleet)["verdict"] == "noop"


def test_a_broken_copy_is_sent_again(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(1)
    (host,) = fleet.hosts
    host.state_dir.mkdir(mode=0o700)
    _audited(fleet)
    (folder,) = _code(host)
    shutil.rmtree(folder / "ansible_collections")

    assert _audited(fleet)["verdict"] == "noop"
    assert (folder / "ansible_collections").is_dir()
