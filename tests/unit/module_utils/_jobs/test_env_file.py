# SPDX-License-Identifier: GPL-3.0-or-later
"""The secret file: one meaning or a refusal, private or a refusal, and no value in any message."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError, Refused
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import env_file


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("KEY=plain", "plain"),
        ("  KEY = spaced out  ", "spaced out"),
        ("export KEY=exported", "exported"),
        ("KEY=", ""),
        ("KEY=''", ""),
        ("KEY=a=b", "a=b"),
        ("KEY=with # comment", "with"),
        ("KEY=with#no-comment", "with#no-comment"),
        ("KEY= # only a comment", ""),
        ("KEY='single $HOME \\n \" # kept'", 'single $HOME \\n " # kept'),
        ("KEY='quoted' # comment", "quoted"),
        ('KEY="double \\"inner\\" \\$x \\\\ \\n end"', 'double "inner" $x \\ \n end'),
        ('KEY="hash # kept"', "hash # kept"),
        ("KEY=ünïcode", "ünïcode"),
    ],
)
def test_value(line: str, value: str) -> None:
    assert env_file.parse(f"# head\n\n{line}\n", name="f") == {"KEY": value}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("just words", "not KEY=value"),
        ("1KEY=s3cret", "not KEY=value"),
        ("KEY-X=s3cret", "not KEY=value"),
        ("KEY='s3cret", "unbalanced '"),
        ('KEY="s3cret', 'unbalanced "'),
        ("KEY='s3cret' more", "unbalanced '"),
        ("KEY=s3cret$HOME", "single quotes"),
        ("KEY=s3cret`id`", "single quotes"),
        ('KEY="s3cret$HOME"', "single quotes"),
        ('KEY="s3cret\\q"', "unknown escape"),
        ("KEY=it's", "single quotes"),
        ("PUEUE_GROUP=s3cret", "set by the runner"),
        ("FLEET_JOBS_LABEL=s3cret", "set by the runner"),
        ("OTHER=1\nOTHER=s3cret", "second time"),
        ("KEY=s3cret\0", "NUL"),
    ],
)
def test_refused_by_line_and_without_the_value(line: str, found: str) -> None:
    with pytest.raises(FleetError) as caught:
        env_file.parse(f"\n{line}\n", name="secrets.env")
    number = 2 + line.count("\n")
    assert found in caught.value.message
    assert f'"secrets.env", line {number}' in caught.value.message
    assert "s3cret" not in caught.value.message
    assert caught.value.hazard == "AP-16"


def written(folder: Path, *, mode: int, content: bytes = b"KEY=1\n") -> Path:
    path = folder / "secrets.env"
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_private_file_is_read(tmp_path: Path, mode: int) -> None:
    assert env_file.load(written(tmp_path, mode=mode)) == {"KEY": "1"}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o602])
def test_shared_file_is_refused_unless_allowed(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path, mode=mode)
    with pytest.raises(Refused, match="chmod 600") as caught:
        env_file.load(path)
    assert caught.value.hazard == "AP-16"
    assert "env_file_shared" in caught.value.message
    assert env_file.load(path, allow_shared=True) == {"KEY": "1"}


def test_missing_binary_and_endless_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="cannot be read: No such file"):
        env_file.load(tmp_path / "missing.env")
    with pytest.raises(FleetError, match="not UTF-8 at byte 4"):
        env_file.load(written(tmp_path, mode=0o600, content=b"KEY=\xff\n"))
    with pytest.raises(FleetError, match="not a plain file"):
        env_file.load(Path("/dev/zero"))
    big = written(tmp_path, mode=0o600, content=b"#" * (env_file.MAX_BYTES + 1))
    with pytest.raises(FleetError, match="larger"):
        env_file.load(big)
