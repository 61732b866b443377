# SPDX-License-Identifier: GPL-3.0-or-later
"""Options with every path absolute, and what cannot be meant is refused with the option's name."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._daemon.wish import Account, Earlier, parse
from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError
from ansible_collections.fleet.jobs.tests.support.daemon_wish import ACCOUNT

GIVEN: t.Dict[str, t.Any] = {
    **dict.fromkeys(
        "checksums pueue_config pueue_directory runtime_directory socket listen tidy".split()
    ),
    "state": "present",
    "state_dir": "~/.local/state/fleet-jobs",
    "version": "4.0.4",
    "binaries": "~/bin/pueue-4.0.4/",
    "unit": "pueued.service",
    "job_path": [],
    "memory_protection": "128M",
    "adopt": "refuse",
    "upgrade": "drain",
    "drain_timeout": 10.0,
    "start_timeout": 10.0,
    "slice_seconds": 60.0,
    "waiting": {"since": 5.0, "token": "t", "frozen": ["g"]},
}


def test_paths() -> None:
    wish = parse({**GIVEN, "socket": "~/s", "job_path": ["~/x", "/opt/../y"]}, ACCOUNT)
    assert wish.config_path == Path("/home/jobs/.config/pueue/pueue.yml")
    assert wish.pueued == Path("/home/jobs/bin/pueue-4.0.4/pueued")
    assert (wish.socket, wish.job_path) == (Path("/home/jobs/s"), ("/home/jobs/x", "/y"))
    assert wish.helper.parent == Path("/home/jobs/.local/state/fleet-jobs/daemon")
    assert wish.protected_bytes == 128 << 20 and wish.stem == "pueued"
    assert wish.slice_seconds == 50.0
    assert wish.earlier == Earlier(5.0, "t", ("g",))


def test_absent_needs_no_more() -> None:
    wish = parse({**GIVEN, "state": "absent", "binaries": None, "version": "x"}, ACCOUNT)
    assert not wish.present


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"unit": "pueued"}, 'unit: "pueued"'),
        ({"unit": "../x.service"}, "unit:"),
        ({"version": "3.4.1"}, "4.0.x"),
        ({"version": "4.1.0"}, "4.0.x"),
        ({"binaries": "bin"}, 'binaries: "bin" is relative'),
        ({"pueue_directory": "q\n"}, "pueue_directory"),
        ({"socket": "/a\nb"}, "socket: a path must not hold a line break"),
        ({"checksums": {"pueued": "abc"}}, "checksums.pueued"),
        ({"job_path": ["/a:/b"]}, "job_path"),
        ({"memory_protection": "lots"}, "memory_protection"),
        ({"listen": {"host": "::1", "port": 0}}, "listen.port: 0"),
        ({"tidy": {"schedule": "daily", "keep_days": 0}}, "tidy.keep_days: 0"),
        ({"tidy": {"schedule": " ", "keep_days": 1}}, "tidy.schedule"),
    ],
)
def test_refused(changes: t.Dict[str, t.Any], words: str) -> None:
    with pytest.raises(FleetError) as refused:
        parse({**GIVEN, **changes}, ACCOUNT)
    assert words in refused.value.message


def test_a_runtime_directory_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    own = Account.own({"XDG_RUNTIME_DIR": str(tmp_path)})
    assert own.runtime == tmp_path
    uid = os.getuid()
    assert Account.own({}).runtime == Path(f"/run/user/{uid}")
    assert Account.own({"XDG_RUNTIME_DIR": "/nowhere"}).runtime == Path(f"/run/user/{uid}")
    values = own.environ({"PUEUE_CONFIG_PATH": "/x", "PATH": "/bin"})
    assert "PUEUE_CONFIG_PATH" not in values and values["PATH"] == "/bin"
    assert values["DBUS_SESSION_BUS_ADDRESS"] == f"unix:path={tmp_path}/bus"
