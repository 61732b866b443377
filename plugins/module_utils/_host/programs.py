# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Programs in one directory for each version: checked before they are put there, never changed."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import typing as t
from pathlib import Path

from .._dataclass import dataclass, field
from .._errors import FleetError
from .._files import remove

_VERSION = re.compile(r"\d+(?:\.\d+)+\S*")
_SECONDS = 30.0
_BLOCK = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*\Z")


@dataclass(frozen=True)
class Wish:
    """Which programs, in which version; ``links`` is the folder that gets a link to each."""

    name: str
    version: str
    programs: t.Tuple[str, ...]
    directory: Path
    checksums: t.Mapping[str, str] = field(default_factory=dict)
    links: t.Optional[Path] = None

    @property
    def place(self) -> Path:
        """``<directory>/<name>-<version>``."""
        return self.directory / f"{self.name}-{self.version}"


@dataclass(frozen=True)
class Standing:
    """What there is: the version's directory, and links that have to be made."""

    installed: bool
    links: t.Tuple[Path, ...] = ()
    foreign: t.Tuple[Path, ...] = ()


def check_names(names: t.Iterable[str]) -> None:
    """A name becomes a part of a path."""
    for name in names:
        if not _NAME.match(name):
            raise FleetError(f'"{name}" cannot be a part of a file name; give a plain word.')


def check_checksums(checksums: t.Mapping[str, str], programs: t.Sequence[str]) -> None:
    """SHA-256 in hexadecimal, of programs that are meant."""
    for program, value in checksums.items():
        if program not in programs:
            raise FleetError(f'checksums: "{program}" is none of {", ".join(programs)}.')
        if not _SHA256.match(str(value)):
            raise FleetError(f'checksums: "{value}" is no SHA-256 (64 hexadecimal digits).')


def look(wish: Wish) -> Standing:
    """What is there; a directory of this version that holds something else is an error."""
    installed = wish.place.is_dir()
    if installed:
        _verify(wish, wish.place, found_in_place=True)
    links: t.List[Path] = []
    foreign: t.List[Path] = []
    for program in wish.programs if wish.links else ():
        link = t.cast(Path, wish.links) / program
        if _points_to(link, wish.place / program):
            continue
        (links if _ours(link, wish) else foreign).append(link)
    return Standing(installed=installed, links=tuple(links), foreign=tuple(foreign))


def sentences(wish: Wish, standing: Standing) -> t.List[str]:
    """What is, or would be, done."""
    said = []
    if not standing.installed:
        said.append(f'install {wish.name} {wish.version} into "{wish.place}"')
    said += [f'point "{link}" to {wish.name} {wish.version}' for link in standing.links]
    return said


def install(wish: Wish, files: t.Mapping[str, Path]) -> None:
    """Copy, check and only then give the directory its name: it is whole or absent (INV-4)."""
    _have_folder(wish.directory)
    temporary = Path(tempfile.mkdtemp(dir=str(wish.directory), prefix=".new-"))
    try:
        for program in wish.programs:
            _copy(files[program], temporary / program)
        _verify(wish, temporary, found_in_place=False)
        os.chmod(str(temporary), 0o555)
        _sync(temporary)
        try:
            os.rename(str(temporary), str(wish.place))
        except OSError:
            # Somebody else installed it in the same moment.
            if not look(wish).installed:
                raise
        _sync(wish.directory)
    finally:
        _discard(temporary)


def link(wish: Wish, links: t.Iterable[Path]) -> None:
    """Point each link to this version, in one step."""
    for path in links:
        _have_folder(path.parent)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        remove(temporary)
        temporary.symlink_to(wish.place / path.name)
        os.replace(str(temporary), str(path))


