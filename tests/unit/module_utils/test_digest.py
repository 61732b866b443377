# SPDX-License-Identifier: GPL-3.0-or-later
"""The short way to SHA-256 gives what the long one gives."""

from __future__ import annotations

import hashlib

from ansible_collections.fleet.jobs.plugins.module_utils._digest import digest


def test_it_is_sha_256() -> None:
    for text in ("", "bars/ÄÖÜ@250", "x" * 1000):
        assert digest(text) == hashlib.sha256(text.encode()).hexdigest()
