# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Which tasks are meant: by label, group and state, never by id (INV-8)."""

from __future__ import annotations

import typing as t
from fnmatch import fnmatchcase

from .._dataclass import dataclass
from .._errors import FleetError
from .snapshot import RESULTS, STATUSES, Snapshot, Task

_GLOB_LETTERS = frozenset("*?[")
_Predicate = t.Callable[[Task], bool]


def _status_is(name: str) -> _Predicate:
    return lambda task: task.status == name


def _result_is(name: str) -> _Predicate:
    return lambda task: task.result == name


_STATES: t.Dict[str, _Predicate] = {
    **{name.lower(): _status_is(name) for name in STATUSES},
    **{name.lower(): _result_is(name) for name in RESULTS},
    "active": lambda task: task.active,
    "finished": lambda task: task.done,
    # The word means every kind of failure; pueue's own result "Failed" is one of them.
    "failed": lambda task: task.failed,
}
STATE_WORDS = ("active", "finished", "failed", *STATUSES, *(n for n in RESULTS if n != "Failed"))


@dataclass(frozen=True)
class Selection:
    """An empty part does not restrict; ``latest_only`` looks at each label's newest task."""

    labels: t.Tuple[str, ...] = ()
    groups: t.Tuple[str, ...] = ()
    states: t.Tuple[str, ...] = ()
    latest_only: bool = False

    def select(self, snapshot: Snapshot) -> t.List[Task]:
        """The tasks meant, by ascending id; unlabelled ones only where no label is asked for."""
        predicates = [self._predicate(word) for word in self.states]
        exact = frozenset(label for label in self.labels if not _GLOB_LETTERS & set(label))
        globs = [label for label in self.labels if label not in exact]
        tasks = list((snapshot.latest() if self.latest_only else snapshot.tasks).values())
        if self.groups:
            tasks = [task for task in tasks if task.group in self.groups]
        if self.labels:
            tasks = [task for task in tasks if _labelled(task, exact=exact, globs=globs)]
        if predicates:
            found = {task.id: task for chosen in predicates for task in filter(chosen, tasks)}
            tasks = list(found.values())
        return sorted(tasks, key=lambda task: task.id)

    def require_groups(self, snapshot: Snapshot, *, option: str = "groups") -> None:
        """A group that is not there is a mistake, and not a group in which nothing runs."""
        unknown = sorted(set(self.groups) - set(snapshot.groups))
        if unknown:
            raise FleetError(
                f'This queue has no group "{unknown[0]}"; it has '
                f"{', '.join(sorted(snapshot.groups))}. Correct {option}, or create the group "
                "with fleet.jobs.pueue_group."
            )

    @staticmethod
    def _predicate(word: str) -> _Predicate:
        predicate = _STATES.get(word.lower())
        if predicate is None:
            known = ", ".join(name.lower() for name in STATE_WORDS)
            raise FleetError(f'"{word}" is no state of a task; use one of: {known}.')
        return predicate


def _labelled(task: Task, *, exact: t.FrozenSet[str], globs: t.Sequence[str]) -> bool:
    label = task.label
    return label is not None and (label in exact or any(fnmatchcase(label, glob) for glob in globs))
