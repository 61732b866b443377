# SPDX-License-Identifier: GPL-3.0-or-later
"""The host tool: the same bytes everywhere, whole or absent, kept as long as somebody needs it."""

from __future__ import annotations

import os
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import host_tool
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.classes import EXIT_INFRA

LAUNCHER = Path(host_tool.__file__).parent.parent / "_tool" / "launcher.py"
SOURCES = {
    "__main__.py": b"import pkg.part\nprint(pkg.part.WORD)\n",
    "launcher.py": b"#!/usr/bin/env python3\n" + LAUNCHER.read_bytes(),
    "pkg/__init__.py": b"",
    "pkg/part.py": b"WORD = 'hello'\n",
}


def digest(entries: t.Mapping[str, bytes]) -> str:
    return host_tool.digest_of(host_tool.pack(entries))


DIGEST = digest(SOURCES)


def written(folder: Path, entries: t.Optional[dict] = None) -> Path:
    path = folder / "source.zip"
    path.write_bytes(host_tool.pack(SOURCES if entries is None else entries))
    return path


def files(folder: Path) -> dict:
    return {
        str(path.relative_to(folder)): (path.lstat().st_mtime_ns, path.lstat().st_mode)
        for path in folder.rglob("*")
    }


def test_packing_is_deterministic_and_order_free() -> None:
    assert host_tool.pack(SOURCES) == host_tool.pack(dict(reversed(list(SOURCES.items()))))


def test_digest_counts_names_and_contents() -> None:
    assert digest({**SOURCES, "pkg/part.py": b"WORD = 'hellp'\n"}) != DIGEST
    assert digest({"a.py": b"", "b.py": b"x"}) != digest({"a.py": b"x", "b.py": b""})


def test_asks_for_the_file_then_installs_it_once(tmp_path: Path) -> None:
    state_dir = tmp_path / "state"
    asked = host_tool.ensure(state_dir, digest=DIGEST)
    assert asked.missing
    assert not asked.changed
    assert not state_dir.exists()

    source = written(tmp_path)
    would = host_tool.ensure(state_dir, digest=DIGEST, source=source, check_mode=True)
    assert would.changed
    assert not state_dir.exists()

    done = host_tool.ensure(state_dir, digest=DIGEST, source=source)
    assert done.changed
    assert done.present
    assert done.path.stat().st_mode & 0o777 == 0o755
    assert done.link.resolve() == done.path.resolve()
    output = subprocess.run(
        host_tool.invocation(done.path), stdout=subprocess.PIPE, check=True
    ).stdout
    assert output == b"hello\n"

    again = host_tool.ensure(state_dir, digest=DIGEST)
    assert (again.present, again.changed, again.actions) == (True, False, ())


def test_check_mode_leaves_an_installed_tool_untouched(tmp_path: Path) -> None:
    host_tool.ensure(tmp_path / "state", digest=DIGEST, source=written(tmp_path))
    before = files(tmp_path)
    host_tool.ensure(tmp_path / "state", digest=DIGEST, check_mode=True)
    assert files(tmp_path) == before


def _damaged(content: bytes, how: str) -> bytes:
    """With a bit turned around, or cut off, or nothing at all."""
    place = content.index(b"import")
    turned = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
    return {"changed": turned, "cut off": content[:-1], "empty": b""}[how]


@pytest.mark.parametrize("how", ["changed", "cut off", "empty"])
@pytest.mark.parametrize("part", ["launcher", "sources"])
def test_damaged_tool_is_replaced(tmp_path: Path, part: str, how: str) -> None:
    source = written(tmp_path)
    path = host_tool.ensure(tmp_path, digest=DIGEST, source=source).path
    file = path.with_suffix(".zip") if part == "sources" else path
    file.write_bytes(_damaged(file.read_bytes(), how))
    assert host_tool.ensure(tmp_path, digest=DIGEST).missing
    assert host_tool.ensure(tmp_path, digest=DIGEST, source=source).changed
    assert not host_tool.ensure(tmp_path, digest=DIGEST).missing


def test_file_changed_on_its_way_is_refused(tmp_path: Path) -> None:
    source = written(tmp_path, {**SOURCES, "pkg/part.py": b"WORD = 'other'\n"})
    with pytest.raises(FleetError, match="changed on its way"):
        host_tool.ensure(tmp_path, digest=DIGEST, source=source)
    source.write_bytes(b"half a file")
    with pytest.raises(FleetError, match="changed on its way"):
        host_tool.ensure(tmp_path, digest=DIGEST, source=source)
    source.unlink()
    with pytest.raises(FleetError, match="cannot be read"):
        host_tool.ensure(tmp_path, digest=DIGEST, source=source)


def _output(path: Path) -> bytes:
    return subprocess.run(host_tool.invocation(path), stdout=subprocess.PIPE, check=True).stdout


