# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""One command under a verified cap, beside any queue: detached, collected later by its label."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import typing as t
from pathlib import Path

from .._dataclass import dataclass
from .._errors import FleetError
from .._files import locked, private_directory
from .._host import cap_scope, process, systemd
from .._ledger.attempts import Attempt
from .._ledger.store import Ledger
from . import attempts_view, environment, host_tool, record
from .classes import Evidence, exit_code
from .spec import JobSpec

TAIL_BYTES = 8192
_START_SECONDS = 40.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Wish:
    """What is to run; ``key`` is the name of this one start, whoever asks for it how often."""

    spec: JobSpec
    key: str
    state_dir: Path
    cap: str = "require"
    swap: int = 0
    env_file_shared: bool = False
    rerun: bool = False
    collect: bool = False


@dataclass(frozen=True)
class Seen:
    """What the ledger says about a label."""

    latest: t.Optional[Attempt]
    mine: t.Optional[Attempt]

    @property
    def running(self) -> bool:
        """The latest attempt has neither ended nor died."""
        return self.latest is not None and attempts_view.is_running(self.latest)


def look(wish: Wish, *, read_only: bool) -> Seen:
    """The label's attempts; unless ``read_only``, those of dead runners get their verdict."""
    read_only = read_only or not wish.state_dir.is_dir()
    if not read_only:
        record.merge(wish.state_dir)
    with Ledger.open(wish.state_dir, read_only=read_only) as ledger:
        if not read_only:
            attempts_view.settle(ledger, label=wish.spec.label)
        history = ledger.attempts.history(wish.spec.label)
    mine = [attempt for attempt in history if attempt.task_key == wish.key]
    return Seen(latest=history[-1] if history else None, mine=mine[-1] if mine else None)


def plan(seen: Seen, wish: Wish) -> bool:
    """Whether to start it: not a second time, not beside itself, not after it went well."""
    if wish.collect:
        if seen.latest is None:
            raise FleetError(
                f'There is nothing to collect: "{wish.spec.label}" never ran here. '
                "Start it first, with collect: false."
            )
        return False
    if seen.mine is not None or seen.running:
        return False
    done = seen.latest is not None and seen.latest.class_ == "ok"
    return wish.rerun or not done


def start(
    wish: Wish,
    *,
    tool: Path,
    lease_token: t.Optional[str] = None,
    install: t.Callable[[], object] = lambda: None,
) -> Attempt:
    """Start it detached, and return once its attempt is on record.

    ``install`` puts the tool in place; it is called once the lease allows a change.
    """
    private_directory(wish.state_dir)
    with locked(wish.state_dir / "once.lock", timeout=_START_SECONDS, holder="another start"):
        with Ledger.open(wish.state_dir) as ledger, ledger.change(lease_token):
            pass
        seen = look(wish, read_only=False)
        if not plan(seen, wish):
            return t.cast(Attempt, seen.mine or seen.latest)
        install()
        words = command(wish, tool=tool)
        for prefix in _prefixes(wish):
            attempt = _started(wish, [*prefix, *words])
            if attempt is not None:
                return attempt
    raise FleetError(
        f'"{wish.spec.label}" could not be started: the host tool "{tool}" ended without a record. '
        f'Try it by hand: "{tool}" run --help.'
    )


def command(wish: Wish, *, tool: Path) -> t.List[str]:
    """The runner's command line."""
    spec = wish.spec
    words = [*host_tool.invocation(tool), "run", "--label", spec.label, "--task", wish.key]
    words += ["--state-dir", str(wish.state_dir), "--own-log", "--cap", wish.cap]
    options: t.Dict[str, t.Any] = {
        "--memory": spec.memory,
        "--swap": wish.swap or None,
        "--timeout": spec.timeout,
        "--env-file": spec.env_file,
        "--chdir": spec.chdir or None,
    }
    for name, value in options.items():
        if value is not None:
            words += [name, str(value)]
    if wish.env_file_shared:
        words.append("--env-file-shared")
    return [*words, "--", *spec.argv]


