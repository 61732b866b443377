# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""What has to be done to have the daemon as wished, computed from one look; nothing is touched."""

from __future__ import annotations

import os
import typing as t

from .._errors import FleetError, Refused
from . import keeping, steps, strangers, unit
from .residents import Resident
from .sight import Sight, interpreter, jobs_run
from .steps import DaemonPlan, Facts, FileChange, kept_name
from .wish import DaemonWish


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
    if sight.schedule_problem is not None:
        raise FleetError(sight.schedule_problem)
    _refuse_neighbour(wish, sight)
    _refuse_lost_tasks(wish, sight)
    kept = strangers.to_keep(wish, sight)
    return keeping.plan_around(wish, sight, kept) if kept else _serviced(wish, sight)


def _serviced(wish: DaemonWish, sight: Sight) -> DaemonPlan:
    """As a service of the account; what others run is taken over where the wish says so."""
    if sight.config is None:
        raise AssertionError("sight.config")
    stranger = strangers.to_take_over(wish, sight)
    texts = unit.texts(wish, sight.config.config, sight.account, python=interpreter())
    own = sight.own
    why = _why_restart(wish, sight, own, texts) if own else ""
    stop = stranger or (own if why else None)
    start = stop is not None or own is None
    files = (*steps.of_daemon(wish, sight, texts), *steps.around_it(wish, sight, texts))
    timer = steps.timer_wanted(wish, sight)
    sentences = [
        *_stop_sentences(wish, sight, stop, why),
        *(change.sentence for change in files),
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
        reload=steps.in_units(sight, files),
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
