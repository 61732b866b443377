# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing in the repository names a secret, a machine, a person's path or a registry."""

from __future__ import annotations

import re
import subprocess
import typing as t

import pytest

from ansible_collections.fleet.jobs.tests.support.ansible import COLLECTION

# Each written so that this file does not match itself.
FORBIDDEN = {
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY[-]----",
    "an access token": r"\b(?:ghp|gho|ghs|glpat|xox[bp]|pypi)[-_][A-Za-z0-9_-]{20,}",
    "a cloud key": r"\bAKIA[0-9A-Z]{16}\b",
    "an account's own path": (
        r"(?<![\w.])/(?:root|home/(?!(?:jobs|user|u|batch|hand)/)\w+)/(?!\.\.\.)[\w.]"
    ),
    "a build machine's path": r"(?<![\w.~])/w[o]rk/(?:main|shared)\b",
    "a registry's host": r"\b(?:files\.pythonhosted|pypi\.pyth[o]n|index\.crates|static\.crates)\.",
    "an index address": r"(?m)^\s*--(?:extra-)?index-url\b",
    "a note to nobody": r"\b(?:FI[X]ME|X[X]X|TO[D]O)\b",
    "a merge's leftover": r"(?m)^(?:<{7}|>{7}) ",
}
GENERATORS = r"(?i)\b(?:generated|written) (?:by|with) (?:an? )?(?:ai|llm|assistant|chat\w+)\b"
NOT_OURS = {"LICENSE"}


def _texts() -> t.Dict[str, str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=COLLECTION,
        capture_output=True,
        text=True,
        check=True,
    )
    texts = {}
    for name in listed.stdout.split("\0"):
        path = COLLECTION / name
        if name and name not in NOT_OURS and path.is_file():
            texts[name] = path.read_bytes().decode("utf-8", errors="replace")
    return texts


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_has(what: str) -> None:
    found = [name for name, text in _texts().items() if re.search(FORBIDDEN[what], text)]
    assert found == []


def test_nothing_names_its_generator() -> None:
    assert [name for name, text in _texts().items() if re.search(GENERATORS, text)] == []


def test_no_list_of_excuses() -> None:
    """No ignore file of sanity tests, no skip list of ansible-lint."""
    assert list(COLLECTION.glob("tests/sanity/ignore*")) == []
    lint = (COLLECTION / ".ansible-lint").read_text(encoding="utf-8")
    assert not re.search(r"(?m)^(?:skip|warn)_list:", lint)
    assert not (COLLECTION / ".ansible-lint-ignore").exists()


def test_locks_have_a_hash_for_everything() -> None:
    locks = sorted((COLLECTION / "requirements").glob("*.txt"))
    inputs = {path.stem for path in (COLLECTION / "requirements").glob("*.in")} - {"core"}
    # The data set and the wheel with awx.awx are one pinned file each, and stand for themselves.
    assert {lock.stem for lock in locks} == inputs | {"demo-data", "awx-collection"}
    for lock in locks:
        text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in text.splitlines():
            if line.strip() and not line.lstrip().startswith("#"):
                assert "==" in line and "--hash=sha256:" in line, f"{lock.name}: {line[:60]}"
