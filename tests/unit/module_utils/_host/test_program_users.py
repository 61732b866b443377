# SPDX-License-Identifier: GPL-3.0-or-later
"""Who would miss a program that several accounts share."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._host import program_users

PUEUE = Path("/opt/fleet-jobs/pueue-4.0.4")
UV = Path("/opt/fleet-jobs/uv-1.2.3")
LINK = Path("/usr/local/bin/uv")
QUEUE = "# Managed by fleet.jobs (module pueue_daemon).\n[Service]\nExecStart={}\n"


class _Entry(t.NamedTuple):
    pw_name: str
    pw_dir: str


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    accounts = [_Entry("batch", "/home/batch"), _Entry("hand", "/home/hand"), _Entry("x", "/")]
    monkeypatch.setattr(program_users.pwd, "getpwall", lambda: accounts)
    return tmp_path


def _unit(root: Path, path: str, text: str) -> Path:
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    return place


def _user(root: Path, place: Path, *links: Path, leaving: t.Sequence[Path] = ()) -> str:
    services = program_users.units(leaving=leaving, root=root)
    return program_users.user_of(place, links, services=services, home=None) or ""


def test_nobody(root: Path) -> None:
    _unit(root, "home/batch/.config/systemd/user/mine.service", "ExecStart=/usr/local/bin/uvicorn")
    assert _user(root, PUEUE) == _user(root, UV, LINK) == ""


def test_a_service_that_names_it_or_its_link(root: Path) -> None:
    path = "home/hand/.config/systemd/user/pueued.service"
    theirs = _unit(root, path, QUEUE.format(f"{PUEUE}/pueued --config x"))
    assert _user(root, PUEUE) == "pueued.service of hand"
    assert _user(root, Path(f"{PUEUE}1")) == _user(root, Path("/opt/fleet-jobs/pueue-4.0.3")) == ""
    assert _user(root, PUEUE, leaving=[theirs]) == ""
    dropin = _unit(
        root, "etc/systemd/system/a.service.d/x.conf", f"[Service]\nExecStart={LINK} x\n"
    )
    assert _user(root, UV, LINK, leaving=[theirs]) == str(dropin)
    assert _user(root, UV) == "", "an old version that no link leads to"


def test_jobs_of_another_queue_find_it(root: Path) -> None:
    theirs = _unit(root, "home/hand/.config/systemd/user/q.service", QUEUE.format("/else/pueued"))
    assert "q.service of hand (its jobs find /usr/local/bin/uv)" in _user(root, UV, LINK)
    services = program_users.units(root=root)
    link = root / "home/batch/.local/bin/uv"
    for home, found in ((root / "home/batch", False), (root / "home/hand", True)):
        said = program_users.user_of(UV, [link], services=services, home=home)
        assert (said is not None) == found
    assert _user(root, UV, LINK, leaving=[theirs]) == ""


def test_whose_jobs_look_in_a_folder(root: Path) -> None:
    assert program_users.account_of(Path("/home/batch/.local/bin")) == Path("/home/batch")
    assert program_users.account_of(Path("/usr/local/bin")) is None