def test_what_was_compiled_for_this_interpreter_is_what_runs(tmp_path: Path) -> None:
    path = host_tool.ensure(tmp_path, digest=DIGEST, source=written(tmp_path)).path
    path.with_suffix(".zip").unlink()
    assert _output(path) == b"hello\n"


def test_the_link_runs_under_whatever_python_comes_first(tmp_path: Path) -> None:
    host_tool.ensure(tmp_path, digest=DIGEST, source=written(tmp_path))
    link = subprocess.run([str(host_tool.tool_link(tmp_path))], stdout=subprocess.PIPE, check=True)
    assert link.stdout == b"hello\n"


def test_a_tool_that_cannot_start_says_so(tmp_path: Path) -> None:
    path = host_tool.ensure(tmp_path, digest=DIGEST, source=written(tmp_path)).path
    for file in (host_tool.compiled_path(path), path.with_suffix(".zip")):
        file.write_bytes(b"\x00")
    done = subprocess.run(host_tool.invocation(path), capture_output=True, check=False)
    (line,) = done.stderr.decode().splitlines()
    assert "the sources of this tool cannot be read" in line and "install it anew" in line
    assert (done.returncode, done.stdout) == (EXIT_INFRA, b"")


@pytest.mark.parametrize("broken", ["missing", "cut off", "changed", "another's"])
def test_another_interpreter_runs_the_sources_and_compiles_them(
    tmp_path: Path, broken: str
) -> None:
    path = host_tool.ensure(tmp_path, digest=DIGEST, source=written(tmp_path)).path
    made = host_tool.compiled_path(path)
    content = made.read_bytes()
    if broken == "missing":
        made.unlink()
    else:
        half = content[: len(content) // 2]
        changed = half + bytes(len(content) - len(half))
        made.write_bytes({"cut off": half, "changed": changed, "another's": b"\x00"}[broken])
    assert _output(path) == b"hello\n"
    assert not host_tool.ensure(tmp_path, digest=DIGEST, check_mode=True).missing
    assert host_tool.ensure(tmp_path, digest=DIGEST).changed
    assert made.read_bytes() == content
    assert not host_tool.ensure(tmp_path, digest=DIGEST).changed


@pytest.mark.parametrize(
    ("named_by", "age", "kept"),
    [
        pytest.param("nobody", 7200, False, id="unused"),
        pytest.param("nobody", 60, True, id="just installed by another controller"),
        pytest.param("task", 7200, True, id="named by a task"),
        pytest.param("process", 7200, True, id="named by a process"),
    ],
)
def test_prune(tmp_path: Path, named_by: str, age: float, kept: bool) -> None:
    state_dir = tmp_path / "state"
    now = host_tool.ensure(state_dir, digest=DIGEST, source=written(tmp_path))
    old = host_tool.tool_path(state_dir, "ab" * 32)
    beside = [old.with_suffix(".zip"), host_tool.compiled_path(old)]
    for path in (old, *beside):
        path.write_bytes(b"old")
    os.utime(old, (1_000_000 - age, 1_000_000 - age))
    proc = tmp_path / "proc"
    (proc / "17").mkdir(parents=True)
    text = f"python\0-I\0-S\0{old}\0run" if named_by == "process" else "sh"
    (proc / "17" / "cmdline").write_bytes(text.encode())
    commands = [f"exec python -I -S {old} run -- true"] if named_by == "task" else ["exec true"]
    said = host_tool.prune(state_dir, commands=commands, now=1_000_000, proc=proc, check_mode=True)
    assert old.exists()
    assert (said == ()) is kept
    again = host_tool.prune(state_dir, commands=commands, now=1_000_000, proc=proc)
    assert again == said
    assert [path.exists() for path in (old, *beside)] == [kept] * 3
    assert now.path.exists() and host_tool.compiled_path(now.path).exists()


def test_prune_knows_the_name_that_earlier_releases_gave(tmp_path: Path) -> None:
    old, used = (tmp_path / "tool" / f"fleet-jobs-{name * 12}.pyz" for name in "ab")
    old.parent.mkdir()
    for path in (old, used):
        path.write_bytes(b"old")
    command = f"exec python -I -S {used} run -- true"
    said = host_tool.prune(tmp_path, commands=[command], now=path.stat().st_mtime + 7200)
    assert said == (f'Delete the unused host tool "{old.name}".',)
    assert used.exists() and not old.exists()


def test_current_follows_the_link(tmp_path: Path) -> None:
    assert host_tool.current(tmp_path) is None
    state = host_tool.ensure(tmp_path, digest=DIGEST, source=written(tmp_path))
    assert host_tool.current(tmp_path) == state.path
    state.path.unlink()
    assert host_tool.current(tmp_path) is None
