# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""A daemon of somebody else stays exactly as it is; what needs no restart is set up around it."""

from __future__ import annotations

import os
import typing as t

from .._errors import Refused
from .._pueue.config import Config, parse_config
from . import configuration, steps, unit
from .residents import Resident
from .sight import Sight, interpreter, queue_words
from .steps import DaemonPlan, FileChange
from .wish import DaemonWish


def plan_around(wish: DaemonWish, sight: Sight, kept: Resident) -> DaemonPlan:
    """Nothing of it is stopped, started, enabled or disabled."""
    if sight.config is None or kept.config is None:
        raise AssertionError("config")
    _refuse_another_file(wish, kept, kept.config)
    texts = unit.texts(wish, sight.config.config, sight.account, python=interpreter())
    places = _places(wish, sight, kept.config)
    files = (*places, *steps.around_it(wish, sight, texts))
    close = tuple(path for path in sight.open_folders if path == wish.state_dir)
    timer = steps.timer_wanted(wish, sight)
    sentences = [
        *(change.sentence for change in files),
        *(f'Close the folder "{path}" to other accounts.' for path in close),
        *([f'Start the timer "{unit.tidy_names(wish)[1]}".'] if timer else []),
    ]
    gone = [change.path.name for change in files if change.text is None]
    return DaemonPlan(
        timer=timer,
        disable=tuple(name for name in gone if name.endswith(".timer")),
        files=files,
        close=close,
        reload=steps.in_units(sight, files),
        sentences=tuple(sentences),
        warnings=(_warning(sight, kept),),
        before={"state": "kept", **_texts(files, sight, new=False)},
        after={"state": "kept", **_texts(files, sight, new=True)},
        kept=kept,
    )


def _refuse_another_file(wish: DaemonWish, kept: Resident, config: Config) -> None:
    if os.path.realpath(str(config.path)) != os.path.realpath(str(wish.config_path)):
        raise Refused(
            f'pueued, process {kept.pid}, reads "{config.path}", and pueue_config is '
            f'"{wish.config_path}", so the collection would not find it. Nothing was changed; give '
            "that file as pueue_config (fleet_pueue_config in the inventory).",
            hazard="INV-2",
        )


def _places(wish: DaemonWish, sight: Sight, config: Config) -> t.Tuple[FileChange, ...]:
    """The file names the places that the daemon has from the environment of whoever started it:
    without that, as over ssh and become, a client would look elsewhere."""
    text = sight.config_text or ""
    bare = parse_config(text, path=wish.config_path, environ={"HOME": str(sight.account.home)})
    named = ("pueue_directory", "runtime_directory")
    if config.use_unix_socket and bare.address != config.address:
        told = {name: str(getattr(config, name)) for name in named}
    elif bare.pueue_directory != config.pueue_directory:
        told = {"pueue_directory": str(config.pueue_directory)}
    else:
        return ()
    wanted = {name: path for name, path in told.items() if path != str(getattr(bare, name))}
    made, lost = configuration.with_places(wish, text, wanted)
    return (FileChange(wish.config_path, made, there=True, keep=lost),)


def _warning(sight: Sight, kept: Resident) -> str:
    later = (
        "It is of the system, so root alone can end it."
        if kept.unit and not kept.user_unit
        else "adopt: idle takes it over with all its tasks when no job runs, adopt: drain waits "
        "for those that run."
    )
    return (
        f"pueued, process {kept.pid}, started by {kept.started_by}, {queue_words(sight)}, goes on "
        "as it is (adopt: keep), with its own program and not as a service of this module. "
        f"{later}"
    )


def _texts(files: t.Sequence[FileChange], sight: Sight, *, new: bool) -> steps.Facts:
    """What the difference shows, by line; a configuration may hold what nobody is to read."""
    found: steps.Facts = {}
    for change in files:
        if change.path.parent != sight.account.units:
            continue
        text = change.text if new else sight.unit_files.get(change.path.name)
        if text is not None:
            found[change.path.name] = text.splitlines()
    return found
