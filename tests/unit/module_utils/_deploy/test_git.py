# SPDX-License-Identifier: GPL-3.0-or-later
"""The words git gets and gives: addresses, environments, errors, status."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._deploy import git as module
from ansible_collections.fleet.jobs.plugins.module_utils._deploy.command import (
    Completed,
    inherited,
    last_words,
)
from ansible_collections.fleet.jobs.plugins.module_utils._deploy.transfer import same_place
from ansible_collections.fleet.jobs.plugins.module_utils._deploy.userinfo import Credential
from ansible_collections.fleet.jobs.plugins.module_utils._deploy.worktree import (
    parse_status,
    shown,
)
from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError


@pytest.mark.parametrize(
    "address",
    ["https://h/x.git", "ssh://git@h/x", "git@h:team/x.git", "h:x", "file:///srv/x", "/srv/x"],
)
def test_addresses(address: str) -> None:
    assert module.check_repository(address) == address


@pytest.mark.parametrize(
    "address", ["", "x", "./x", "../x", "--upload-pack=evil", "-oProxyCommand=x:y", "ext::sh -c x"]
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(FleetError, match="neither a URL"):
        module.check_repository(address)


@pytest.mark.parametrize("sha", ["a" * 40, "0123456789abcdef" * 4])
def test_full_ids(sha: str) -> None:
    assert module.check_sha(sha) == sha


@pytest.mark.parametrize("sha", ["", "main", "a" * 39, "A" * 40, "a" * 40 + "\n", "--x"])
def test_what_is_no_full_id(sha: str) -> None:
    with pytest.raises(FleetError, match="no full commit id"):
        module.check_sha(sha)


def settings(git: module.Git) -> t.List[t.Tuple[str, str]]:
    count = int(git.environ["GIT_CONFIG_COUNT"])
    return [
        (git.environ[f"GIT_CONFIG_KEY_{n}"], git.environ[f"GIT_CONFIG_VALUE_{n}"])
        for n in range(count)
    ]


def test_the_environment_asks_nobody_and_trusts_one_directory(tmp_path: Path) -> None:
    base = {
        "PATH": "/usr/bin:/bin",
        "HOME": "/home/x",
        "GIT_DIR": "/elsewhere",
        "__MISE_DIFF": "x",
        "LC_ALL": "de_DE.UTF-8",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.proxy",
        "GIT_CONFIG_VALUE_0": "http://proxy",
    }
    secret = Credential("https://h", "deploy", "s3cret")
    git = module.Git.find(tmp_path, environ=base, credential=secret)
    found = settings(git)

    assert found[0] == ("http.proxy", "http://proxy")
    assert [value for key, value in found if key == "safe.directory"] == [str(tmp_path)]
    assert ("core.hooksPath", "/dev/null") in found
    assert ("credential.https://h.helper", "") in found
    assert not any("s3cret" in value for _unused, value in found)
    assert git.environ["GIT_TERMINAL_PROMPT"] == "0"
    assert git.environ["GIT_ASKPASS"] == "/bin/false"
    assert git.environ["LC_ALL"] == "C"
    assert "GIT_DIR" not in git.environ
    assert "__MISE_DIFF" not in git.environ
    assert "s3cret" not in repr(git)


def test_no_git_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="git is not installed"):
        module.Git.find(tmp_path, environ={"PATH": str(tmp_path), "HOME": str(tmp_path)})


@pytest.mark.parametrize(
    ("stderr", "hazard"),
    [
        ("fatal: could not read Username for 'https://h': terminal prompts disabled", "G-7"),
        ("git@h: Permission denied (publickey).\nfatal: Could not read from remote", "G-7"),
        ("Host key verification failed.", "G-7"),
        ("fatal: Authentication failed for 'https://u:p@h/'", "G-7"),
        ("fatal: unable to access 'https://h/': Could not resolve host: h", None),
        ("fatal: detected dubious ownership in repository at '/srv/x'", None),
    ],
)
def test_errors_say_what_to_do_and_hide_what_they_must(
    tmp_path: Path, stderr: str, hazard: t.Optional[str]
) -> None:
    git = module.Git(tmp_path, "git", {}, ("p",))
    error = git.error(("fetch", "--", "https://u:p@h/"), Completed(128, b"", stderr))
    assert error.hazard == hazard
    assert "u:p" not in error.message
    assert ("deploy key" in error.message) == (hazard == "G-7")
    assert ("become_user" in error.message) == ("dubious" in stderr)


def test_status() -> None:
    text = "\0".join(
        [
            f"# branch.oid {'a' * 40}",
            "# branch.head main",
            f"1 .M N... 100644 100644 100644 {'b' * 40} {'b' * 40} a b.py",
            f"u UU N... 100644 100644 100644 100644 {'1' * 40} {'2' * 40} {'3' * 40} c d.py",
            "? new file",
            "",
        ]
    )
    found = parse_status(text)
    assert (found.head, found.branch) == ("a" * 40, "main")
    assert (found.changed, found.untracked) == (("a b.py", "c d.py"), ("new file",))


def test_status_before_the_first_commit_and_detached() -> None:
    found = parse_status("# branch.oid (initial)\0# branch.head (detached)\0")
    assert (found.head, found.branch, found.changed) == (None, None, ())


def test_shown_is_bounded_and_printable() -> None:
    assert shown(["a", "\udcff", "c"], limit=2) == ("a", "\\xff")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://h/x.git", "https://u:p@h/x", True),
        ("file:///srv/x.git/", "/srv/x", True),
        ("https://h/x", "https://h/y", False),
        ("git@h:x.git", "git@h:x", True),
        ("https://h/x", "ssh://h/x", False),
    ],
)
def test_same_place(one: str, other: str, same: bool) -> None:
    assert same_place(one, other) is same


def test_last_words_keep_the_end() -> None:
    assert last_words("a\n\n  b \n") == "a b"
    assert last_words("x" * 50 + "end", limit=5) == "... xxend"


def test_inherited_drops_what_leaks() -> None:
    assert inherited({"__MISE_DIFF": "x", "A": "1"}) == {"A": "1", "LC_ALL": "C"}