def follow(wish: Wish, *, seconds: float) -> Seen:
    """Look until the attempt has ended or ``seconds`` are over."""
    limit = time.monotonic() + seconds
    while True:
        seen = look(wish, read_only=False)
        attempt = seen.mine or seen.latest
        if attempt is None or attempt.ended is not None or time.monotonic() >= limit:
            return seen
        _wait_for(attempt, limit=limit)


def summary(attempt: Attempt, *, now: float) -> t.Dict[str, t.Any]:
    """What a caller wants to know, log tail included."""
    ended = attempt.ended is not None
    rc: t.Optional[int] = None
    if ended:
        evidence = Evidence(exit_code=attempt.exit_code, signal=attempt.signal)
        rc = exit_code(evidence, class_=attempt.class_ or "unknown")
    return {
        "label": attempt.label,
        "attempt": attempt.number,
        "running": not ended,
        "class": attempt.class_,
        "rc": rc,
        "peak_bytes": attempt.peak_bytes,
        "cap_bytes": attempt.cap_bytes,
        "duration": round((attempt.ended or now) - attempt.started, 3),
        "enforcement": attempt.enforcement,
        "release": attempt.release,
        "log_path": attempt.log_path,
        "message": attempt.message,
        "stdout": tail(attempt.log_path),
    }


def tail(log_path: t.Optional[str], *, limit: int = TAIL_BYTES) -> str:
    """The end of the job's output, from the first whole line that fits."""
    if log_path is None:
        return ""
    try:
        with open(log_path, "rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - limit))
            content = stream.read()
    except OSError:
        return ""
    if size > limit and b"\n" in content[:-1]:
        content = content[content.index(b"\n") + 1 :]
    return content.decode("utf-8", "replace")


def _prefixes(wish: Wish) -> t.List[t.List[str]]:
    """A job without a kernel cap stays in the ssh session's scope, and a host may end that with
    the session; a scope of its own outlives it. The capped one moves itself."""
    environ = os.environ
    capped = wish.cap != "none" and wish.spec.memory is not None and cap_scope.missing() is None
    path = environ.get("PATH") or environment.DEFAULT_PATH
    program = environment.find_program("systemd-run", path=path)
    there = any(os.path.exists(place.path) for place in systemd.sockets(environ))
    if capped or program is None or not there:
        return [[]]
    manager = [] if os.getuid() == 0 else ["--user"]
    return [[program, *manager, "--scope", "--quiet", "--collect", "--"], []]


def _started(wish: Wish, words: t.Sequence[str]) -> t.Optional[Attempt]:
    values = environment.minimal(os.environ)
    values.setdefault("XDG_RUNTIME_DIR", systemd.runtime_directory(os.environ))
    child = subprocess.Popen(
        list(words),
        cwd="/",
        env=values,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    limit = time.monotonic() + _START_SECONDS
    while time.monotonic() < limit:
        over = child.poll() is not None
        mine = _recorded(wish)
        if mine is not None or over:
            return mine
        time.sleep(0.02)
    # Whoever is told that it did not start may start it again: it must not come later after all.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    return _recorded(wish)


def _recorded(wish: Wish) -> t.Optional[Attempt]:
    record.merge(wish.state_dir)
    with Ledger.open(wish.state_dir) as ledger:
        found = ledger.attempts.of_task(wish.key)
    return found[-1] if found else None


def _wait_for(attempt: Attempt, *, limit: float) -> None:
    """Until its process is gone; looking at a process is cheaper than opening the ledger."""
    while time.monotonic() < limit:
        if attempt.pid is None or process.identity(attempt.pid) is None:
            time.sleep(_POLL_SECONDS)  # what it left behind may keep the attempt open
            return
        time.sleep(_POLL_SECONDS)
