# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Daemons and units that somebody else made: kept, taken over or refused, as ``adopt`` says."""

from __future__ import annotations

import typing as t

from .._errors import Refused
from . import unit
from .residents import Resident
from .sight import Sight, jobs_run, queue_words
from .wish import DaemonWish

_WAYS = (
    "adopt: keep leaves it as it is and sets up the rest, adopt: idle takes it over with all its "
    "tasks when no job runs, adopt: drain waits for those that run."
)


def to_keep(wish: DaemonWish, sight: Sight) -> t.Optional[Resident]:
    """The daemon that goes on as it is; None where there is none, or where that is not wished."""
    if wish.adopt != "keep":
        return None
    found = _stranger(wish, sight) or _foreign_own(wish, sight)
    if found is not None and wish.tidy is not None:
        for name in unit.tidy_names(wish):
            _refuse_unit_file(wish, sight, name)
    return found


def to_take_over(wish: DaemonWish, sight: Sight) -> t.Optional[Resident]:
    """The daemon beside the unit whose queue the unit gets."""
    found = _stranger(wish, sight)
    for name in (wish.unit, *(unit.tidy_names(wish) if wish.tidy else ())):
        _refuse_unit_file(wish, sight, name)
    foreign = _foreign_own(wish, sight)
    if foreign is not None:
        _refuse_foreign(wish, sight, foreign)
    return found


def _stranger(wish: DaemonWish, sight: Sight) -> t.Optional[Resident]:
    """The one daemon that no unit of this name runs; refused where the rule does not allow it."""
    if not sight.strangers:
        return None
    first = sight.strangers[0]
    found = (
        f'A pueued that is not of the unit "{wish.unit}" runs here already: process {first.pid}, '
        f"started by {first.started_by}, {queue_words(sight)}"
    )
    if first.unit and not first.user_unit and wish.adopt != "keep":
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
        raise Refused(f"{found}. Nothing was changed. {_WAYS}", hazard="INV-2")
    if wish.adopt == "idle" and sight.running:
        raise Refused(
            f"{found}. adopt is idle, and {jobs_run(sight.running)}. Nothing was changed; "
            "adopt: drain waits for them.",
            hazard="INV-2",
        )
    return first


def _refuse_unit_file(wish: DaemonWish, sight: Sight, name: str) -> None:
    found = sight.unit_files.get(name)
    if found is None or unit.ours(found) or wish.adopt in ("idle", "drain"):
        return
    raise Refused(
        f'"{sight.account.units / name}" was not written by this module. Nothing was changed; '
        "adopt: idle replaces it and keeps a copy beside it, another name with unit leaves it "
        "alone.",
        hazard="INV-2",
    )


def _foreign_own(wish: DaemonWish, sight: Sight) -> t.Optional[Resident]:
    """The daemon of a unit of this name that somebody else wrote, here or as a package does."""
    text = sight.unit_files.get(wish.unit)
    if text is None:
        ours = sight.state.fragment in ("", str(sight.account.units / wish.unit))
    else:
        ours = unit.ours(text)
    return None if ours else sight.own


def _refuse_foreign(wish: DaemonWish, sight: Sight, own: Resident) -> None:
    found = (
        f'The unit "{wish.unit}" runs (process {own.pid}), and "{sight.state.fragment}" was not '
        f"written by this module, {queue_words(sight)}. Nothing was changed."
    )
    if wish.adopt in ("refuse", "keep"):
        raise Refused(f"{found} {_WAYS}", hazard="INV-2")
    if wish.adopt == "idle" and sight.running:
        raise Refused(f"{found} adopt is idle; adopt: drain waits for them.", hazard="INV-2")
