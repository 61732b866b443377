# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""``host_program``: from parameters to a version's directory, there or gone."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

from .._errors import FleetError
from .._host import program_users, programs
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
    links = programs.our_links(directory, name, folder=folder)
    processes = {place: programs.in_use(place) for place in places}
    users = _users(request, places, links, folder=folder)
    # In check mode, what runs from it now may be what would be stopped before.
    gone = tuple(
        one
        for one in places
        if users[one] is None and (processes[one] is None or request.check_mode)
    )
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
        warnings=[*_kept_for(processes, users)],
    )


def _users(
    request: Request,
    places: t.Sequence[Path],
    links: t.Sequence[Path],
    *,
    folder: t.Optional[Path],
) -> t.Dict[Path, t.Optional[str]]:
    """Which service of the host would miss each of these."""
    leaving = [_absolute(path, option="except_units") for path in request.params["except_units"]]
    services = program_users.units(leaving=leaving)
    home = program_users.account_of(folder) if folder else None
    return {
        place: program_users.user_of(
            place,
            [one for one in links if _target(one) == place],
            services=services,
            home=home,
        )
        for place in places
    }


def _kept_for(
    processes: t.Mapping[Path, t.Optional[int]], users: t.Mapping[Path, t.Optional[str]]
) -> t.Iterator[str]:
    for place, process in processes.items():
        if process is not None:
            yield f'"{place}" stays as long as process {process} runs from it.'
        elif users[place] is not None:
            yield f'"{place}" stays, because {users[place]} uses it.'


def _target(link: Path) -> Path:
    """The version that a link of ours points into."""
    return Path(os.readlink(str(link))).parent


def _absolute(value: str, *, option: str) -> Path:
    path = Path(os.path.expanduser(value))
    if not path.is_absolute():
        raise FleetError(f'{option} "{value}" is relative; give an absolute path or one with "~".')
    return path
