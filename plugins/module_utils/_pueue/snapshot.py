# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What a queue held at one moment; environments are dropped on the way in."""

from __future__ import annotations

import json
import operator
import typing as t
from pathlib import Path

from .._dataclass import dataclass
from .._errors import FleetError
from .errors import MalformedReply, UnsupportedDaemon
from .timestamp import check, epoch

MARKER_PREFIX = "FLEET_JOBS_"
STATUSES = ("Queued", "Stashed", "Running", "Paused", "Locked", "Done")
RESULTS = ("Success", "Failed", "FailedToSpawn", "Killed", "Errored", "DependencyFailed")
_TIMES = {
    "created": "created_at",
    "enqueued": "enqueued_at",
    "started": "start",
    "ended": "end",
    "enqueue_at": "enqueue_at",
}
_TIME_NAMES = frozenset({"enqueued_at", "start", "end", "enqueue_at"})
_SHAPE_ERRORS = (KeyError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True)
class Task:
    """One task of the queue. Its identity is label and ``created_at``; ids are used again."""

    id: int
    label: t.Optional[str]
    group: str
    status: str
    result: t.Optional[str]
    exit_code: t.Optional[int]
    command: str
    path: str
    priority: int
    dependencies: t.Tuple[int, ...]
    created_at: str
    created: float
    enqueued: t.Optional[float]
    started: t.Optional[float]
    ended: t.Optional[float]
    enqueue_at: t.Optional[float]
    marker: t.Mapping[str, str]
    spawn_error: t.Optional[str] = None

    if not t.TYPE_CHECKING:

        def __getattr__(self, name: str) -> t.Optional[float]:
            """Times of a decoded task become numbers when they are asked for, which few ever are.

            They were checked before.
            """
            texts = self.__dict__.get("_times", {})
            if name not in _TIMES or not texts:
                raise AttributeError(f"a task has no {name}")
            text = texts.get(_TIMES[name])
            self.__dict__[name] = moment = None if text is None else epoch(text)
            return moment

    @property
    def done(self) -> bool:
        return self.status == "Done"

    @property
    def active(self) -> bool:
        return self.status != "Done"

    @property
    def ok(self) -> bool:
        return self.result == "Success"

    @property
    def failed(self) -> bool:
        return self.status == "Done" and self.result != "Success"

    @property
    def identity(self) -> t.Tuple[t.Optional[str], str]:
        return (self.label, self.created_at)

    @classmethod
    def from_wire(cls, wire: t.Mapping[str, t.Any]) -> Task:
        """A task as Status and the state file spell it."""
        values = _REQUIRED_VALUES(wire)
        if tuple(map(type, values)) != _REQUIRED_TYPES:
            raise _wrong_type(wire)
        number, group, command, path, priority, numbers, created_at, envs, wire_status = values
        label = wire.get("label")
        if label is not None and label.__class__ is not str:
            raise TypeError(f"label is a {type(label).__name__}")
        status, fields = _status(wire_status)
        result, exit_code, spawn_error = _result(fields.get("result"))
        task = object.__new__(cls)
        # A frozen class's own __init__ calls a function for each field.
        task.__dict__.update(
            id=number,
            label=label,
            group=group,
            status=status,
            result=result,
            exit_code=exit_code,
            command=command,
            path=path,
            priority=priority,
            dependencies=_dependencies(numbers) if numbers else (),
            created_at=created_at,
            marker=_marker(envs),
            spawn_error=spawn_error,
            _times=_times(created_at, fields),
        )
        return task


# Exactly these types: True is an int to Python, but not to pueue.
_REQUIRED: t.Dict[str, t.Type[t.Any]] = {
    "id": int,
    "group": str,
    "original_command": str,
    "path": str,
    "priority": int,
    "dependencies": list,
    "created_at": str,
    "envs": dict,
    "status": dict,
}
_REQUIRED_VALUES = operator.itemgetter(*_REQUIRED)
_REQUIRED_TYPES = tuple(_REQUIRED.values())


def _wrong_type(wire: t.Mapping[str, t.Any]) -> TypeError:
    name = next(name for name, kind in _REQUIRED.items() if wire[name].__class__ is not kind)
    return TypeError(f"{name} is a {type(wire[name]).__name__}")


def _typed(wire: t.Mapping[str, t.Any], name: str, kind: t.Type[t.Any]) -> t.Any:
    value = wire[name]
    if value.__class__ is not kind:
        raise TypeError(f"{name} is a {type(value).__name__}")
    return value


def _dependencies(numbers: t.List[t.Any]) -> t.Tuple[int, ...]:
    if not all(number.__class__ is int for number in numbers):
        raise TypeError("a dependency is no id")
    return tuple(numbers)


def _task(key: t.Union[int, str], wire: t.Mapping[str, t.Any]) -> Task:
    task = Task.from_wire(wire)
    # Requests go by the key; a key of its own would make us act on another task.
    if task.id != key and str(task.id) != key:
        raise ValueError(f"task {task.id} is listed under {key}")
    return task


def _status(wire: t.Mapping[str, t.Any]) -> t.Tuple[str, t.Mapping[str, t.Any]]:
    ((status, fields),) = wire.items()
    if status not in STATUSES:
        raise ValueError(f"unknown status {status!r}")
    return status, fields


