# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""One look at a host: units, configuration, daemons that run, tasks there are. Changes nothing."""

from __future__ import annotations

import os
import sys
import time
import typing as t
from pathlib import Path

from .._dataclass import dataclass, replace
from .._errors import FleetError
from .._jobs.environment import job_path
from .._pueue.client import Client
from .._pueue.config import Config, parse_config
from .._pueue.errors import DaemonUnreachable
from .._pueue.snapshot import Snapshot, Task
from . import binaries, configuration, unit, unit_steps
from .manager import Manager, UnitState
from .residents import Resident, residents
from .wish import Account, DaemonWish

_SHOWN = 5
_ANSWER_SECONDS = 15.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Neighbour:
    """Another instance of ours, by the unit file it has; its places by the options' names."""

    unit: str
    places: t.Mapping[str, str]


@dataclass(frozen=True)
class Sight:
    """What was found; ``problem`` is what keeps the wish from being carried out."""

    account: Account
    problem: t.Optional[str]
    state: UnitState
    timer: UnitState
    config_text: t.Optional[str]
    config: t.Optional[configuration.ConfigPlan]
    unit_files: t.Mapping[str, str]
    helper: t.Optional[str]
    job_path: t.Tuple[str, ...]
    residents: t.Tuple[Resident, ...]
    program: str
    places: t.Mapping[str, str]
    neighbours: t.Tuple[Neighbour, ...]
    open_folders: t.Tuple[Path, ...]
    snapshot: t.Optional[Snapshot]
    state_problem: t.Optional[str]
    left_behind: t.Optional[t.Tuple[Path, int]] = None
    schedule_problem: t.Optional[str] = None

    @property
    def own(self) -> t.Optional[Resident]:
        """The process of the unit, where it runs."""
        mine = [one for one in self.residents if one.pid == self.state.pid and self.state.runs]
        return mine[0] if mine else None

    @property
    def strangers(self) -> t.Tuple[Resident, ...]:
        """Daemons in the way that are not the unit's."""
        return tuple(one for one in self.residents if one is not self.own)

    @property
    def running(self) -> t.Tuple[Task, ...]:
        """Tasks that would end with the daemon; a stopped one dies as well."""
        return running(self.snapshot)


def running(snapshot: t.Optional[Snapshot]) -> t.Tuple[Task, ...]:
    """Tasks with a process of their own."""
    tasks = snapshot.tasks.values() if snapshot else ()
    return tuple(task for task in tasks if task.status in ("Running", "Paused"))


def jobs_run(tasks: t.Sequence[Task]) -> str:
    """How many run, and the first few by name."""
    if not tasks:
        return "no job runs"
    names = [f'"{task.label}"' if task.label else f"task {task.id} (no label)" for task in tasks]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    counted = "1 job runs" if len(tasks) == 1 else f"{len(tasks)} jobs run"
    return f"{counted} ({', '.join(names[:_SHOWN])}{more})"


def queue_words(sight: Sight) -> str:
    """How much is in the queue, and what of it runs."""
    if sight.snapshot is None:
        return "with a queue that cannot be read"
    count = len(sight.snapshot.tasks)
    return f"with {count} tasks, and {jobs_run(sight.running)}" if count else "with no task"


def look(
    wish: DaemonWish, account: Account, manager: Manager, *, environ: t.Mapping[str, str]
) -> Sight:
    """Look once."""
    values = account.environ(environ)
    text = read(wish.config_path)
    made = None
    if wish.present:
        made = configuration.plan(wish, account, current=text, environ=values)
    config = made.config if made else existing(wish, text, environ=values)
    problem = binaries.problem(wish, environ=values) if wish.present else None
    no_manager = manager.problem()
    found = in_the_way(config, wish, account)
    if not no_manager:
        found = tuple(_by_unit_or_hand(one, manager) for one in found)
    state = UnitState() if no_manager else manager.state(wish.unit)
    snapshot, broken = tasks_of(config, found)
    return Sight(
        account=account,
        problem=problem or no_manager,
        state=state,
        timer=UnitState() if no_manager else manager.state(unit.tidy_names(wish)[1]),
        config_text=text,
        config=made,
        unit_files=_unit_files(wish, account),
        helper=read(wish.helper),
        job_path=job_path(wish.state_dir),
        residents=found,
        program=os.path.realpath(str(wish.pueued)),
        places=_places(wish.config_path, wish.state_dir, config.pueue_directory if config else ""),
        neighbours=tuple(_neighbours(wish, account)),
        open_folders=_open_folders(wish, config),
        snapshot=snapshot,
        state_problem=broken,
        left_behind=_left_behind(wish, text, config, environ=values),
        schedule_problem=manager.schedule_problem(wish.tidy.schedule) if wish.tidy else None,
    )


