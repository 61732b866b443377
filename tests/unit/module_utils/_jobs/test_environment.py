# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job finds around it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._jobs import environment


def test_only_the_allow_list_is_submitted() -> None:
    submitted = environment.minimal({"PATH": "/bin", "HOME": "/h", "API_TOKEN": "s", "LANG": "C"})
    assert submitted == {"PATH": "/bin", "HOME": "/h", "LANG": "C"}


def test_order_of_precedence() -> None:
    base = {"HOME": "/h", "A": "base", "B": "base", "C": "override", "PUEUE_GROUP": "g"}
    values = environment.build(
        {**base, "FLEET_JOBS_OVERRIDES": "C,GONE"}, secrets={"B": "secret", "C": "secret"}
    )
    assert (values["A"], values["B"], values["C"]) == ("base", "secret", "override")
    assert values["PUEUE_GROUP"] == "g"
    assert "GONE" not in values


def test_mise_diff_of_another_place_is_dropped() -> None:
    base = {"HOME": "/h", "__MISE_DIFF": "x", "__MISE_SESSION": "y", "MISE_ENV": "kept"}
    values = environment.build(base, secrets={})
    assert not [name for name in values if name.startswith("__MISE_")]
    assert values["MISE_ENV"] == "kept"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/bin", "/bin:/h/.cargo/bin:/h/.local/bin"),
        ("/h/.local/bin:/bin", "/h/.local/bin:/bin:/h/.cargo/bin"),
        ("", f"{environment.DEFAULT_PATH}:/h/.cargo/bin:/h/.local/bin"),
    ],
)
def test_tool_folders_come_last_and_once(path: str, expected: str) -> None:
    assert environment.search_path(path, home="/h") == expected


def program(folder: Path, *, mode: int = 0o755) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "mise"
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return path


@pytest.mark.parametrize("name", environment.MISE_CONFIGS)
def test_mise_stands_in_front_where_the_project_has_it(tmp_path: Path, name: str) -> None:
    config = tmp_path / "project" / name
    config.parent.mkdir(parents=True)
    config.write_text("")
    inside = tmp_path / "project" / "deep" / "down"
    inside.mkdir(parents=True)
    mise = program(tmp_path / "bin")
    argv, remark = environment.through_mise(
        ["job", "1"], directory=inside, path=str(mise.parent), above={}
    )
    assert argv == [str(mise), "exec", "--", "job", "1"]
    assert remark is None


def test_secrets_stay_above_what_mise_sets_and_off_every_command_line(tmp_path: Path) -> None:
    (tmp_path / "mise.toml").write_text("")
    mise = program(tmp_path / "bin")
    mise.write_text('#!/bin/sh\nshift 2\nexport KEY= SET=by-mise\nexec "$@"\n')
    value = 'it\'s $HOME\n"two" lines'
    argv, _remark = environment.through_mise(
        ["/bin/sh", "-c", 'printf "%s|%s" "$KEY" "$SET"'],
        directory=tmp_path,
        path=str(mise.parent),
        above={"KEY": value},
    )
    assert not [word for word in argv if "two" in word]
    done = subprocess.run(argv, stdout=subprocess.PIPE, close_fds=False, check=True)
    shown, _unused, by_mise = done.stdout.decode().rpartition("|")
    assert shown == value
    assert by_mise == "by-mise"


def test_no_mise_without_a_project_that_has_it(tmp_path: Path) -> None:
    path = str(program(tmp_path / "bin").parent)
    assert environment.through_mise(["job"], directory=tmp_path, path=path, above={}) == (
        ["job"],
        None,
    )


def test_a_missing_mise_is_said(tmp_path: Path) -> None:
    (tmp_path / "mise.toml").write_text("")
    path = str(program(tmp_path / "bin", mode=0o644).parent)
    argv, remark = environment.through_mise(["job"], directory=tmp_path, path=path, above={})
    assert argv == ["job"]
    assert remark is not None
    assert "mise.toml" in remark
    assert "G-15" in remark
