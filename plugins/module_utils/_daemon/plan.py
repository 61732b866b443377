# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What has to be done to have the daemon as wished, computed from one look; nothing is touched."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

from .._dataclass import dataclass, field
from .._errors import FleetError, Refused
from .._jobs.environment import job_path_file
from . import unit
from .residents import Resident
from .sight import Sight, helper_text, interpreter, jobs_run
from .wish import DaemonWish

Facts = t.Dict[str, t.Any]


@dataclass(frozen=True)
class FileChange:
    """A file as it is to be; ``text`` None removes it."""

    path: Path
    text: t.Optional[str]
    mode: int = 0o600
    there: bool = False
    keep: bool = False


@dataclass(frozen=True)
class DaemonPlan:
    """Steps in the order in which they are taken: stop, write, start."""

    stop: t.Optional[Resident] = None
    start: bool = False
    enable: bool = False
    timer: bool = False
    disable: t.Tuple[str, ...] = ()
    files: t.Tuple[FileChange, ...] = ()
    close: t.Tuple[Path, ...] = ()
    reload: bool = False
    sentences: t.Tuple[str, ...] = ()
    warnings: t.Tuple[str, ...] = ()
    before: Facts = field(default_factory=dict)
    after: Facts = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.sentences)


def plan(wish: DaemonWish, sight: Sight, *, risk: t.Optional[str] = None) -> DaemonPlan:
    """Compare the wish with the look, and refuse what would lose or end somebody's tasks.

    ``risk`` says why what runs does not live through a change of the daemon; None where it does.
    """
    _refuse_other_instance(wish, sight)
    made = _present(wish, sight) if wish.present else _absent(wish, sight)
    _refuse_unknown_queue(made)
    _refuse_freeze(wish, sight, made, risk)
    return made


# -- present ----------------------------------------------------------------------------------


def _present(wish: DaemonWish, sight: Sight) -> DaemonPlan:
    if sight.config is None:
        raise AssertionError("sight.config")
    _refuse_neighbour(wish, sight)
    _refuse_lost_tasks(wish, sight)
    stranger = _stranger(wish, sight)
    texts = unit.texts(wish, sight.config.config, sight.account, python=interpreter())
    for name in (wish.unit, *(other for other, _text in texts.others)):
        _refuse_foreign_unit(wish, sight, name)
    own = sight.own
    why = _why_restart(wish, sight, own, texts) if own else ""
    stop = stranger or (own if why else None)
    start = stop is not None or own is None
    files = _files(wish, sight, texts)
    timer = wish.tidy is not None and (sight.timer.active != "active" or not sight.timer.enabled)
    sentences = [
        *_stop_sentences(wish, sight, stop, why),
        *(_file_sentence(change) for change in files),
        *(f'Close the folder "{path}" to other accounts.' for path in sight.open_folders),
        *([] if sight.state.enabled else [f'Enable the unit "{wish.unit}".']),
        *([f'Start the unit "{wish.unit}" (pueue {wish.version}).'] if start else []),
        *([f'Start the timer "{unit.tidy_names(wish)[1]}".'] if timer else []),
    ]
    return DaemonPlan(
        stop=stop,
        start=start,
        enable=not sight.state.enabled,
        timer=timer,
        disable=_disabled(sight, stranger, files),
        files=files,
        close=sight.open_folders,
        reload=any(change.path.parent == sight.account.units for change in files),
        sentences=tuple(sentences),
        warnings=_warnings(sight),
        before=_before(wish, sight),
        after=_after(wish, sight, texts),
    )


def _refuse_other_instance(wish: DaemonWish, sight: Sight) -> None:
    """A unit is of one instance: who names another one's places means another unit."""
    text = sight.unit_files.get(wish.unit)
    for option, key in (("pueue_config", "Config"), ("state_dir", "StateDir")):
        place = unit.value(text, key) if text is not None and unit.ours(text) else ""
        if place and os.path.realpath(place) != sight.places[option]:
            raise FleetError(
                f'The unit "{wish.unit}" belongs to the instance with {option} "{place}", and '
                f'"{sight.places[option]}" was given. Nothing was changed. Give the same '
                f"{option}, or another unit's name with unit."
            )
    if sight.state.runs and sight.state.pid and sight.own is None:
        raise FleetError(
            f'The unit "{wish.unit}" runs (process {sight.state.pid}), and it cannot be told that '
            f'it serves the queue of "{wish.config_path}". Nothing was changed. Put the file back '
            "with which it was started, name its own pueue_config, or another unit."
        )


def _refuse_unknown_queue(made: DaemonPlan) -> None:
    if made.stop is not None and made.stop.config is None:
        raise FleetError(
            f"pueued, process {made.stop.pid}, would have to be ended, and its configuration "
            "cannot be read any more, so nobody can ask it what runs. Nothing was changed. Put "
            "its configuration file back, then run this again."
        )


