# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Why finished tasks ended: the ledger's word where there is one, pueue's result elsewhere."""

from __future__ import annotations

import contextlib
import os
import typing as t
from pathlib import Path

from .._dataclass import dataclass
from .._host import systemd
from .._host.process import PROC, Stat, boot_id, every, identity, read_stat
from .._ledger.attempts import Attempt
from .._ledger.kills import Kill
from .._ledger.store import Ledger
from .._pueue.snapshot import Snapshot, Task
from .classes import without_attempt

if t.TYPE_CHECKING:
    from .instance import Instance

TASK_MARKER = "FLEET_JOBS_TASK"
# pueued and the runner read the same clock, at different moments and with rounding.
_SLACK_SECONDS = 2.0
# Tasks that died with their daemon get the moment of its next start as their end.
_DAEMON_SECONDS = 5.0


@dataclass(frozen=True)
class Host:
    """What tells a death with the daemon or the machine from any other one."""

    boot_id: str = ""
    daemon_started: t.Optional[float] = None
    earlier_starts: t.Tuple[float, ...] = ()


def this_host(pid_path: Path, *, state_dir: t.Optional[Path] = None, proc: Path = PROC) -> Host:
    """This boot, and when the daemon whose pid file this is was started, now and before."""
    started = None
    with contextlib.suppress(OSError, ValueError):
        started = process_started(int(pid_path.read_text(encoding="ascii").strip()), proc=proc)
    return Host(
        boot_id=boot_id(proc=proc),
        daemon_started=started,
        earlier_starts=_starts(state_dir / "daemon" / "state") if state_dir is not None else (),
    )


def host_of(instance: Instance) -> Host:
    """The same for the daemon and the state directory of an instance."""
    return this_host(instance.config.pid_path, state_dir=instance.state_dir)


def _starts(copies: Path) -> t.Tuple[float, ...]:
    """The service copies the state file right before each start."""
    found: t.List[float] = []
    for copy in copies.glob("state-*"):
        with contextlib.suppress(FileNotFoundError):
            found.append(copy.stat().st_mtime)
    return tuple(found)


def process_started(pid: int, *, proc: Path = PROC) -> t.Optional[float]:
    """Epoch seconds at which a live process began."""
    stat = read_stat(pid, proc=proc)
    booted = _booted(proc)
    if stat is None or stat.dead or booted is None:
        return None
    return booted + stat.start_ticks / os.sysconf("SC_CLK_TCK")


def _booted(proc: Path) -> t.Optional[float]:
    for line in (proc / "stat").read_bytes().splitlines():
        if line.startswith(b"btime "):
            return float(line.split()[1])
    return None


def of_this_run(task: Task, attempt: t.Optional[Attempt]) -> bool:
    """Whether this attempt is the run that the task stands for, and not an earlier one."""
    if attempt is None or attempt.task_key != task.marker.get(TASK_MARKER):
        return False
    return task.started is not None and attempt.started >= task.started - _SLACK_SECONDS


def class_of(
    task: Task, attempt: t.Optional[Attempt], *, killed_for: t.Optional[str], host: Host
) -> str:
    """The class of a finished task."""
    if task.ok:
        return "ok"
    if task.result == "DependencyFailed":
        return "dependency"
    own = attempt if of_this_run(task, attempt) else None
    if own is not None and own.ended is not None and own.class_:
        return own.class_
    return without_attempt(
        task.result,
        exit_code=task.exit_code,
        intended=killed_for,
        daemon_restarted=_ended_with_daemon(task, own, host),
        ours=bool(task.marker),
    )


def _ended_with_daemon(task: Task, attempt: t.Optional[Attempt], host: Host) -> t.Optional[bool]:
    if attempt is not None and _of_earlier_boot(attempt, host):
        return True
    if task.ended is None:
        return None
    # A daemon never takes up a task of an earlier one.
    if task.started is not None and any(
        task.started < start <= task.ended for start in host.earlier_starts
    ):
        return True
    if host.daemon_started is None:
        return None
    if task.started is not None and task.started >= host.daemon_started:
        return False
    after = task.ended - host.daemon_started
    if abs(after) <= _DAEMON_SECONDS:
        return True
    if after < 0:
        return None
    # However long the daemon's own start took.
    return task.started is not None and task.started < host.daemon_started - _DAEMON_SECONDS


