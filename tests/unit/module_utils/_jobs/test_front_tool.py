# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError
from ansible_collections.fleet.jobs.plugins.module_utils._jobs import host_tool
from ansible_collections.fleet.jobs.plugins.module_utils._jobs.front_tool import FrontTool
from ansible_collections.fleet.jobs.plugins.plugin_utils._host_tool import build


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "sent.zip"
    path.write_bytes(build().content)
    return str(path)


def test_looking_installs_nothing_and_a_missing_file_is_asked_for(tmp_path):
    found = FrontTool.find(tmp_path / "state", digest=build().digest, source=None)
    assert found.missing
    assert [one.split()[0] for one in found.install(check_mode=True)] == ["install", "point"]
    assert not (tmp_path / "state").exists()


def test_a_file_that_came_is_installed_once(tmp_path, source):
    state_dir = tmp_path / "state"
    found = FrontTool.find(state_dir, digest=build().digest, source=source)
    assert not found.missing and not state_dir.exists()
    foreseen = found.install(check_mode=True)
    assert not state_dir.exists()
    assert found.install(check_mode=False) == foreseen
    assert found.path.exists() and host_tool.current(state_dir) == found.path
    again = FrontTool.find(state_dir, digest=build().digest, source=None)
    assert not again.missing and again.install(check_mode=False) == ()


def test_without_a_digest_the_installed_one_is_taken_or_the_way_is_named(tmp_path, source):
    state_dir = tmp_path / "state"
    with pytest.raises(FleetError, match="action plugin"):
        FrontTool.find(state_dir, digest=None, source=None)
    FrontTool.find(state_dir, digest=build().digest, source=source).install(check_mode=False)
    found = FrontTool.find(state_dir, digest=None, source=None)
    assert found.path.exists() and found.install(check_mode=False) == ()
