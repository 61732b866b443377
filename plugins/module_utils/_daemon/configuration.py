# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""pueue's configuration file with our few keys in it and everything else as it was."""

from __future__ import annotations

import json
import re
import typing as t

from .._dataclass import dataclass
from .._errors import FleetError
from .._pueue import yaml
from .._pueue.config import Config, parse_config
from .wish import Account, DaemonWish

_SECTIONS = ("shared", "client", "daemon")
# A unix socket's path has to fit into sockaddr_un, with its terminating zero.
_LONGEST_SOCKET = 107
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
Managed = t.Dict[str, t.Any]


@dataclass(frozen=True)
class ConfigPlan:
    """The file before and after, and what pueue makes of it."""

    config: Config
    text: str
    before: Managed
    after: Managed
    write: bool
    comments_lost: bool = False


def plan(
    wish: DaemonWish, account: Account, *, current: t.Optional[str], environ: t.Mapping[str, str]
) -> ConfigPlan:
    """Our keys set; a file that says all that already stays byte for byte as it is."""
    content = _content(wish, current)
    shared = dict(content.get("shared") or {})
    before = {key: _shown(shared.get(key)) for key in _keys(wish, shared, account, environ=environ)}
    wanted = _keys(wish, shared, account, environ=environ)
    changes = {key: value for key, value in wanted.items() if _differs(shared.get(key), value)}
    missing = [section for section in _SECTIONS if section not in content]
    text = current or ""
    lost = False
    if changes or missing:
        text, lost = _edited(current, content, changes)
    config = parse_config(text, path=wish.config_path, environ=environ)
    _check_socket(config)
    return ConfigPlan(
        config=config,
        text=text,
        before={key: value for key, value in before.items() if value is not None},
        after={key: _shown(value) for key, value in wanted.items()},
        write=text != current,
        comments_lost=lost,
    )


def with_places(wish: DaemonWish, current: str, places: t.Mapping[str, str]) -> t.Tuple[str, bool]:
    """The file with these keys of ``shared`` set, and whether its comments are lost."""
    return _edited(current, _content(wish, current), dict(places))


def _content(wish: DaemonWish, current: t.Optional[str]) -> t.Dict[str, t.Any]:
    if current is None:
        return {}
    try:
        content = yaml.parse(current)
    except yaml.YamlError as error:
        raise FleetError(
            f'Cannot understand pueue\'s configuration "{wish.config_path}": {error}. '
            "Write that part in plain block YAML or as JSON."
        ) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise FleetError(
            f'pueue\'s configuration "{wish.config_path}" is no mapping; pueue refuses it too.'
        )
    return content


def _keys(
    wish: DaemonWish,
    shared: t.Mapping[str, t.Any],
    account: Account,
    *,
    environ: t.Mapping[str, str],
) -> Managed:
    """Our keys and their values. What neither the options nor the file say is made explicit, so
    that a client over ssh, without XDG_RUNTIME_DIR, looks in the same place as the daemon."""
    given = {key: value for key, value in shared.items() if not _empty(value)}
    text = "\n".join(_block({"shared": given}, 0))
    known = parse_config(text, path=wish.config_path, environ=environ)
    runtime = wish.runtime_directory or account.runtime / wish.stem
    if wish.runtime_directory is None and "runtime_directory" in given:
        runtime = known.runtime_directory
    moved = wish.runtime_directory is not None
    pid = known.pid_path if "pid_path" in given and not moved else runtime / "pueue.pid"
    keys: Managed = {
        "pueue_directory": str(wish.pueue_directory or known.pueue_directory),
        "runtime_directory": str(runtime),
        "pid_path": str(pid),
    }
    if wish.listen or (wish.socket is None and not known.use_unix_socket):
        host, port = wish.listen or (known.host, known.port)
        return {**keys, "use_unix_socket": False, "host": host, "port": str(port)}
    socket = wish.socket or runtime / "pueue.socket"
    if wish.socket is None and "unix_socket_path" in given and not moved:
        socket = known.unix_socket_path
    return {**keys, "use_unix_socket": True, "unix_socket_path": str(socket)}


def _empty(value: t.Any) -> bool:
    return value is None or (isinstance(value, yaml.Plain) and value.empty)


