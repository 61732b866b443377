# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""The label: ``family/key``, the only handle people use for a job (INV-8)."""

from __future__ import annotations

import re

from .._digest import digest
from .._errors import Refused

MAX_LENGTH = 200
_FAMILY = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
_KEY = re.compile(r"^[A-Za-z0-9_.@=:,+%/-]+$")


def check_label(label: str) -> str:
    """Return ``label`` if it is ``family/key``; refuse with the rule that it breaks."""
    family, slash, key = label.partition("/")
    problem = ""
    if len(label) > MAX_LENGTH:
        problem = f"it has {len(label)} characters, {MAX_LENGTH} are allowed"
    elif not slash or not key:
        problem = 'it has no "/" with a key after it'
    elif not _FAMILY.fullmatch(family):
        problem = f'the family "{family}" has other characters than letters, digits, "_", ".", "-"'
    elif not _KEY.fullmatch(key):
        problem = f'the key "{key}" has other characters than letters, digits and _.@=:,+%/-'
    elif ".." in key.split("/"):
        problem = 'the key has ".." as a part'
    if problem:
        raise Refused(
            f'The label "{label}" is refused: {problem}. Write family/key, for example '
            '"bars/BTCUSDT@250", with every differentiating parameter in the key.',
            hazard="INV-8",
        )
    return label


def family_of(label: str) -> str:
    """``bars/BTCUSDT@250`` → ``bars``."""
    return label.partition("/")[0]


def file_name(label: str) -> str:
    """A name for files of this label: readable, and different for different labels."""
    readable = re.sub(r"[^A-Za-z0-9_.@=-]", "_", label)[:80]
    return f"{readable}-{digest(label)[:8]}"
