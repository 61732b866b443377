# SPDX-License-Identifier: GPL-3.0-or-later
"""When mise matters to a checkout (G-8): only where the project and the account have it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._deploy import mise


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in which an executable named mise is found."""
    place = tmp_path / "home" / ".local" / "bin"
    place.mkdir(parents=True)
    (place / "mise").touch(mode=0o755)
    return tmp_path / "home"


@pytest.mark.parametrize("name", ["mise.toml", ".mise.toml", ".config/mise.toml"])
def test_the_command_to_run_is_named(tmp_path: Path, home: Path, name: str) -> None:
    environ = {"PATH": "/nonexistent", "HOME": str(home)}
    assert mise.trust_note(tmp_path, environ=environ) is None
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    assert f'mise trust "{path}"' in (mise.trust_note(tmp_path, environ=environ) or "")
    nobody = {"PATH": "/nonexistent", "HOME": "/nonexistent"}
    assert mise.trust_note(tmp_path, environ=nobody) is None


def test_a_version_file_needs_no_trust(tmp_path: Path, home: Path) -> None:
    (tmp_path / ".tool-versions").touch()
    environ = {"PATH": "/nonexistent", "HOME": str(home)}
    assert mise.trust_note(tmp_path, environ=environ) is None
    assert mise.program(tmp_path, environ=environ) == str(home / ".local" / "bin" / "mise")