def _have_folder(path: Path) -> None:
    """For all accounts to read, whatever the umask; a folder that is there keeps its mode."""
    missing = [one for one in (path, *path.parents) if not one.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for one in missing:
        one.chmod(0o755)


def versions(directory: Path, name: str) -> t.Tuple[Path, ...]:
    """The directories of all versions of a program."""
    found = directory.glob(f"{name}-[0-9]*")
    return tuple(sorted(path for path in found if path.is_dir() and not path.is_symlink()))


def our_links(directory: Path, name: str, *, folder: t.Optional[Path]) -> t.Tuple[Path, ...]:
    """Links in ``folder`` that point into a version of the program."""
    if folder is None or not folder.is_dir():
        return ()
    links = (path for path in folder.iterdir() if path.is_symlink())
    return tuple(sorted(path for path in links if _into(path, directory, name)))


def in_use(place: Path, *, proc: Path = Path("/proc")) -> t.Optional[int]:
    """The id of a process that runs a program of ``place``."""
    inside = os.path.realpath(str(place)) + os.sep
    for entry in proc.iterdir():
        if entry.name.isdigit():
            try:
                program = os.readlink(str(entry / "exe"))
            except OSError:
                continue
            if program.startswith(inside):
                return int(entry.name)
    return None


def uninstall(places: t.Iterable[Path], links: t.Iterable[Path]) -> None:
    """Remove links first, so that none ever points to nothing."""
    for path in links:
        path.unlink()
    for place in places:
        _discard(place)


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    total = hashlib.sha256()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(_BLOCK), b""):
            total.update(block)
    return total.hexdigest()


def _verify(wish: Wish, place: Path, *, found_in_place: bool) -> None:
    advice = (
        "A version's directory is never changed: remove it when nothing runs from it, or choose "
        "another one."
        if found_in_place
        else "Nothing was installed: give the files that belong to this version and this host."
    )
    for program in wish.programs:
        path = place / program
        if not path.is_file():
            raise FleetError(f'"{place}" has no program "{program}". {advice}')
        expected = wish.checksums.get(program)
        if expected and checksum(path) != expected:
            raise FleetError(
                f'"{path}" has the SHA-256 {checksum(path)}, expected was {expected}. {advice}'
            )
        found = _version(path)
        if found != wish.version:
            raise FleetError(f'"{path} --version" says {found}, not "{wish.version}". {advice}')


def _version(path: Path) -> str:
    """What the program says of itself on this host; it also shows that it can run here."""
    environ = {"PATH": os.defpath, "HOME": "/", "LC_ALL": "C", "MISE_OFFLINE": "1"}
    try:
        done = subprocess.run(
            [str(path), "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
            check=False,
            env=environ,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = error.strerror if isinstance(error, OSError) else "it did not end"
        return f"nothing ({reason})"
    said = done.stdout.decode("utf-8", "replace").strip()
    match = _VERSION.search(said)
    return match.group(0) if match and done.returncode == 0 else f'"{said[-200:]}"'


def _copy(source: Path, target: Path) -> None:
    try:
        with source.open("rb") as origin, target.open("wb") as copy:
            shutil.copyfileobj(origin, copy, _BLOCK)
            copy.flush()
            os.fsync(copy.fileno())
    except FileNotFoundError as error:
        raise FleetError(f'There is no "{source}" on this host to install.') from error
    os.chmod(str(target), 0o555)


def _sync(folder: Path) -> None:
    handle = os.open(str(folder), os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _discard(folder: Path) -> None:
    if folder.is_dir():
        os.chmod(str(folder), 0o755)
        shutil.rmtree(str(folder))


def _points_to(link: Path, target: Path) -> bool:
    return link.is_symlink() and os.readlink(str(link)) == str(target)


def _ours(link: Path, wish: Wish) -> bool:
    """Nothing is there yet, or a link that we made for another version."""
    return not os.path.lexists(str(link)) or _into(link, wish.directory, wish.name)


def _into(link: Path, directory: Path, name: str) -> bool:
    if not link.is_symlink():
        return False
    target = Path(os.readlink(str(link)))
    return target.parent.parent == directory and target.parent.name.startswith(f"{name}-")
