# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""One way to run a program: argv, no terminal, a time limit, and its words kept bounded."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import typing as t
from pathlib import Path

from .._dataclass import dataclass
from .._errors import FleetError

# ssh sessions and cron lack what a login shell adds (G-11), so these places are looked at as well.
_HOME_PLACES = (".local/bin", ".cargo/bin")
# An activated mise leaves its own bookkeeping behind; a child that finds it misreads it (G-16).
_NOT_INHERITED = ("__MISE_DIFF", "__MISE_SESSION", "__MISE_ORIG_PATH")
_QUOTED_CHARACTERS = 600


@dataclass(frozen=True)
class Completed:
    """How a program ended and what it said."""

    rc: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        return os.fsdecode(self.stdout)


def inherited(environ: t.Optional[t.Mapping[str, str]] = None) -> t.Dict[str, str]:
    """The environment a child starts from: ours without what must not leak, messages in English."""
    values = dict(os.environ if environ is None else environ)
    for name in _NOT_INHERITED:
        values.pop(name, None)
    values["LC_ALL"] = "C"
    values.pop("LANGUAGE", None)
    return values


def find_program(name: str, *, environ: t.Mapping[str, str]) -> t.Optional[str]:
    """The program's path on ``PATH``, else below the home; None where there is none."""
    home = environ.get("HOME") or os.path.expanduser("~")
    folders = [place for place in environ.get("PATH", os.defpath).split(os.pathsep) if place]
    folders += [os.path.join(home, place) for place in _HOME_PLACES]
    paths = (os.path.join(folder, name) for folder in folders)
    return next((path for path in paths if os.path.isfile(path) and os.access(path, os.X_OK)), None)


def run(
    argv: t.Sequence[str],
    *,
    cwd: Path,
    environ: t.Mapping[str, str],
    timeout: float,
    stdin: bytes = b"",
    stdout: t.Optional[t.IO[bytes]] = None,
    pass_fds: t.Sequence[int] = (),
) -> Completed:
    """Run ``argv`` to its end, in its own session so that nothing can ask a terminal.

    A program that is over its time is ended with everything it started.
    """
    process = _start(argv, cwd=cwd, environ=environ, stdout=stdout, pass_fds=pass_fds)
    try:
        out, err = process.communicate(stdin, timeout=timeout)
    except subprocess.TimeoutExpired:
        _end(process)
        raise FleetError(
            f'"{_short(argv)}" in "{cwd}" was still running after {timeout:g} s and was ended. '
            "Find out what it waits for, or allow more with the option timeout."
        ) from None
    except BaseException:
        _end(process)
        raise
    return Completed(rc=process.returncode, stdout=out or b"", stderr=_text(err))


def last_words(text: str, *, limit: int = _QUOTED_CHARACTERS) -> str:
    """A program's last lines on one line, bounded, to be quoted in a message."""
    line = " ".join(part.strip() for part in text.splitlines() if part.strip())
    return line if len(line) <= limit else "... " + line[-limit:]


def _start(
    argv: t.Sequence[str],
    *,
    cwd: Path,
    environ: t.Mapping[str, str],
    stdout: t.Optional[t.IO[bytes]],
    pass_fds: t.Sequence[int],
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(argv),
            cwd=str(cwd),
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if stdout is None else stdout,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=tuple(pass_fds),
        )
    except OSError as error:
        raise FleetError(
            f'Cannot start "{argv[0]}" in "{cwd}": {error.strerror}. Check that both exist '
            "and may be used by this account."
        ) from error


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _short(argv: t.Sequence[str]) -> str:
    words = [os.path.basename(argv[0]), *(word for word in argv[1:] if not word.startswith("-"))]
    return " ".join(words[:2])[:80]


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
