# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials in URLs are found, split off and hidden."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._deploy.userinfo import (
    redact,
    secrets_in,
    split_userinfo,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("fatal: https://u:p@h/x.git gone", "fatal: https://***@h/x.git gone"),
        ("https://token@h/x", "https://***@h/x"),
        ("http://u:p@ss@h/x", "http://***@h/x"),
        ("ssh://git@h/x", "ssh://git@h/x"),
        ("ssh://git:pw@h/x", "ssh://git:***@h/x"),
        ("git@h:team/x.git", "git@h:team/x.git"),
        ("https://h/a@b", "https://h/a@b"),
        ("'https://u:p@h/', 'https://v:q@i/'", "'https://***@h/', 'https://***@i/'"),
        ("HTTPS://U:P@H/", "HTTPS://***@H/"),
    ],
)
def test_redact(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_redact_hides_given_secrets_longest_first() -> None:
    assert redact("abc ab", ["ab", "abc", ""]) == "*** ***"


@pytest.mark.parametrize(
    ("url", "clean", "credential"),
    [
        ("https://u:p%40@h:8443/x", "https://h:8443/x", ("https://h:8443", "u", "p@")),
        ("https://token@h/x", "https://h/x", ("https://h", "token", "")),
        ("https://h/x", "https://h/x", None),
        ("ssh://git@h/x", "ssh://git@h/x", None),
        ("/srv/x@y", "/srv/x@y", None),
    ],
)
def test_split(url: str, clean: str, credential: t.Optional[t.Tuple[str, str, str]]) -> None:
    address, found = split_userinfo(url)
    assert address == clean
    assert (found and (found.origin, found.username, found.password)) == credential
    assert "p@" not in repr(found)


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("https://u:p%40@h", ("p%40", "p@")),
        ("https://token@h", ("token",)),
        ("ssh://git@h", ()),
        ("ssh://git:pw@h", ("pw",)),
        ("/srv/x", ()),
        (None, ()),
    ],
)
def test_secrets(url: t.Optional[str], secrets: t.Tuple[str, ...]) -> None:
    assert secrets_in(url) == secrets
