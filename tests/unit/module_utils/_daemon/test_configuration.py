# SPDX-License-Identifier: GPL-3.0-or-later
"""pueue's configuration: our keys in, everything else as it was."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._daemon import configuration
from ansible_collections.fleet.jobs.plugins.module_utils._daemon.wish import DaemonWish
from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError
from ansible_collections.fleet.jobs.plugins.module_utils._pueue import yaml
from ansible_collections.fleet.jobs.tests.support.daemon_wish import ACCOUNT, ENVIRON, WISH

OURS = {
    "pueue_directory": "/home/jobs/.local/share/pueue",
    "runtime_directory": "/run/user/1000/pueued",
    "pid_path": "/run/user/1000/pueued/pueue.pid",
    "use_unix_socket": True,
    "unix_socket_path": "/run/user/1000/pueued/pueue.socket",
}
# What pueued 4.0.4 writes by itself at its first start, shortened.
GENERATED = """---
client:
  restart_in_place: false
  read_local_logs: true
  status_time_format: '%H:%M:%S'
  status_datetime_format: |-
    %Y-%m-%d
    %H:%M:%S
daemon:
  callback: null
  shell_command: null
shared:
  pueue_directory: null
  runtime_directory: null
  use_unix_socket: true
  unix_socket_path: null
  unix_socket_permissions: 448
  host: 127.0.0.1
  port: '6924'
"""


def _plan(
    current: t.Optional[str], wish: DaemonWish = WISH, **changes: t.Any
) -> configuration.ConfigPlan:
    wanted = replace(wish, **changes)
    return configuration.plan(wanted, ACCOUNT, current=current, environ=ENVIRON)


def test_a_new_file_has_everything_explicit() -> None:
    made = _plan(None)
    assert made.write and made.before == {} and made.after == OURS
    content = yaml.parse(made.text)
    assert (content["client"], content["daemon"]) == ({}, {})
    assert str(made.config.unix_socket_path) == OURS["unix_socket_path"]
    again = _plan(made.text)
    assert not again.write and again.before == again.after == OURS


@pytest.mark.parametrize(
    "current",
    [
        GENERATED,
        '{"shared": {"unix_socket_permissions": 448}, "client": {}, "daemon": {"callback": "x"}}',
        "shared:\nclient: {}\n",
        "client:\n    dark_mode: true  # at night\nshared:\n    # mine\n    host: 10.0.0.1\n",
        "daemon:\n  env_vars:\n    A: 'x: y'\n    B: \"1\"\n  shell_command: [sh, -c, 'a, b']\n",
        "shared: {}\n",
        "",
        "profiles:\n  other:\n    shared:\n      host: x\n",
    ],
)
def test_what_is_not_ours_stays(current: str) -> None:
    made = _plan(current)
    assert made.after == OURS
    before, now = yaml.parse(current) or {}, yaml.parse(made.text)
    for section, values in before.items():
        for key, value in (values or {}).items() if isinstance(values, dict) else ():
            if not (section == "shared" and key in OURS):
                assert now[section][key] == value
    assert not _plan(made.text).write


def test_a_file_is_edited_in_place_and_keeps_its_comments() -> None:
    text = "# top\nshared:\n  # below\n  use_unix_socket: false # why\n  host: h\nclient: {}\n"
    made = _plan(text, socket=Path("/home/jobs/s"))
    assert not made.comments_lost
    lines = made.text.splitlines()
    for line in ("# top", "  # below", "  use_unix_socket: true # why", "  host: h", "client: {}"):
        assert line in lines


def test_comments_that_cannot_be_kept_are_told() -> None:
    made = _plan("{shared: {host: h}} # all on one line\n")
    assert made.comments_lost and yaml.parse(made.text)["shared"]["host"] == "h"


def test_a_file_that_says_it_all_is_not_touched() -> None:
    text = (
        "client: {}\ndaemon: {}\n# mine\nshared: {pueue_directory: /q, runtime_directory: /r,\n"
        " pid_path: /r/pid, use_unix_socket: true, unix_socket_path: /r/s}\n"
    )
    made = _plan(text)
    assert (made.write, made.text) == (False, text)
    assert made.before == made.after


def test_what_the_file_says_holds_where_the_options_say_nothing() -> None:
    made = _plan("shared:\n  pueue_directory: ~/q\n  use_unix_socket: false\n  port: '7000'\n")
    assert made.config.pueue_directory == Path("/home/jobs/q")
    assert (made.config.use_unix_socket, made.config.address) == (False, "127.0.0.1:7000")


def test_tcp_and_back() -> None:
    tcp = _plan(GENERATED, listen=("127.0.0.1", 6925))
    assert tcp.config.address == "127.0.0.1:6925"
    assert yaml.parse(tcp.text)["shared"]["port"] == "6925"
    assert '"6925"' in tcp.text, "pueue refuses a port that is a number"
    back = _plan(tcp.text, socket=Path("/run/user/1000/s"))
    assert back.config.address == "/run/user/1000/s"


def test_another_runtime_directory_takes_socket_and_pid_file_along() -> None:
    made = _plan(_plan(None).text, runtime_directory=Path("/run/user/1000/other"))
    assert made.config.pid_path == Path("/run/user/1000/other/pueue.pid")
    assert made.config.unix_socket_path == Path("/run/user/1000/other/pueue.socket")


@pytest.mark.parametrize(
    ("current", "changes", "words"),
    [
        ("- a\n", {}, "no mapping"),
        ("shared: &x\n  a: b\n", {}, "Cannot understand"),
        (None, {"socket": Path("/" + "s" * 120)}, "121 bytes"),
    ],
)
def test_refused(current: t.Optional[str], changes: t.Dict[str, t.Any], words: str) -> None:
    with pytest.raises(FleetError, match=words):
        _plan(current, **changes)