def existing(
    wish: DaemonWish, text: t.Optional[str], *, environ: t.Mapping[str, str]
) -> t.Optional[Config]:
    """The configuration as it lies there."""
    return None if text is None else parse_config(text, path=wish.config_path, environ=environ)


def in_the_way(
    config: t.Optional[Config], wish: DaemonWish, account: Account
) -> t.Tuple[Resident, ...]:
    """Daemons of this account that use this configuration, or sit where it would sit."""
    here = os.path.realpath(str(wish.config_path))
    return tuple(
        one
        for one in residents(uid=account.uid)
        if (config is not None and one.serves(config))
        or (one.config is not None and os.path.realpath(str(one.config.path)) == here)
    )


def _by_unit_or_hand(one: Resident, manager: Manager) -> Resident:
    if one.unit and not manager.is_main(one.unit, one.pid, user=one.user_unit):
        return replace(one, unit="", user_unit=False)
    return one


def tasks_of(
    config: t.Optional[Config], found: t.Sequence[Resident]
) -> t.Tuple[t.Optional[Snapshot], t.Optional[str]]:
    """The queue as the daemon tells it, or as its file has it; and what is wrong with the file."""
    answering = found[0].config if found and found[0].config else None
    if answering is not None:
        return ask(answering, seconds=_ANSWER_SECONDS), None
    if config is None or not config.state_file.exists():
        return None, None
    broken = unit_steps.check(config.state_file)
    if broken:
        return None, broken
    return Snapshot.from_state_file(config.state_file), None


def ask(
    config: Config,
    *,
    seconds: float,
    alive: t.Callable[[], bool] = lambda: True,
) -> Snapshot:
    """The queue, from a daemon that may have been started a moment ago."""
    limit = time.monotonic() + seconds
    while True:
        try:
            with Client.connect(config) as client:
                return client.status()
        except DaemonUnreachable:
            if time.monotonic() >= limit or not alive():
                raise
        time.sleep(_POLL_SECONDS)


def read(path: Path) -> t.Optional[str]:
    """A text file; None where there is none."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise FleetError(f'"{path}" is not UTF-8 text. Look at it, or move it away.') from error


def interpreter() -> str:
    """The Python that runs the helper before each start."""
    return sys.executable or "/usr/bin/python3"


def helper_text() -> str:
    """The source of ``unit_steps.py``, also where modules come out of an archive."""
    loader: t.Any = unit_steps.__loader__
    return str(loader.get_source(unit_steps.__name__))


def _unit_files(wish: DaemonWish, account: Account) -> t.Dict[str, str]:
    names = (wish.unit, *unit.tidy_names(wish))
    found = {name: read(account.units / name) for name in names}
    return {name: text for name, text in found.items() if text is not None}


def _neighbours(wish: DaemonWish, account: Account) -> t.Iterator[Neighbour]:
    for path in sorted(account.units.glob("*.service")):
        text = read(path) if path.name != wish.unit else None
        if text is not None and unit.ours(text) and unit.value(text, "Config"):
            found = (unit.value(text, key) for key in ("Config", "StateDir", "PueueDirectory"))
            yield Neighbour(path.name, _places(*found))


def _places(
    config: t.Union[str, Path], state_dir: t.Union[str, Path], queue: t.Union[str, Path]
) -> t.Dict[str, str]:
    """What two instances must not share, links resolved."""
    named = {"pueue_config": config, "state_dir": state_dir, "pueue_directory": queue}
    return {option: os.path.realpath(str(place)) for option, place in named.items() if str(place)}


def _open_folders(wish: DaemonWish, config: t.Optional[Config]) -> t.Tuple[Path, ...]:
    """Folders of the instance that others may look into."""
    if not wish.present or config is None:
        return ()
    folders = (config.pueue_directory, wish.state_dir)
    return tuple(
        path for path in dict.fromkeys(folders) if path.is_dir() and path.stat().st_mode & 0o077
    )


def _left_behind(
    wish: DaemonWish,
    text: t.Optional[str],
    config: t.Optional[Config],
    *,
    environ: t.Mapping[str, str],
) -> t.Optional[t.Tuple[Path, int]]:
    """Tasks in the directory that the configuration names now, where another one is wished."""
    before = existing(wish, text, environ=environ)
    if not wish.present or before is None or config is None:
        return None
    if before.state_file == config.state_file or not before.state_file.exists():
        return None
    if unit_steps.check(before.state_file):
        return before.pueue_directory, 0
    count = len(Snapshot.from_state_file(before.state_file).tasks)
    return (before.pueue_directory, count) if count else None
