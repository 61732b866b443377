# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Where pueue's own client would look for the daemon: the same file, the same defaults."""

from __future__ import annotations

import os
import pwd
import shlex
import typing as t
from pathlib import Path

from .._dataclass import dataclass
from .._errors import FleetError
from . import yaml

FILE_NAME = "pueue.yml"
_PATHS = (
    "pueue_directory",
    "runtime_directory",
    "alias_file",
    "unix_socket_path",
    "pid_path",
    "daemon_cert",
    "daemon_key",
    "shared_secret_path",
)


@dataclass(frozen=True)
class Config:
    """What pueue's configuration says, defaults filled in."""

    path: Path
    pueue_directory: Path
    runtime_directory: Path
    use_unix_socket: bool
    unix_socket_path: Path
    host: str
    port: str
    daemon_cert: Path
    shared_secret_path: Path
    pid_path: Path
    compress_state_file: bool
    shell_command: t.Optional[t.Tuple[str, ...]]
    explicit: bool = True

    @property
    def state_file(self) -> Path:
        """The file pueued rewrites at every change it saves."""
        return self.pueue_directory / ("state.json" + ".gz" * self.compress_state_file)

    def log_path(self, task_id: int) -> Path:
        """Where pueued writes the output of a task; truncated at each of its starts."""
        return self.pueue_directory / "task_logs" / f"{task_id}.log"

    @property
    def address(self) -> str:
        """The place the daemon listens on, for messages."""
        return str(self.unix_socket_path) if self.use_unix_socket else f"{self.host}:{self.port}"

    @property
    def start_command(self) -> str:
        """What a person types to start this daemon."""
        option = f" --config {shlex.quote(str(self.path))}" if self.explicit else ""
        return f"pueued{option} --daemonize"


def find_config(explicit: t.Optional[str], *, environ: t.Mapping[str, str]) -> Config:
    """The configuration pueue's client would use with ``--config explicit`` and ``environ``."""
    home = _home(environ)
    named = explicit if explicit is not None else environ.get("PUEUE_CONFIG_PATH")
    if named is not None:
        return _read(Path(named), environ=environ, explicit=True)
    personal = _xdg(environ, "XDG_CONFIG_HOME") or (home / ".config" if home else None)
    folders = [personal / "pueue"] if personal else []
    folders.append(Path("."))
    for folder in folders:
        if (folder / FILE_NAME).is_file():
            return _read(folder / FILE_NAME, environ=environ, explicit=False)
    places = " and ".join(f'"{folder / FILE_NAME}"' for folder in folders)
    raise FleetError(
        f"No pueue configuration was found; {places} do not exist and PUEUE_CONFIG_PATH is not "
        "set. pueued writes one at its first start (pueued --daemonize); where it is elsewhere, "
        "name it with pueue_config.",
        hazard="G-4",
    )


def _home(environ: t.Mapping[str, str]) -> t.Optional[Path]:
    if environ.get("HOME"):
        return Path(environ["HOME"])
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return None


def _xdg(environ: t.Mapping[str, str], name: str) -> t.Optional[Path]:
    """An XDG directory; the specification says that a relative one is to be ignored."""
    value = environ.get(name, "")
    return Path(value) if value.startswith("/") else None


def _read(path: Path, *, environ: t.Mapping[str, str], explicit: bool) -> Config:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FleetError(
            f'Cannot read pueue\'s configuration "{path}": {error.strerror}. Start pueued once '
            f"so that it writes one, or name the right file with pueue_config.",
            hazard="G-4",
        ) from error
    except UnicodeDecodeError as error:
        raise FleetError(f'pueue\'s configuration "{path}" is not UTF-8 text.') from error
    return parse_config(text, path=path, environ=environ, explicit=explicit)


def parse_config(
    text: str, *, path: Path, environ: t.Mapping[str, str], explicit: bool = True
) -> Config:
    """What pueue makes of a configuration with this text at ``path``."""
    try:
        content = yaml.parse(text)
    except yaml.YamlError as error:
        raise FleetError(
            f'Cannot understand pueue\'s configuration "{path}": {error}. '
            "Write that part in plain block YAML or as JSON."
        ) from error
    return _Reader(path, content).config(environ=environ, home=_home(environ), explicit=explicit)