def _refuse_neighbour(wish: DaemonWish, sight: Sight) -> None:
    for other in sight.neighbours:
        for option, place in sight.places.items():
            if place == other.places.get(option):
                raise FleetError(
                    f'{option}: "{place}" belongs to the instance of the unit "{other.unit}". Give '
                    f'the unit "{wish.unit}" another one, or the same unit\'s name.'
                )


def _refuse_lost_tasks(wish: DaemonWish, sight: Sight) -> None:
    if sight.config is None:
        raise AssertionError("sight.config")
    if sight.left_behind is not None:
        folder, count = sight.left_behind
        raise FleetError(
            f'"{folder}" holds {count or "an unreadable number of"} tasks, and pueue would start '
            f'with an empty queue in "{sight.config.config.pueue_directory}". Leave '
            "pueue_directory out, or move the directory yourself while no pueued runs."
        )
    if sight.state_problem is not None:
        raise FleetError(
            f'The state file "{sight.config.config.state_file}" {sight.state_problem}, and pueued '
            f'would replace it by an empty queue. Copies of earlier states are in "{wish.copies}" '
            "where this module has started it before; put one back, or move the file away."
        )


def _stranger(wish: DaemonWish, sight: Sight) -> t.Optional[Resident]:
    """The one daemon that is to be taken over; refused where the rule does not allow it."""
    if not sight.strangers:
        return None
    first = sight.strangers[0]
    found = (
        f'A pueued that is not of the unit "{wish.unit}" runs here already: process {first.pid}, '
        f"started by {first.started_by}, {_queue_words(sight)}"
    )
    if first.unit and not first.user_unit:
        raise Refused(
            f"{found}. This account cannot take over a system unit: stop and disable it as root "
            "when no job runs, then run this again.",
            hazard="INV-2",
        )
    if len(sight.residents) > 1 or first.config is None:
        raise Refused(
            f"{found}. {len(sight.residents)} such processes are in the way, or it cannot be told "
            "which queue it serves; end what is not wanted yourself, then run this again.",
            hazard="INV-2",
        )
    if wish.adopt == "refuse":
        raise Refused(
            f"{found}. Nothing was changed. adopt: idle takes it over with all its tasks when no "
            "job runs, adopt: drain waits for those that run.",
            hazard="INV-2",
        )
    if wish.adopt == "idle" and sight.running:
        raise Refused(
            f"{found}. adopt is idle, and {jobs_run(sight.running)}. Nothing was changed; "
            "adopt: drain waits for them.",
            hazard="INV-2",
        )
    return first


def _refuse_foreign_unit(wish: DaemonWish, sight: Sight, name: str) -> None:
    found = sight.unit_files.get(name)
    if found is None or unit.ours(found) or wish.adopt != "refuse":
        return
    raise Refused(
        f'"{sight.account.units / name}" was not written by this module. Nothing was changed; '
        "adopt: idle replaces it and keeps a copy beside it, another name with unit leaves it "
        "alone.",
        hazard="INV-2",
    )


def _why_restart(wish: DaemonWish, sight: Sight, own: Resident, texts: unit.Texts) -> str:
    """Why the daemon that runs is not the one that is wished; empty where it is."""
    if sight.config is None:
        raise AssertionError("sight.config")
    if own.replaced or own.program != sight.program:
        return f'it runs "{own.program}"'
    if not unit.same(sight.unit_files.get(wish.unit), texts.service):
        return "its unit changes"
    if sight.config.before != sight.config.after:
        return "its configuration changes"
    return ""


def _stop_sentences(
    wish: DaemonWish, sight: Sight, stop: t.Optional[Resident], why: str
) -> t.List[str]:
    if stop is None:
        return []
    said = []
    if sight.running and wish.upgrade == "freeze":
        said.append(
            f"Leave running what is in scopes of its own: {jobs_run(sight.running)}. pueue calls "
            "them killed from then on, and the collection counts them as running."
        )
    elif sight.running:
        seconds = f"{wish.drain_timeout:g} s"
        said.append(f"Let no further job start and wait up to {seconds} until none runs any more.")
    if stop is not sight.own:
        kept = len(sight.snapshot.tasks) if sight.snapshot else 0
        said.append(
            f"Take over the queue of process {stop.pid} (started by {stop.started_by}) with its "
            f"{kept} tasks, and end that process."
        )
    elif why:
        said.append(f'Stop the unit "{wish.unit}" (process {stop.pid}), because {why}.')
    return said


def _files(wish: DaemonWish, sight: Sight, texts: unit.Texts) -> t.Tuple[FileChange, ...]:
    if sight.config is None:
        raise AssertionError("sight.config")
    units = sight.account.units
    changes = []
    if sight.config.write:
        lost = sight.config.comments_lost
        there = sight.config_text is not None
        changes.append(FileChange(wish.config_path, sight.config.text, there=there, keep=lost))
    if sight.helper != helper_text():
        there = sight.helper is not None
        changes.append(FileChange(wish.helper, helper_text(), there=there))
    if sight.job_path != wish.job_path:
        text = "".join(f"{folder}\n" for folder in wish.job_path) or None
        there = bool(sight.job_path)
        changes.append(FileChange(job_path_file(wish.state_dir), text, there=there))
    found = sight.unit_files.get(wish.unit)
    if found != texts.service:
        there = found is not None
        keep = there and not unit.ours(found)
        changes.append(FileChange(units / wish.unit, texts.service, 0o644, there, keep))
    wanted = dict(texts.others)
    for name in unit.tidy_names(wish):
        text = sight.unit_files.get(name)
        if wanted.get(name) != text and (name in wanted or unit.ours(text)):
            there = text is not None
            keep = there and not unit.ours(text)
            changes.append(FileChange(units / name, wanted.get(name), 0o644, there, keep))
    return tuple(changes)


