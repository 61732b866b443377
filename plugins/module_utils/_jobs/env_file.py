# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""A ``.env`` style file of secrets, read at run time and never anywhere else (AP-16)."""

from __future__ import annotations

import os
import re
import stat
import typing as t
from pathlib import Path

from .._errors import FleetError, Refused

MAX_BYTES = 1 << 20
RESERVED = ("PUEUE_", "FLEET_JOBS_", "__MISE_")
_LINE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$")
_DOUBLE = re.compile(r'^"((?:[^"\\]|\\.)*)"\s*(?:#.*)?$')
_SINGLE = re.compile(r"^'([^']*)'\s*(?:#.*)?$")
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "$": "$", "`": "`"}


def load(path: Path, *, allow_shared: bool = False) -> t.Dict[str, str]:
    """Read the file; refuse one that others can read unless ``allow_shared``.

    No message ever contains a value.
    """
    try:
        # One handle for the check and the reading: the file cannot be swapped in between.
        with path.open("rb") as stream:
            _check_mode(path, os.fstat(stream.fileno()), allow_shared=allow_shared)
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise FleetError(
            f'The environment file "{path}" cannot be read: {error.strerror}. Create it on the '
            "host (mode 0600), or correct env_file.",
            hazard="AP-16",
        ) from error
    if len(content) > MAX_BYTES:
        raise FleetError(f'The environment file "{path}" is larger than {MAX_BYTES} bytes.')
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FleetError(
            f'The environment file "{path}" is not UTF-8 at byte {error.start}.'
        ) from None
    return parse(text, name=str(path))


def parse(text: str, *, name: str) -> t.Dict[str, str]:
    """``KEY=value`` lines; what could mean two things to two readers is refused by line."""
    values: t.Dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.match(line)
        if match is None:
            raise _problem(name, number, "it is not KEY=value")
        key = match.group(1)
        if key.startswith(RESERVED):
            raise _problem(name, number, f"{key} is set by the runner itself")
        if key in values:
            raise _problem(name, number, f"{key} is there a second time")
        try:
            values[key] = _value(match.group(2))
        except ValueError as error:
            raise _problem(name, number, f"{key} {error}") from None
    return values


def _value(raw: str) -> str:
    if "\0" in raw:
        raise ValueError("has a NUL character in it")
    if raw.startswith("'"):
        single = _SINGLE.match(raw)
        if single is None:
            raise ValueError("has an unbalanced ' (a value is one line)")
        return single.group(1)
    if raw.startswith('"'):
        double = _DOUBLE.match(raw)
        if double is None:
            raise ValueError('has an unbalanced " (a value is one line; write \\n for more)')
        return _unescape(double.group(1))
    bare = _COMMENT.sub("", raw)
    if any(character in bare for character in "\"'\\`$"):
        raise ValueError("has a quote, backslash, ` or $ in it: put it in single quotes")
    return bare


def _unescape(text: str) -> str:
    if re.search(r"(?<!\\)(?:\\\\)*[$`]", text):
        raise ValueError("has $ or ` in double quotes; nothing is expanded: use single quotes")
    unknown = [one for one in re.findall(r"\\(.)", text) if one not in _ESCAPES]
    if unknown:
        raise ValueError(f"has the unknown escape \\{unknown[0]}")
    return re.sub(r"\\(.)", lambda match: _ESCAPES[match.group(1)], text)


def _problem(name: str, number: int, what: str) -> FleetError:
    return FleetError(f'The environment file "{name}", line {number}: {what}.', hazard="AP-16")


def _check_mode(path: Path, status: os.stat_result, *, allow_shared: bool) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise FleetError(f'The environment file "{path}" is not a plain file.')
    if status.st_uid not in (0, os.getuid()):
        raise Refused(
            f'The environment file "{path}" belongs to uid {status.st_uid}, neither to this '
            "account nor to root, who could change what every job runs with. Change its owner.",
            hazard="AP-16",
        )
    loose = stat.S_IMODE(status.st_mode) & 0o077
    if loose and not allow_shared:
        raise Refused(
            f'The environment file "{path}" has mode {stat.S_IMODE(status.st_mode):04o}: other '
            f'accounts can read or change it. Run "chmod 600 {path}", or allow it with '
            "env_file_shared.",
            hazard="AP-16",
        )