def classes(
    snapshot: Snapshot, ledger: Ledger, *, attempts: t.Mapping[str, Attempt], host: Host
) -> t.Dict[int, str]:
    """The class of every finished task by id; the ledger is asked only about failed ones."""
    found: t.Dict[int, str] = {}
    ended = [task for task in snapshot.tasks.values() if task.done]
    kills = ledger.kills.of(task.label or "" for task in ended if task.failed)
    for task in ended:
        label = task.label or ""
        killed = _reason(kills.get((label, task.created_at)), task)
        found[task.id] = class_of(task, attempts.get(label), killed_for=killed, host=host)
    return found


def kill_reason(ledger: Ledger, task: Task) -> t.Optional[str]:
    """Why this run was killed, if one of us killed it; a kill of an earlier run does not count."""
    return _reason(ledger.kills.find(task.label or "", task.created_at), task)


def _reason(kill: t.Optional[Kill], task: Task) -> t.Optional[str]:
    if kill is None or task.started is None or kill.at < task.started - _SLACK_SECONDS:
        return None
    return kill.reason


def living_process(
    attempt: t.Optional[Attempt], *, host: Host, proc: Path = PROC
) -> t.Optional[int]:
    """A process of an attempt that was never finished: its runner, or what the runner left."""
    if attempt is None:
        return None
    return next(living_processes(attempt, host=host, proc=proc), None)


def living_processes(attempt: Attempt, *, host: Host, proc: Path = PROC) -> t.Iterator[int]:
    """All of them, the runner first."""
    if attempt.ended is not None or not attempt.pid or _of_earlier_boot(attempt, host):
        return
    runs = ":" in (attempt.boot_id or "") and identity(attempt.pid, proc=proc) == attempt.boot_id
    if runs:
        yield attempt.pid
    booted = _booted(proc)
    if booted is None:
        return
    # Before the attempt: somebody else's group, and the number was used again.
    earliest = (attempt.started - _SLACK_SECONDS - booted) * os.sysconf("SC_CLK_TCK")
    for stat in every(proc=proc):
        if stat.dead or stat.start_ticks < earliest or (runs and stat.pid == attempt.pid):
            continue
        if _left_by(attempt, stat, proc=proc):
            yield stat.pid


def _left_by(attempt: Attempt, stat: Stat, *, proc: Path) -> bool:
    """In the runner's group, in its scope, or with its marks: setsid alone escapes the first."""
    if stat.group == attempt.pid:
        return True
    cgroup = _content(proc / str(stat.pid) / "cgroup")
    if attempt.pid and systemd.is_scope_of(attempt.pid, cgroup.decode(errors="replace")):
        return True
    marks = _content(proc / str(stat.pid) / "environ").split(b"\0")
    label, number = attempt.label.encode(), str(attempt.number).encode()
    if not {b"FLEET_JOBS_LABEL=" + label, b"FLEET_JOBS_ATTEMPT=" + number} <= set(marks):
        return False
    keys = [mark for mark in marks if mark.startswith(f"{TASK_MARKER}=".encode())]
    # Another instance's job may have the same label and number; a job beside a queue has no key.
    return not keys or keys == [f"{TASK_MARKER}={attempt.task_key}".encode()]


def _content(path: Path) -> bytes:
    """Nothing where it is gone by now, or another account's."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _of_earlier_boot(attempt: Attempt, host: Host) -> bool:
    """The runner stores its process's identity, which begins with the boot."""
    boot = (attempt.boot_id or "").partition(":")[0]
    return bool(boot and host.boot_id) and boot != host.boot_id
