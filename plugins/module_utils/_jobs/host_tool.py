# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The file `fleet-jobs` in front of every job on a host: installed, kept, pruned."""

from __future__ import annotations

import hashlib
import io
import marshal
import os
import sys
import time
import typing as t
import zlib
from pathlib import Path

from .._dataclass import dataclass
from .._errors import FleetError
from .._files import private_directory, remove, write_atomic

SHORT_DIGEST = 12
# A controller that installed its tool a moment ago has perhaps not queued its tasks yet.
PRUNE_AGE_SECONDS = 3600.0
LAUNCHER = "launcher.py"
_STAMP = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class ToolState:
    """Where the tool of one digest is, or would be, on this host."""

    path: Path
    link: Path
    digest: str
    present: bool
    changed: bool
    actions: t.Tuple[str, ...] = ()

    @property
    def missing(self) -> bool:
        """The module has to be run again with the file (``tool_source``)."""
        return not self.present


def tool_path(state_dir: Path, digest: str) -> Path:
    """``<state_dir>/tool/fleet-jobs-<digest12>.py``: a task's command names exactly this file.

    Beside it lie its sources (``.zip``) and what they were compiled to for this interpreter.
    """
    return state_dir / "tool" / f"fleet-jobs-{digest[:SHORT_DIGEST]}.py"


def tool_link(state_dir: Path) -> Path:
    """``<state_dir>/bin/fleet-jobs``: for people, always the current one."""
    return state_dir / "bin" / "fleet-jobs"


def invocation(path: Path, *, python: t.Optional[str] = None) -> t.List[str]:
    """The first words of every command that calls the tool; isolated and without site packages."""
    return [python or sys.executable, "-I", "-S", str(path)]


def pack(entries: t.Mapping[str, bytes]) -> bytes:
    """One archive; the same entries give the same bytes on every machine."""
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(entries):
            item = zipfile.ZipInfo(name, _STAMP)
            item.create_system = 3
            item.external_attr = 0o100644 << 16
            archive.writestr(item, entries[name])
    return buffer.getvalue()


def unpack(content: bytes) -> t.Dict[str, bytes]:
    """The entries of an archive whose digest was found right."""
    # Longer to import than all the rest, and used once per version.
    import zipfile

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def digest_of(content: bytes) -> str:
    """SHA-256 of an archive."""
    return hashlib.sha256(content).hexdigest()


def compiled(entries: t.Mapping[str, bytes]) -> bytes:
    """What the launcher opens: checksum of the rest, length of the index, index, code.

    The index says of each module whether it is a package, where its marshalled code begins and
    how long that is.
    """
    places: t.Dict[str, t.Tuple[bool, int, int]] = {}
    codes = b""
    for path, content in sorted(entries.items()):
        name, package = path[: -len(".py")].replace("/", "."), path.endswith("/__init__.py")
        code = marshal.dumps(compile(content, path, "exec", dont_inherit=True, optimize=0))
        key = name.rpartition(".")[0] if package else name
        places[key] = (package, len(codes), len(code))
        codes += code
    index = marshal.dumps(places)
    checked = len(index).to_bytes(4, "big") + index + codes
    return zlib.crc32(checked).to_bytes(4, "big") + checked


def compiled_path(path: Path) -> Path:
    """Another interpreter, also another build of this version, finds nothing there."""
    return path.with_suffix(f".{sys.implementation.cache_tag}-{sys.hexversion:x}")


def ensure(
    state_dir: Path,
    *,
    digest: str,
    source: t.Optional[Path] = None,
    check_mode: bool = False,
) -> ToolState:
    """Install the tool of ``digest`` where it is missing, damaged or not compiled for this Python.

    Without ``source`` only what is there is looked at; ``missing`` then asks for the file.
    """
    path, link = tool_path(state_dir, digest), tool_link(state_dir)
    archive = _installed(path, digest=digest)
    missing = archive is None or not _is_compiled(path)
    if archive is None and source is not None:
        archive = _received(source, digest=digest)
    actions = [f'install the host tool "{path}"'] if archive is not None and missing else []
    if archive is not None and not _points_to(link, path):
        actions.append(f'point "{link}" to "{path.name}"')
    if not check_mode and archive is not None:
        _install(path, link, archive=archive if missing else None)
    return ToolState(
        path=path,
        link=link,
        digest=digest,
        present=archive is not None,
        changed=bool(actions),
        actions=tuple(actions),
    )


