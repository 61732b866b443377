# SPDX-License-Identifier: GPL-3.0-or-later
"""Our reading of a configuration against that of the real pueue: same place, or both refuse."""

from __future__ import annotations

import re
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.config import find_config
from ansible_collections.fleet.jobs.tests.support.binaries import binary

_SOCKET = re.compile(r'I/O error at path "(.*)" while connecting to daemon')
_ANSI = re.compile(r"\x1b\[[0-9;]*m")

TEXTS = [
    "",
    "# only a comment\n",
    "shared:\nclient:\n",
    "shared: null\n",
    "null",
    "hello\n",
    "- a\n",
    "shared: []\n",
    "{client: {}, daemon: {}, shared: {}}",
    '{"shared": {"runtime_directory": "/r", "port": 6924}}',
    "shared:\n  runtime_directory: /r\n",
    "shared:\n  runtime_directory: ~/r\n",
    "shared:\n  runtime_directory: '~/r'\n",
    "shared:\n  runtime_directory: ~\n",
    "shared:\n  runtime_directory: '~'\n",
    "shared:\n  runtime_directory: ~root/r\n",
    "shared:\n  runtime_directory: r # comment\n",
    "shared:\n  runtime_directory: r#s\n",
    "shared:\n  runtime_directory: 5\n",
    "shared:\n  runtime_directory: 010\n",
    "shared:\n  runtime_directory: 0x10\n",
    "shared:\n  runtime_directory: 1.50\n",
    "shared:\n  runtime_directory: true\n",
    "shared:\n  runtime_directory:\n",
    "shared:\n  runtime_directory: NULL\n",
    "shared:\n  runtime_directory: 'null'\n",
    "shared:\n  runtime_directory: ''\n",
    'shared:\n  runtime_directory: "a\\x41b\\u00e9"\n',
    "shared:\n  runtime_directory: 'it''s'\n",
    "shared:\n  runtime_directory: |-\n    /block\n",
    "shared:\n  runtime_directory: >-\n    /folded\n    text\n",
    "shared:\n  runtime_directory: [a]\n",
    "shared:\n  runtime_directory: {}\n",
    "shared:\n  runtime_directory: a\n  runtime_directory: b\n",
    "shared:\n  runtime_directory: a\nshared:\n  runtime_directory: b\n",
    "shared:\n  use_unix_socket: yes\n",
    "shared:\n  use_unix_socket: 'true'\n",
    "shared:\n  use_unix_socket: null\n",
    "shared:\n  use_unix_socket: True\n",
    "shared:\n  use_unix_socket: TRUE\n",
    "shared:\n  use_unix_socket: tRUE\n",
    "shared:\n  unix_socket_path: /r/s\n  runtime_directory: /other\n",
    "shared:\n  pueue_directory: relative\n  unix_socket_path: null\n",
    "shared:\n  unix_socket_permissions: 0o700\n  runtime_directory: /r\n",
    "shared:\n    runtime_directory: /deep\n    # comment\n\n    port: '1'\nunknown: [1, {a: b}]\n",
    "---\nshared: {runtime_directory: /doc}\n",
    "shared: {runtime_directory: /a}\n---\nx: 1\n",
    "shared: {foo: {a: b\n   , c: d}, runtime_directory: /flow}\n",
    "shared:\n\truntime_directory: /tab\n",
    "shared: {runtime_directory: /open\n",
    "shared:\n  runtime_directory: a: b\n",
    "daemon: {compress_state_file: maybe}\n",
    "daemon: {shell_command: sh}\n",
    "daemon: {shell_command: [sh, 1, '{{ x }}']}\n",
    "daemon:\n  shell_command:\n  - sh\n  - -c\nshared:\n  runtime_directory: /list\n",
]

ENVIRONMENTS: t.List[t.Dict[str, str]] = [
    {},
    {"XDG_RUNTIME_DIR": "/run/user/7"},
    {"XDG_RUNTIME_DIR": "relative"},
    {"XDG_RUNTIME_DIR": ""},
    {"USER": "somebody", "LOGNAME": "else"},
]


def theirs(path: Path, environ: t.Mapping[str, str]) -> t.Optional[str]:
    """The socket that the real pueue tries, None where it refuses its configuration."""
    done = subprocess.run(
        [binary("pueue"), "--config", str(path), "group"],
        env=dict(environ),
        cwd=str(path.parent),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    text = _ANSI.sub("", done.stdout + done.stderr)
    found = _SOCKET.search(text)
    if found:
        return found.group(1)
    assert "reading configuration" in text, text
    return None


def ours(path: Path, environ: t.Mapping[str, str]) -> t.Optional[str]:
    try:
        return str(find_config(str(path), environ=environ).unix_socket_path)
    except FleetError:
        return None


def secret_for(path: Path, environ: t.Mapping[str, str], text: str) -> None:
    """pueue reads the secret before it connects, so there has to be one."""
    for directory in (path.parent / "relative", Path(environ["HOME"]) / ".local/share/pueue"):
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "shared_secret").write_text("secret", encoding="utf-8")
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("text", TEXTS)
def test_each_text_means_the_same_place(tmp_path: Path, text: str) -> None:
    environ = {"HOME": str(tmp_path / "home")}
    secret_for(tmp_path / "pueue.yml", environ, text)
    assert ours(tmp_path / "pueue.yml", environ) == theirs(tmp_path / "pueue.yml", environ)


@pytest.mark.parametrize("extra", ENVIRONMENTS)
def test_each_environment_means_the_same_place(tmp_path: Path, extra: t.Dict[str, str]) -> None:
    environ = {"HOME": str(tmp_path / "home"), **extra}
    secret_for(tmp_path / "pueue.yml", environ, "")
    place = ours(tmp_path / "pueue.yml", environ)
    assert place is not None
    assert place == theirs(tmp_path / "pueue.yml", environ)


def test_a_file_that_pueued_wrote_itself_is_read(tmp_path: Path) -> None:
    # pueued writes the file, then cannot listen, because the path of its socket is too long.
    environ = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / ("x" * 150))}
    (tmp_path / ("x" * 150)).mkdir()
    subprocess.run(
        [binary("pueued")], env=environ, capture_output=True, timeout=30, cwd="/", check=False
    )
    written = tmp_path / ".config" / "pueue" / "pueue.yml"
    assert "status_datetime_format: |-" in written.read_text(encoding="utf-8")
    config = find_config(None, environ=environ)
    assert config.path == written
    assert config.pueue_directory == tmp_path / ".local" / "share" / "pueue"
