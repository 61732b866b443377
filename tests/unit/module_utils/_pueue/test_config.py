# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the daemon is looked for; tests/queue/test_client_config.py holds it against pueue."""

from __future__ import annotations

import os
import pwd
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.config import Config, find_config


def config_of(path: Path, text: str, **environ: str) -> Config:
    path.mkdir(parents=True, exist_ok=True)
    (path / "pueue.yml").write_text(text, encoding="utf-8")
    return find_config(str(path / "pueue.yml"), environ={"HOME": "/home/u", **environ})


def user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def test_defaults_without_a_session(tmp_path: Path) -> None:
    config = config_of(tmp_path, "")
    data = Path("/home/u/.local/share/pueue")
    assert config == Config(
        path=tmp_path / "pueue.yml",
        pueue_directory=data,
        runtime_directory=data,
        use_unix_socket=True,
        unix_socket_path=data / f"pueue_{user()}.socket",
        host="127.0.0.1",
        port="6924",
        daemon_cert=data / "certs" / "daemon.cert",
        shared_secret_path=data / "shared_secret",
        pid_path=data / "pueue.pid",
        compress_state_file=False,
        shell_command=None,
        explicit=True,
    )
    assert config.state_file == data / "state.json"
    assert config.log_path(7) == data / "task_logs" / "7.log"


def test_defaults_within_a_session(tmp_path: Path) -> None:
    config = config_of(tmp_path, "", XDG_RUNTIME_DIR="/run/user/7", XDG_DATA_HOME="/data")
    assert config.pueue_directory == Path("/data/pueue")
    assert config.unix_socket_path == Path(f"/run/user/7/pueue_{user()}.socket")
    assert config.pid_path == Path("/run/user/7/pueue.pid")
    assert config.shared_secret_path == Path("/data/pueue/shared_secret")


def test_relative_directories_of_a_session_are_ignored(tmp_path: Path) -> None:
    config = config_of(tmp_path, "", XDG_RUNTIME_DIR="run", XDG_DATA_HOME="data")
    assert config.runtime_directory == Path("/home/u/.local/share/pueue")


def test_everything_can_be_named(tmp_path: Path) -> None:
    config = config_of(
        tmp_path,
        """
shared:
  pueue_directory: ~/q
  runtime_directory: /run/q
  use_unix_socket: false
  unix_socket_path: '~/s'
  host: 10.0.0.1
  port: 7000
  pid_path: ~other/pid
  daemon_cert: cert
  shared_secret_path: "/s"
daemon:
  compress_state_file: true
  shell_command: [bash, -c, '{{ pueue_command_string }}']
""",
    )
    assert config.pueue_directory == Path("/home/u/q")
    assert config.unix_socket_path == Path("/home/u/s")
    assert (config.host, config.port) == ("10.0.0.1", "7000")
    assert config.pid_path == Path("~other/pid")
    assert config.daemon_cert == Path("cert")
    assert config.shared_secret_path == Path("/s")
    assert config.state_file == Path("/home/u/q/state.json.gz")
    assert config.shell_command == ("bash", "-c", "{{ pueue_command_string }}")
    assert not config.use_unix_socket
    assert config.address == "10.0.0.1:7000"


def test_null_and_empty_paths_are_defaults_but_quoted_words_are_not(tmp_path: Path) -> None:
    text = "shared:\n  pueue_directory: NULL\n  runtime_directory:\n  pid_path: 'null'\n"
    config = config_of(tmp_path, text)
    assert config.runtime_directory == Path("/home/u/.local/share/pueue")
    assert config.pid_path == Path("null")