def _shown(value: t.Any) -> t.Any:
    if _empty(value):
        return None
    if isinstance(value, yaml.Plain) and value.boolean is not None:
        return value.boolean
    return value if isinstance(value, bool) else str(value)


def _differs(found: t.Any, wanted: t.Any) -> bool:
    return bool(_shown(found) != wanted)


def _check_socket(config: Config) -> None:
    path = str(config.unix_socket_path)
    if config.use_unix_socket and len(path.encode()) > _LONGEST_SOCKET:
        raise FleetError(
            f'The socket "{path}" has {len(path.encode())} bytes, and the kernel takes '
            f"{_LONGEST_SOCKET}. Choose a shorter place with socket or runtime_directory."
        )


def _edited(
    current: t.Optional[str], content: t.Dict[str, t.Any], changes: Managed
) -> t.Tuple[str, bool]:
    """Line by line where that gives exactly what is meant; else written anew."""
    wanted: t.Dict[str, t.Any] = dict(content)
    wanted.update({section: {} for section in _SECTIONS if _empty(content.get(section))})
    wanted["shared"] = {**wanted["shared"], **{key: _word(v) for key, v in changes.items()}}
    if current is not None and content:
        text = _edited_lines(current, content, changes)
        if _parses_to(text, wanted):
            return text, False
    lost = current is not None and any("#" in line for line in current.splitlines())
    return "\n".join(_block(wanted, 0)) + "\n", lost


def _word(value: t.Any) -> t.Any:
    return yaml.Plain("true" if value else "false") if isinstance(value, bool) else value


def _parses_to(text: str, wanted: t.Mapping[str, t.Any]) -> bool:
    try:
        found = yaml.parse(text)
    except yaml.YamlError:
        return False
    return bool(
        isinstance(found, dict)
        and {key: ({} if _empty(value) else value) for key, value in found.items()}
        == {key: ({} if _empty(value) else value) for key, value in wanted.items()}
    )


def _edited_lines(current: str, content: t.Mapping[str, t.Any], changes: Managed) -> str:
    lines = current.rstrip("\n").split("\n")
    for section in _SECTIONS:
        if section not in content:
            lines.append(f"{section}:" if section == "shared" else f"{section}: {{}}")
    start = next((number for number, line in enumerate(lines) if _opens_shared(line)), None)
    if start is None:
        return ""
    indent = _indent_below(lines, start)
    for key, value in changes.items():
        line = f"{indent}{key}: {_scalar(_word(value))}"
        at = _line_of(lines, start, indent + key)
        if at is None:
            lines.insert(start + 1, line)
        else:
            comment = re.search(r"\s#.*$", lines[at])
            lines[at] = line + (comment.group() if comment else "")
    return "\n".join(lines) + "\n"


def _opens_shared(line: str) -> bool:
    return re.match(r"shared\s*:\s*(#.*)?$", line) is not None


def _indent_below(lines: t.Sequence[str], start: int) -> str:
    for line in lines[start + 1 :]:
        if line.strip() and not line.strip().startswith("#"):
            indent = line[: len(line) - len(line.lstrip(" "))]
            return indent or "  "
    return "  "


def _line_of(lines: t.Sequence[str], start: int, key: str) -> t.Optional[int]:
    for number in range(start + 1, len(lines)):
        line = lines[number]
        if line.strip() and not line.startswith((" ", "#")):
            return None
        if re.match(re.escape(key) + r"\s*:(\s|$)", line):
            return number
    return None


def _block(value: t.Mapping[str, t.Any], depth: int) -> t.Iterator[str]:
    """Mappings as blocks, everything else on one line."""
    for key, item in value.items():
        name = key if _WORD.fullmatch(key) else json.dumps(key, ensure_ascii=False)
        if isinstance(item, dict) and item:
            yield f"{'  ' * depth}{name}:"
            yield from _block(item, depth + 1)
        else:
            yield f"{'  ' * depth}{name}: {_scalar(item)}"


def _scalar(value: t.Any) -> str:
    if isinstance(value, yaml.Plain):
        return str(value) if not re.search(r"[,\[\]{}]", value) else json.dumps(str(value))
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(key)}: {_scalar(item)}" for key, item in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(_scalar(item) for item in value)}]"
    return json.dumps(value, ensure_ascii=False)
