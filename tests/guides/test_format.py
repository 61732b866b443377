# SPDX-License-Identifier: GPL-3.0-or-later
"""How a guide is read: what is typed, what counts as shown. Needs no host."""

from __future__ import annotations

import typing as t
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ansible_collections.fleet.jobs.tests.guides import guide
from ansible_collections.fleet.jobs.tests.support.ansible import COLLECTION

GUIDES = sorted((COLLECTION / "docs" / "guides").glob("*.md"))
STAGES = COLLECTION / "tests" / "guides" / "stages"
PAGE = """\
# A page

Put this into `jobs.yml`:

```yaml
---
```

## It fails

<!-- exit 2 -->
```sh
ansible-playbook jobs.yml
```
```text
first
last
```
"""
PRINTED = """\
"batch1  applied     0a5bc54c59 -> 7d1f20aa31  restarted 2, skipped 0, running 0, 12 s  done.",
log of attempt 1: /home/jobs/.local/share/pueue/task_logs/9.log
"""


def _name(path: Path) -> str:
    return path.stem


def test_steps(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    write, fail = guide.read(page)
    assert (write.file, write.text, write.section) == ("jobs.yml", "---\n", "")
    assert (fail.file, fail.code, fail.section) == (None, 2, "it-fails")
    assert fail.shown == ("first", "last")
    assert not fail.looks


@pytest.mark.parametrize(
    ("shown", "lacking"),
    [
        (["batch1 applied 1111111aa1 -> 2222222bb2 restarted 2, skipped 0, running 0, 3 s"], None),
        (["batch1 applied … done."], None),
        (["log of attempt 1: …/task_logs/1.log"], None),
        (["…", "", "log of attempt 1"], None),
        (["batch1 applied … restarted 3"], "batch1 applied … restarted 3"),
        (["batch1 deferred"], "batch1 deferred"),
        (["log of attempt 1", "batch1 applied"], "batch1 applied"),
    ],
)
def test_shown(shown: t.List[str], lacking: t.Optional[str]) -> None:
    assert guide.missing(shown, PRINTED) == lacking


@pytest.mark.parametrize("path", GUIDES, ids=_name)
def test_guides_show_what_comes(path: Path) -> None:
    """Whatever may be typed shows something of what it prints, if it prints more than git."""
    silent = [
        step.line
        for step in guide.read(path)
        if not step.file
        and "ansible" in step.text
        and not [one for one in step.shown if one != "…"]
    ]
    assert silent == []


@pytest.mark.parametrize("path", GUIDES, ids=_name)
def test_readme_leads_there(path: Path) -> None:
    readme = (COLLECTION / "README.md").read_text(encoding="utf-8")
    assert f"(docs/guides/{path.name})" in readme


def test_stages_have_a_section() -> None:
    sections = {path.stem: {step.section for step in guide.read(path)} for path in GUIDES}
    scripts = list(STAGES.glob("*/*.sh"))
    assert scripts
    assert [
        path for path in scripts if path.stem not in sections.get(path.parent.name, set())
    ] == []


def test_the_picture_is_of_the_demo() -> None:
    """A deploy between jobs that failed and results that agree; nothing of who recorded it."""
    space = "{http://www.w3.org/2000/svg}"
    picture = ElementTree.parse(COLLECTION / "docs" / "demo.svg").getroot()
    lines = ["".join(row.itertext()) for row in picture.iter(f"{space}text")]
    assert picture.find(f"{space}title") is not None
    for words in ("fleet.jobs.status", "fleet.jobs.deploy", "applied 3", "fleet-jobs why", "agree"):
        assert any(words in line for line in lines), words
    assert not any("/" + place in line for line in lines for place in ("tmp", "root", "home"))