def test_empty_sections_are_defaults(tmp_path: Path) -> None:
    assert config_of(tmp_path, "shared:\ndaemon:\n").port == "6924"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a\n", "the file must be a mapping, not a list"),
        ("hello\n", 'the file must be a mapping, not "hello"'),
        ("null", 'the file must be a mapping, not "null"'),
        ("shared: null\n", 'shared must be a mapping, not "null"'),
        ("shared: []\n", "shared must be a mapping, not a list"),
        ("shared: {use_unix_socket: yes}\n", "shared.use_unix_socket must be true or false, unq"),
        ("shared: {use_unix_socket: 'true'}\n", "shared.use_unix_socket"),
        ("shared: {use_unix_socket: null}\n", "shared.use_unix_socket"),
        ("shared: {port: [1]}\n", "shared.port must be a text"),
        ("shared: {pid_path: {}}\n", "shared.pid_path must be a path, not a dict"),
        ("daemon: {shell_command: sh}\n", "daemon.shell_command must be a list"),
        ("shared:\n  a: &x 1\n", "line 2"),
    ],
)
def test_a_wrong_file_is_refused_by_key_or_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(FleetError) as caught:
        config_of(tmp_path, text)
    assert words in str(caught.value)
    assert str(tmp_path / "pueue.yml") in str(caught.value)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pueue.yml").write_bytes(b"\xff\xfe")
    with pytest.raises(FleetError, match="not UTF-8"):
        find_config(str(tmp_path / "pueue.yml"), environ={})


class Places:
    """Four files, each telling where it lies by its port."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = {
            "explicit": root / "a.yml",
            "variable": root / "b.yml",
            "xdg": root / "xdg" / "pueue" / "pueue.yml",
            "home": root / "home" / ".config" / "pueue" / "pueue.yml",
            "here": root / "here" / "pueue.yml",
        }
        for path in self.files.values():
            path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, *names: str) -> None:
        for name in names:
            self.files[name].write_text(f"shared: {{port: {name}}}\n", encoding="utf-8")


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    found = Places(tmp_path)
    monkeypatch.chdir(tmp_path / "here")
    return found


@pytest.mark.parametrize(
    ("given", "present", "chosen"),
    [
        ({"explicit", "variable", "xdg"}, "explicit variable xdg home here", "explicit"),
        ({"variable", "xdg"}, "explicit variable xdg home here", "variable"),
        ({"xdg"}, "explicit variable xdg home here", "xdg"),
        ({"xdg"}, "home here", "here"),
        (set(), "explicit variable xdg home here", "home"),
        (set(), "explicit variable xdg here", "here"),
    ],
)
def test_the_first_place_wins(places: Places, given: t.Set[str], present: str, chosen: str) -> None:
    places.write(*present.split())
    environ = {"HOME": str(places.root / "home")}
    if "variable" in given:
        environ["PUEUE_CONFIG_PATH"] = str(places.files["variable"])
    if "xdg" in given:
        environ["XDG_CONFIG_HOME"] = str(places.root / "xdg")
    explicit = str(places.files["explicit"]) if "explicit" in given else None
    config = find_config(explicit, environ=environ)
    assert config.port == chosen
    named = chosen in ("explicit", "variable")
    assert ("--config" in config.start_command) is named


def test_a_named_file_that_is_missing_is_not_replaced_by_another(places: Places) -> None:
    places.write("home", "here")
    environ = {"HOME": str(places.root / "home")}
    missing = "/missing.yml"
    for explicit, variable in [(missing, None), (None, missing), (None, ""), ("", None)]:
        extra = {} if variable is None else {"PUEUE_CONFIG_PATH": variable}
        with pytest.raises(FleetError, match="Cannot read") as caught:
            find_config(explicit, environ={**environ, **extra})
        assert caught.value.hazard == "G-4"


def test_a_directory_of_the_right_name_is_no_file(places: Places) -> None:
    places.write("here")
    places.files["home"].mkdir()
    assert find_config(None, environ={"HOME": str(places.root / "home")}).port == "here"


def test_no_file_at_all_says_where_it_was_looked_for(places: Places) -> None:
    with pytest.raises(FleetError) as caught:
        find_config(None, environ={"HOME": str(places.root / "home")})
    assert str(places.files["home"]) in str(caught.value)
    assert "pueue_config" in str(caught.value)
    assert caught.value.hazard == "G-4"
