# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs in a directory for each version: checked first, whole or absent, never changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._host.programs import checksum
from ansible_collections.fleet.jobs.tests.support.ansible import run_module
from ansible_collections.fleet.jobs.tests.support.binaries import VERSION, binary
from ansible_collections.fleet.jobs.tests.support.files import everything
from ansible_collections.fleet.jobs.tests.support.waiting import eventually

PROGRAMS = ("pueue", "pueued")


class Host(t.NamedTuple):
    """A folder that stands for a host, and the folder with the programs on the controller."""

    folder: Path
    source: Path

    @property
    def place(self) -> Path:
        return self.folder / "lib" / f"pueue-{VERSION}"

    @property
    def links(self) -> Path:
        return self.folder / "bin"

    def call(self, *, check: bool = False, **options: t.Any) -> t.Dict[str, t.Any]:
        usual = {
            "name": "pueue",
            "version": VERSION,
            "programs": list(PROGRAMS),
            "source": str(self.source),
            "directory": str(self.folder / "lib"),
            "links": str(self.links),
        }
        given = {**usual, **options}
        arguments = {name: value for name, value in given.items() if value is not None}
        return run_module("host_program", arguments, check=check, diff=True)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    source = tmp_path / "controller"
    source.mkdir()
    for name in PROGRAMS:
        shutil.copy(binary(name), str(source / name))
    folder = tmp_path / "host"
    folder.mkdir()
    return Host(folder, source)


def script(path: Path, said: str) -> None:
    path.write_text(f"#!/bin/sh\necho '{said}'\n")
    path.chmod(0o755)


def test_check_run_check_run(host: Host) -> None:
    foreseen = host.call(check=True)
    assert foreseen["changed"] and everything(host.folder) == {}
    done = host.call()
    assert (done["changed"], done["actions"]) == (True, foreseen["actions"])
    assert done["diff"] == foreseen["diff"]
    assert done["directory"] == foreseen["directory"] == str(host.place)
    for name in PROGRAMS:
        path = host.links / name
        assert checksum(path) == checksum(host.source / name)
        assert path.resolve().stat().st_mode & 0o7777 == 0o555
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
        assert VERSION in said.stdout

    # What is there needs no files on the controller any more, and nothing is written again.
    shutil.rmtree(str(host.source))
    before = everything(host.folder)
    for check in (True, False):
        again = host.call(check=check)
        assert not again["changed"] and again["actions"] == []
    assert everything(host.folder) == before
    assert [path.name for path in (host.folder / "lib").iterdir()] == [host.place.name]


def test_another_version_is_another_directory(host: Host) -> None:
    script(host.source / "uv", "uv 0.1.0 (some build)")
    tool = {"name": "uv", "programs": []}
    host.call(**tool, version="0.1.0")
    script(host.source / "uv", "uv 0.2.0")
    done = host.call(**tool, version="0.2.0")
    assert len(done["actions"]) == 2, "the link moves along"
    assert os.readlink(str(host.links / "uv")) == str(host.folder / "lib" / "uv-0.2.0" / "uv")
    assert (host.folder / "lib" / "uv-0.1.0" / "uv").exists(), "the way back"
    one = host.call(**tool, version="0.1.0", state="absent")
    assert [Path(path).name for path in one["diff"]["before"]["paths"]] == ["uv-0.1.0"]
    assert (host.links / "uv").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"version": "4.9.9"}, 'not "4.9.9"', id="version"),
        pytest.param({"checksums": {"pueued": "0" * 64}}, "SHA-256", id="checksum"),
        pytest.param({"checksums": {"pueued": "abc"}}, "64 hexadecimal", id="no-checksum"),
        pytest.param({"checksums": {"uv": "0" * 64}}, "none of pueue", id="unknown-program"),
        pytest.param({"programs": ["pueue", "pueuex"]}, "pueuex", id="file-missing"),
        pytest.param({"source": None}, "no source", id="no-source"),
        pytest.param({"version": "../x"}, "file name", id="path-in-version"),
        pytest.param({"version": None}, "version", id="no-version"),
    ],
)
def test_what_does_not_fit_is_not_installed(
    host: Host, options: t.Dict[str, t.Any], words: str
) -> None:
    failed = host.call(**options)
    assert failed["failed"] and words in failed["msg"], failed
    assert [path for path in host.folder.rglob("*") if path.name != "lib"] == []


def test_a_program_that_cannot_run_here_is_not_installed(host: Host) -> None:
    (host.source / "pueued").write_bytes(b"\x7fELF of another machine")
    failed = host.call()
    assert failed["failed"] and "nothing (Exec format error)" in failed["msg"]
    assert not host.place.exists()


def test_a_directory_that_holds_something_else_is_not_touched(host: Host) -> None:
    host.place.mkdir(parents=True)
    for name in PROGRAMS:
        script(host.place / name, f"{name} 4.0.1")
    before = everything(host.folder)
    for check in (True, False):
        failed = host.call(check=check)
        assert failed["failed"] and "never changed" in failed["msg"]
    assert everything(host.folder) == before


def test_a_file_of_somebody_else_stays(host: Host) -> None:
    host.links.mkdir()
    script(host.links / "pueue", "mine")
    done = host.call()
    assert done["changed"]
    assert (host.links / "pueue").read_text().endswith("echo 'mine'\n")
    assert (host.links / "pueued").is_symlink()
    assert not host.call()["changed"]
    assert host.call(state="absent")["changed"]
    assert (host.links / "pueue").exists() and not (host.links / "pueued").is_symlink()


def test_files_that_are_on_the_host_already(host: Host) -> None:
    assert host.call(remote_source=True)["changed"]
    assert not host.call(remote_source=True)["changed"]


def test_absent_check_run_check_run(host: Host) -> None:
    host.call()
    (host.folder / "lib" / "pueue-notes").mkdir()
    before = everything(host.folder)
    foreseen = host.call(state="absent", check=True)
    assert everything(host.folder) == before
    done = host.call(state="absent")
    assert (done["changed"], done["actions"]) == (True, foreseen["actions"])
    assert len(done["actions"]) == 3
    assert [path.name for path in (host.folder / "lib").iterdir()] == ["pueue-notes"]
    for check in (True, False):
        assert not host.call(state="absent", check=check)["changed"]


def test_what_runs_is_not_removed(host: Host) -> None:
    shutil.copy("/bin/sleep", str(host.source / "sleep"))
    tool = {"name": "sleep", "programs": [], "version": _version_of_sleep()}
    host.call(**tool)
    program = host.folder / "lib" / f"sleep-{tool['version']}" / "sleep"
    running = subprocess.Popen([str(program), "600"])
    try:
        eventually(
            lambda: os.readlink(f"/proc/{running.pid}/exe") == str(program),
            timeout=10,
            what="it runs",
        )
        left = host.call(**tool, state="absent")
        assert (left["changed"], left["actions"]) == (False, [])
        assert f"process {running.pid}" in left["warnings"][0]
        assert program.exists() and (host.links / "sleep").exists()
        assert host.call(**tool, state="absent", check=True)["changed"], "it may be stopped before"
    finally:
        running.kill()
        running.wait()
    assert host.call(**tool, state="absent")["changed"]


def _version_of_sleep() -> str:
    said = subprocess.run(["/bin/sleep", "--version"], capture_output=True, text=True, check=False)
    words = said.stdout.splitlines()[:1]
    if not words or "sleep" not in words[0]:
        pytest.skip("/bin/sleep tells no version here")
    return words[0].split()[-1]
