# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""``host_program``: from parameters to a version's directory, there or gone."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

from .._errors import FleetError
from .._host import programs
from .outcome import Outcome, Request


def change(request: Request) -> Outcome:
    """Have the programs, or have them no more."""
    params = request.params
    names = tuple(params["programs"]) or (params["name"],)
    programs.check_names([params["name"], *names])
    if params["state"] == "absent":
        return _absent(request)
    programs.check_names([params["version"]])
    programs.check_checksums(params["checksums"], names)
    wish = programs.Wish(
        name=params["name"],
        version=params["version"],
        programs=names,
        directory=_absolute(params["directory"], option="directory"),
        checksums=params["checksums"],
        links=_absolute(params["links"], option="links") if params["links"] else None,
    )
    return _present(request, wish)


def _present(request: Request, wish: programs.Wish) -> Outcome:
    standing = programs.look(wish)
    actions = programs.sentences(wish, standing)
    if not request.check_mode:
        if not standing.installed:
            files = _files(request, wish)
            if not files:
                return Outcome(data={"files_missing": True})
            programs.install(wish, files)
        programs.link(wish, standing.links)
    return Outcome(
        changed=bool(actions),
        actions=actions,
        before={"installed": standing.installed, "links": len(standing.links)},
        after={"installed": True, "links": 0},
        data={"directory": str(wish.place)},
        warnings=[
            f'"{path}" is not a link of ours and stays as it is; "{wish.place / path.name}" is '
            "what was asked for."
            for path in standing.foreign
        ],
    )


def _files(request: Request, wish: programs.Wish) -> t.Dict[str, Path]:
    """Where the files are on this host; empty as long as they have to be sent."""
    params = request.params
    received = {name: Path(path) for name, path in params["received"].items()}
    if received or not params["source"]:
        if not received:
            raise FleetError(
                f'"{wish.place}" is not there, and no source says where {wish.name} '
                f"{wish.version} comes from."
            )
        return received
    source = Path(params["source"])
    return {name: source / name for name in wish.programs} if params["remote_source"] else {}


def _absent(request: Request) -> Outcome:
    params = request.params
    name, version = params["name"], params["version"]
    directory = _absolute(params["directory"], option="directory")
    folder = _absolute(params["links"], option="links") if params["links"] else None
    places = programs.versions(directory, name)
    if version:
        places = tuple(place for place in places if place.name == f"{name}-{version}")
    used = {place: programs.in_use(place) for place in places}
    # In check mode, what uses it now may be what would be stopped before.
    gone = tuple(one for one in places if used[one] is None or request.check_mode)
    links = programs.our_links(directory, name, folder=folder)
    links = tuple(one for one in links if _target(one) in gone or not _target(one).exists())
    if not request.check_mode:
        programs.uninstall(gone, links)
    paths = [str(path) for path in (*links, *gone)]
    return Outcome(
        changed=bool(paths),
        actions=[f'remove "{path}"' for path in paths],
        before={"paths": paths},
        after={"paths": []},
        data={"directory": str(directory)},
        warnings=[
            f'"{place}" stays as long as process {process} runs from it.'
            for place, process in used.items()
            if process is not None
        ],
    )


def _target(link: Path) -> Path:
    """The version that a link of ours points into."""
    return Path(os.readlink(str(link))).parent


def _absolute(value: str, *, option: str) -> Path:
    path = Path(os.path.expanduser(value))
    if not path.is_absolute():
        raise FleetError(f'{option} "{value}" is relative; give an absolute path or one with "~".')
    return path
