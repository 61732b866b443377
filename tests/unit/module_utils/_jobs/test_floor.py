# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import json

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import Refused
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import floor
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.instance import Instance
from ansible_collections.fleet.jobs.plugins.module_utils._pueue.config import find_config


@pytest.fixture
def instance(tmp_path):
    directory = tmp_path / "pueue"
    directory.mkdir()
    path = tmp_path / "pueue.yml"
    path.write_text(json.dumps({"shared": {"pueue_directory": str(directory)}}))
    config = find_config(str(path), environ={"HOME": str(tmp_path)})
    return Instance(config=config, state_dir=tmp_path / "not" / "yet")


def sized(path, size):
    with path.open("wb") as stream:
        stream.truncate(size)


def test_enough_of_everything(instance):
    assert floor.require_room(instance, floor=1) == ()


@pytest.mark.parametrize(
    ("explicit", "state", "needed"),
    [
        (None, 0, floor.DEFAULT_FLOOR),
        (None, 1 << 30, 4 << 30),
        (5, 1 << 30, 5),
        (0, 0, 0),
    ],
)
def test_the_default_grows_with_the_state_file(explicit, state, needed):
    assert floor.required_bytes(explicit, state) == needed


def test_too_little_space_names_place_and_option(instance):
    with pytest.raises(Refused, match="disk_floor") as error:
        floor.require_room(instance, floor=1 << 60)
    assert error.value.hazard == "AP-10"
    assert str(instance.config.pueue_directory) in error.value.message


def test_a_big_state_file_warns_and_a_huge_one_refuses(instance):
    sized(instance.config.state_file, floor.WARN_STATE_BYTES + 1)
    (warning,) = floor.require_room(instance, floor=0)
    assert "pueue_clean" in warning
    with pytest.raises(Refused, match="pueue_clean"):
        floor.require_room(instance, floor=0, growth=floor.REFUSE_STATE_BYTES)
    sized(instance.config.state_file, floor.REFUSE_STATE_BYTES + 1)
    with pytest.raises(Refused, match="pueue_clean"):
        floor.require_room(instance, floor=0)


def test_a_stray_partial_file_is_named(instance):
    stray = instance.config.pueue_directory / "state.json.gz.partial"
    stray.touch()
    (warning,) = floor.require_room(instance, floor=0)
    assert str(stray) in warning
    config = dataclasses.replace(instance.config, compress_state_file=True)
    with pytest.raises(Refused, match="Delete it"):
        floor.require_room(dataclasses.replace(instance, config=config), floor=0)


def test_no_inodes_is_no_space(instance, monkeypatch):
    class Status:
        f_files, f_favail, f_bavail, f_frsize = 100_000, 10, 1 << 40, 4096

    monkeypatch.setattr(floor.os, "statvfs", lambda path: Status)
    with pytest.raises(Refused, match="inodes"):
        floor.require_room(instance)