def _result(wire: t.Any) -> t.Tuple[t.Optional[str], t.Optional[int], t.Optional[str]]:
    """Result, exit code and spawn error of a finished task."""
    if wire is None:
        return None, None, None
    name: t.Any = wire
    if isinstance(wire, dict):
        (name,) = wire
    if name not in RESULTS:
        raise ValueError(f"unknown result {name!r}")
    if name == "Failed":
        return name, _typed(wire, name, int), None
    spawn_error = _typed(wire, name, str) if name == "FailedToSpawn" else None
    return name, 0 if name == "Success" else None, spawn_error


def _times(created_at: str, fields: t.Mapping[str, t.Any]) -> t.Dict[str, str]:
    """The times of a task as pueue spells them."""
    check(created_at)
    times = {"created_at": created_at}
    for name, value in fields.items():
        if value is not None and name in _TIME_NAMES:
            check(value)
            times[name] = value
    return times


def _marker(environment: t.Mapping[str, str]) -> t.Dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(MARKER_PREFIX)}


@dataclass(frozen=True)
class Group:
    """A group of the queue; ``parallel`` 0 means no limit."""

    name: str
    status: str
    parallel: int

    @property
    def running(self) -> bool:
        return self.status == "Running"

    @classmethod
    def from_wire(cls, name: str, wire: t.Mapping[str, t.Any]) -> Group:
        return cls(
            name=name,
            status=_typed(wire, "status", str),
            parallel=_typed(wire, "parallel_tasks", int),
        )


def groups_from_wire(wire: t.Any) -> t.Dict[str, Group]:
    """Groups as Status, Group List and the state file spell them."""
    try:
        return {name: Group.from_wire(name, group) for name, group in wire.items()}
    except _SHAPE_ERRORS as error:
        raise MalformedReply(f"pueue's groups have an unknown form: {_cause(error)}.") from error


@dataclass(frozen=True)
class Snapshot:
    """All tasks and groups at one moment."""

    tasks: t.Mapping[int, Task]
    groups: t.Mapping[str, Group]

    @classmethod
    def from_wire(cls, wire: t.Any) -> Snapshot:
        """From the content of a Status reply, or of a state file (whose keys are texts)."""
        try:
            listed, named = wire["tasks"], wire["groups"]
            tasks = [_task(key, task) for key, task in listed.items()]
        except _SHAPE_ERRORS as error:
            raise MalformedReply(f"pueue's tasks have an unknown form: {_cause(error)}.") from error
        tasks.sort(key=lambda task: task.id)
        return cls(tasks={task.id: task for task in tasks}, groups=groups_from_wire(named))

    @classmethod
    def from_state_file(cls, path: Path) -> Snapshot:
        """From pueued's own file: cheap, but it lags (Parallel, Enqueue, Restart are not saved).

        Only for reports; decisions need a Status.
        """
        try:
            wire = _read_state(path)
        except FileNotFoundError as error:
            raise FleetError(
                f'pueue\'s state file "{path}" does not exist: pueued has saved nothing yet, or '
                "compress_state_file was changed. Ask the daemon instead."
            ) from error
        except (OSError, EOFError, ValueError) as error:
            raise FleetError(
                f'pueue\'s state file "{path}" cannot be read: {error}. pueued replaces such a '
                "file by an empty one at its next start; save a copy before that."
            ) from error
        _refuse_old(wire, path)
        try:
            return cls.from_wire(wire)
        except MalformedReply as error:
            raise UnsupportedDaemon(
                f'pueue\'s state file "{path}" is not one of pueue 4: {error.message}'
            ) from None

    def by_label(self) -> t.Dict[str, t.List[Task]]:
        """Tasks of each label, oldest id first; unlabelled ones are nobody's."""
        result: t.Dict[str, t.List[Task]] = {}
        for number in sorted(self.tasks):
            task = self.tasks[number]
            if task.label is not None:
                result.setdefault(task.label, []).append(task)
        return result

    def latest(self) -> t.Dict[str, Task]:
        """The newest task of each label."""
        return {label: tasks[-1] for label, tasks in self.by_label().items()}

    def duplicates(self) -> t.Dict[str, t.List[Task]]:
        """Labels with more than one active task, with those tasks."""
        active = {
            label: [task for task in tasks if task.active]
            for label, tasks in self.by_label().items()
        }
        return {label: tasks for label, tasks in active.items() if len(tasks) > 1}


def _read_state(path: Path) -> t.Any:
    if path.suffix == ".gz":
        import gzip  # slow, and a decision never reads the file

        with gzip.open(str(path), "rb") as stream:
            return json.loads(stream.read())
    return json.loads(path.read_bytes())


def _refuse_old(wire: t.Any, path: Path) -> None:
    tasks = wire.get("tasks") if isinstance(wire, dict) else None
    first = next(iter(tasks.values()), None) if isinstance(tasks, dict) else None
    if isinstance(first, dict) and "prev_status" in first:
        raise UnsupportedDaemon(
            f'pueue\'s state file "{path}" was written by pueue 3 or older, which pueue 4 would '
            "replace by an empty queue. Save it, let the queue finish under the old version, "
            "then upgrade to pueue 4.0."
        )


def _cause(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)