class _Reader:
    """Typed access to the parsed file, which names the key that has the wrong type."""

    def __init__(self, path: Path, content: t.Any) -> None:
        self._path = path
        self._content = self._mapping(content, "the file")

    def _mapping(self, value: t.Any, where: str) -> t.Dict[str, t.Any]:
        # pueue takes nothing at all for an empty section, but refuses an explicit null.
        if value is None or (isinstance(value, yaml.Plain) and value == ""):
            return {}
        if not isinstance(value, dict):
            raise self._error(where, "a mapping", value)
        return value

    def _error(self, where: str, wanted: str, value: t.Any) -> FleetError:
        shown = f'"{value}"' if isinstance(value, str) else f"a {type(value).__name__}"
        return FleetError(
            f'pueue\'s configuration "{self._path}": {where} must be {wanted}, not {shown}; '
            "pueue refuses this file too. Correct it."
        )

    def _get(self, section: str, key: str) -> t.Any:
        return self._mapping(self._content.get(section), section).get(key)

    def _boolean(self, section: str, key: str, *, default: bool) -> bool:
        value = self._get(section, key)
        if value is None:
            return default
        word = value.boolean if isinstance(value, yaml.Plain) else None
        if word is None:
            raise self._error(f"{section}.{key}", "true or false, unquoted", value)
        return word

    def _text(self, section: str, key: str, *, default: str) -> str:
        value = self._get(section, key)
        if value is not None and not isinstance(value, str):
            raise self._error(f"{section}.{key}", "a text", value)
        return default if value is None else str(value)

    def _path_of(self, key: str, home: t.Optional[Path]) -> t.Optional[Path]:
        value = self._get("shared", key)
        if value is None or (isinstance(value, yaml.Plain) and value.empty):
            return None
        if not isinstance(value, str):
            raise self._error(f"shared.{key}", "a path", value)
        if home and (value == "~" or value.startswith("~/")):
            return Path(str(home) + value[1:])
        return Path(value)

    def _shell_command(self) -> t.Optional[t.Tuple[str, ...]]:
        value = self._get("daemon", "shell_command")
        if value is None or (isinstance(value, yaml.Plain) and value.empty):
            return None
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise self._error("daemon.shell_command", "a list of texts", value)
        return tuple(str(word) for word in value)

    def config(
        self, *, environ: t.Mapping[str, str], home: t.Optional[Path], explicit: bool
    ) -> Config:
        given = {key: self._path_of(key, home) for key in _PATHS}
        data = _xdg(environ, "XDG_DATA_HOME") or (home / ".local" / "share" if home else Path("."))
        directory = given["pueue_directory"] or data / "pueue"
        runtime = given["runtime_directory"] or _xdg(environ, "XDG_RUNTIME_DIR") or directory
        unix = self._boolean("shared", "use_unix_socket", default=True)
        return Config(
            path=self._path,
            pueue_directory=directory,
            runtime_directory=runtime,
            use_unix_socket=unix,
            unix_socket_path=given["unix_socket_path"] or runtime / self._socket_name(unix),
            host=self._text("shared", "host", default="127.0.0.1"),
            port=self._text("shared", "port", default="6924"),
            daemon_cert=given["daemon_cert"] or directory / "certs" / "daemon.cert",
            shared_secret_path=given["shared_secret_path"] or directory / "shared_secret",
            pid_path=given["pid_path"] or runtime / "pueue.pid",
            compress_state_file=self._boolean("daemon", "compress_state_file", default=False),
            shell_command=self._shell_command(),
            explicit=explicit,
        )

    def _socket_name(self, used: bool) -> str:
        """The account's name makes the default; the variable USER plays no part in it."""
        try:
            return f"pueue_{pwd.getpwuid(os.geteuid()).pw_name}.socket"
        except KeyError as error:
            if not used:
                return f"pueue_{os.geteuid()}.socket"
            raise FleetError(
                f'pueue\'s configuration "{self._path}" names no unix_socket_path, and user '
                f"{os.geteuid()} has no name to make one from. Set shared.unix_socket_path."
            ) from error
