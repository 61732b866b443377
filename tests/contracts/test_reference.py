# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference is what the code, the documentation and the tests say, and no link is dead."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.tests.support import documentation
from ansible_collections.fleet.jobs.tests.support.ansible import COLLECTION, program

sys.path.insert(0, str(COLLECTION / "tools"))
import hazards
import stage

REFERENCE = Path("docs", "reference")
Run = t.Callable[..., "subprocess.CompletedProcess[str]"]


def docs(*arguments: str, root: Path = COLLECTION) -> subprocess.CompletedProcess[str]:
    """What ``make docs`` calls, in this tree or in a copy of it."""
    return subprocess.run(
        [program("python"), "tools/docs", *arguments],
        cwd=root,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree at another place, to be spoilt."""
    root = tmp_path_factory.mktemp("docs") / "ansible_collections" / "fleet" / "jobs"
    stage.stage(root)
    return root


def test_the_pages_are_up_to_date() -> None:
    done = docs("markdown", "--check")
    assert done.returncode == 0, (
        f"{done.stderr}(quicker, without the HTML: make docs WHAT=markdown)"
    )


def test_no_link_is_dead() -> None:
    done = docs("links")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("folder", "names"),
    [
        ("modules", documentation.modules()),
        ("roles", documentation.roles()),
        ("playbooks", sorted(one.stem for one in (COLLECTION / "playbooks").glob("*.yml"))),
        ("filters", sorted(one.stem for one in (COLLECTION / "plugins/filter").glob("*.py"))),
    ],
)
def test_each_has_a_page_and_no_other(folder: str, names: t.Sequence[str]) -> None:
    assert sorted(one.stem for one in (COLLECTION / REFERENCE / folder).iterdir()) == names


@pytest.mark.parametrize("entry", sorted(hazards.catalogue()))
def test_the_entrys_page_has_every_place_that_refuses_for_it(entry: str) -> None:
    """By the words of the code alone, without what the generator understands of it."""
    page = (COLLECTION / REFERENCE / "hazards" / f"{entry}.md").read_text(encoding="utf-8")
    naming = rf'Refused\((?:(?!Refused\().)*?hazard="{entry}"'
    for path in sorted((COLLECTION / "plugins").rglob("*.py")):
        if re.search(naming, path.read_text(encoding="utf-8"), re.DOTALL):
            assert f"`{path.relative_to(COLLECTION).as_posix()}`" in page


def test_another_place_and_another_time_make_the_same_bytes(copy: Path) -> None:
    for path in (copy / REFERENCE).rglob("*.md"):
        path.unlink()
    done = docs("markdown", root=copy)
    assert done.returncode == 0, done.stderr
    assert _bytes(copy) == _bytes(COLLECTION)


def test_an_option_that_is_taken_out_is_noticed(copy: Path) -> None:
    """The page still has it; the message says which page, and what to run."""
    module = copy / "plugins" / "modules" / "pueue_wait.py"
    text = module.read_text(encoding="utf-8")
    without, number = re.subn(r"  fail_on_timeout:\n(?:    .*\n)+", "", text, count=1)
    assert number == 1
    module.write_text(without, encoding="utf-8")
    done = docs("markdown", "--check", root=copy)
    assert done.returncode == 1
    assert done.stderr == f"{REFERENCE}/modules/pueue_wait.md is not up to date: run make docs\n"


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("[gone](queue-of-yesterday.md)", 'the link "queue-of-yesterday.md" leads nowhere'),
        ("[no heading](queue.md#nowhere)", "docs/queue.md has no such heading"),
        ("[code `[x]`](../../elsewhere.md)", "leads nowhere"),
        ("`docs/gone.md`", "there is no such file"),
        ("![picture](gone.svg)", "leads nowhere"),
    ],
)
def test_a_dead_link_is_noticed(copy: Path, link: str, said: str) -> None:
    page = copy / "docs" / "deploy.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(f"{text}\n{link}\n", encoding="utf-8")
    try:
        done = docs("links", root=copy)
    finally:
        page.write_text(text, encoding="utf-8")
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if said in line], done.stderr


def _bytes(root: Path) -> t.Dict[str, bytes]:
    folder = root / REFERENCE
    return {one.relative_to(folder).as_posix(): one.read_bytes() for one in folder.rglob("*.md")}