def prune(
    state_dir: Path,
    *,
    commands: t.Iterable[str],
    check_mode: bool = False,
    now: t.Optional[float] = None,
    proc: Path = Path("/proc"),
) -> t.Tuple[str, ...]:
    """Delete tools that neither the link nor a task's command nor a process names; say which."""
    limit = (time.time() if now is None else now) - PRUNE_AGE_SECONDS
    newest = current(state_dir)
    tools = sorted((state_dir / "tool").glob("fleet-jobs-*"))
    # Releases before this one called the tool .pyz; what lies beside a tool goes with it.
    old = [path for path in tools if path.suffix in (".py", ".pyz") and path != newest]
    old = [path for path in old if _modified(path) < limit]
    if not old:
        return ()
    texts = [*commands, *_command_lines(proc)]
    unused = [path for path in old if not any(path.name in text for text in texts)]
    for path in unused:
        for beside in tools if not check_mode else ():
            if beside.stem == path.stem and beside != path:
                remove(beside)
        if not check_mode:
            remove(path)
    return tuple(f'Delete the unused host tool "{path.name}".' for path in unused)


def current(state_dir: Path) -> t.Optional[Path]:
    """The tool that the link names, for callers that bring no digest of their own."""
    try:
        path = state_dir / "tool" / os.path.basename(os.readlink(tool_link(state_dir)))
    except OSError:
        return None
    return path if path.is_file() else None


def _installed(path: Path, *, digest: str) -> t.Optional[bytes]:
    """The archive, where it and the launcher beside it are as they were packed."""
    try:
        archive, launcher = path.with_suffix(".zip").read_bytes(), path.read_bytes()
    except FileNotFoundError:
        return None
    # An entry is stored as it is, behind its size, the lengths of its name and of nothing, and
    # its name; so there is nothing to unpack here.
    name = LAUNCHER.encode()
    lengths = len(launcher).to_bytes(4, "little") + len(name).to_bytes(2, "little") + b"\0\0"
    whole = lengths + name + launcher in archive and digest_of(archive) == digest
    return archive if whole else None


def _received(source: Path, *, digest: str) -> bytes:
    try:
        content = source.read_bytes()
    except OSError as error:
        raise FleetError(
            f'The host tool "{source}" cannot be read: {error.strerror}. Run the task again.'
        ) from error
    found = digest_of(content)
    if found != digest:
        raise FleetError(
            f'The host tool "{source}" has the digest {found[:SHORT_DIGEST]}, expected was '
            f"{digest[:SHORT_DIGEST]}: it was changed on its way. Run the task again."
        )
    return content


def _is_compiled(path: Path) -> bool:
    try:
        content = compiled_path(path).read_bytes()
    except FileNotFoundError:
        return False
    return len(content) > 8 and zlib.crc32(content[4:]).to_bytes(4, "big") == content[:4]


def _install(path: Path, link: Path, *, archive: t.Optional[bytes]) -> None:
    private_directory(path.parent.parent)
    private_directory(path.parent)
    private_directory(link.parent)
    if archive is not None:
        entries = unpack(archive)
        # The file that tasks name comes last: where it is, the others are.
        write_atomic(path.with_suffix(".zip"), archive)
        write_atomic(compiled_path(path), compiled(entries))
        write_atomic(path, entries[LAUNCHER], mode=0o755)
    else:
        os.utime(path)
    if not _points_to(link, path):
        temporary = link.with_name(f".{link.name}.{os.getpid()}")
        remove(temporary)
        temporary.symlink_to(os.path.join("..", path.parent.name, path.name))
        os.replace(temporary, link)


def _points_to(link: Path, path: Path) -> bool:
    try:
        return os.path.basename(os.readlink(link)) == path.name
    except OSError:
        return False


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _command_lines(proc: Path) -> t.Iterator[str]:
    for entry in proc.iterdir():
        if entry.name.isdigit():
            try:
                yield (
                    (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                )
            except OSError:
                continue