def _file_sentence(change: FileChange) -> str:
    if change.text is None:
        return f'Remove "{change.path}".'
    said = f'{"Change" if change.there else "Write"} "{change.path}"'
    if change.keep:
        return f'{said}; it stays as "{kept_name(change.path).name}" beside it.'
    return f"{said}."


def kept_name(path: Path) -> Path:
    """Where somebody's own file stays when it is replaced."""
    return path.with_name(f"{path.name}.before-fleet-jobs")


def _disabled(
    sight: Sight, stranger: t.Optional[Resident], files: t.Sequence[FileChange]
) -> t.Tuple[str, ...]:
    """Units that must not start any more: the stranger's own, and a timer that goes."""
    gone = [change.path.name for change in files if change.text is None]
    units = [name for name in gone if name.endswith(".timer")]
    if stranger is not None and stranger.unit:
        units.append(stranger.unit)
    return tuple(units)


# -- absent -----------------------------------------------------------------------------------


def _absent(wish: DaemonWish, sight: Sight) -> DaemonPlan:
    found = sight.unit_files.get(wish.unit)
    if found is not None and not unit.ours(found):
        raise Refused(
            f'"{sight.account.units / wish.unit}" was not written by this module and is not '
            "removed. Remove it yourself, or name the right unit.",
            hazard="INV-2",
        )
    units = [name for name in sight.unit_files if unit.ours(sight.unit_files[name])]
    files = [FileChange(sight.account.units / name, None) for name in units]
    if sight.helper is not None and units:
        files.append(FileChange(wish.helper, None))
    own = sight.own if found is not None else None
    sentences = [
        *_stop_sentences(wish, sight, own, "it is to be absent"),
        *(f'Remove "{change.path}".' for change in files),
    ]
    before = _before(wish, sight)
    return DaemonPlan(
        stop=own,
        disable=tuple(name for name in units if not name.endswith("-tidy.service")),
        files=tuple(files),
        reload=bool(files),
        sentences=tuple(sentences),
        before=before,
        after={"state": "absent"} if sentences else before,
    )


# -- both -------------------------------------------------------------------------------------


def _refuse_freeze(wish: DaemonWish, sight: Sight, made: DaemonPlan, risk: t.Optional[str]) -> None:
    if made.stop is None or not sight.running or wish.upgrade == "drain":
        return
    if made.stop is not sight.own:
        risk = f"{jobs_run(sight.running)} under a daemon that is not of this unit"
    if risk is not None:
        raise Refused(
            f"pueued has to be restarted, and {risk}. upgrade is freeze, which does not wait; "
            "nothing was changed. upgrade: drain waits for what runs.",
            hazard="INV-2",
        )


def _queue_words(sight: Sight) -> str:
    if sight.snapshot is None:
        return "with a queue that cannot be read"
    count = len(sight.snapshot.tasks)
    return f"with {count} tasks, and {jobs_run(sight.running)}" if count else "with no task"


def _warnings(sight: Sight) -> t.Tuple[str, ...]:
    if sight.config is None:
        raise AssertionError("sight.config")
    if not sight.config.comments_lost:
        return ()
    return (
        f'The comments of "{sight.config.config.path}" cannot be kept where they are: the file is '
        f'written anew, and the old one stays as "{kept_name(sight.config.config.path).name}".',
    )


def _before(wish: DaemonWish, sight: Sight) -> Facts:
    """The managed state as it is; texts by line, so that a difference can be read."""
    found: Facts = {"state": "present" if wish.unit in sight.unit_files else "absent"}
    if sight.state.loaded:
        found.update(enabled=sight.state.enabled, running=sight.own is not None)
    for name, text in sight.unit_files.items():
        found[name] = text.splitlines()
    if sight.config is not None and sight.config.before:
        found["config"] = dict(sight.config.before)
    if sight.job_path:
        found["job_path"] = list(sight.job_path)
    return found


def _after(wish: DaemonWish, sight: Sight, texts: unit.Texts) -> Facts:
    if sight.config is None:
        raise AssertionError("sight.config")
    made: Facts = {"state": "present", "enabled": True, "running": True}
    made[wish.unit] = texts.service.splitlines()
    for name, text in texts.others:
        made[name] = text.splitlines()
    made["config"] = dict(sight.config.after)
    if wish.job_path:
        made["job_path"] = list(wish.job_path)
    return made
