# SPDX-License-Identifier: GPL-3.0-or-later
"""Which commit a name means, from what a server advertises."""

from __future__ import annotations

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._deploy.ref import choose, parse
from ansible_collections.fleet.jobs.plugins.module_utils._errors import FleetError

A, B, C = "a" * 40, "b" * 40, "c" * 40
ADVERTISED = parse(
    "\n".join(
        [
            f"{A}\tHEAD",
            f"{A}\trefs/heads/main",
            f"{B}\trefs/heads/v1",
            f"{C}\trefs/tags/v1",
            f"{A}\trefs/tags/v1^{{}}",
            f"{C}\trefs/tags/v2",
            f"{B}\trefs/tags/v2^{{}}",
            f"{A}\trefs/heads/same",
            f"{A}\trefs/tags/same",
            f"{C}\trefs/heads/feature/main",
            f"{C}\trefs/pull/7/head",
            "noise without a tab",
        ]
    )
)


@pytest.mark.parametrize(
    ("ref", "sha", "kind"),
    [
        ("main", A, "branch"),
        ("HEAD", A, "head"),
        ("v2", B, "tag"),
        ("same", A, "branch"),
        ("feature/main", C, "branch"),
        ("refs/tags/v1", A, "tag"),
        ("refs/heads/v1", B, "branch"),
        ("refs/pull/7/head", C, "ref"),
    ],
)
def test_choose(ref: str, sha: str, kind: str) -> None:
    found = choose(ADVERTISED, ref=ref, repository="r")
    assert (found.sha, found.kind) == (sha, kind)


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        ("v1", 'Say which one: "refs/heads/v1" or "refs/tags/v1"'),
        ("gone", 'no branch or tag "gone"'),
        ("feature", 'no branch or tag "feature"'),
        ("abc1234", "must be written in full"),
    ],
)
def test_refused(ref: str, words: str) -> None:
    with pytest.raises(FleetError, match=words):
        choose(ADVERTISED, ref=ref, repository="r")


def test_an_empty_repository_is_named_without_its_credential() -> None:
    with pytest.raises(FleetError, match="no branch and no tag") as caught:
        choose({}, ref="main", repository="https://u:p@h/x")
    assert "u:p" not in caught.value.message
