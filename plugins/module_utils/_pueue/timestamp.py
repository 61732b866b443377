# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""RFC 3339 times with up to nine fractional digits, which Python 3.8 cannot read itself."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timezone
from functools import lru_cache

_FORM = re.compile(
    r"(.{13}):([0-5]\d):((?:[0-5]\d|60)(?:\.\d{1,9})?)([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
# Months have 28 days at least, so this needs no calendar.
_SURE = re.compile(
    r"[12]\d{3}-(?:0[1-9]|1[0-2])-(?:[01][1-9]|10|2[0-8])[Tt ](?:[01]\d|2[0-3]):[0-5]\d:"
    r"[0-5]\d(?:\.\d{1,9})?(?:[Zz]|[+-][01]\d:[0-5]\d)",
    re.ASCII,
)
_HOUR = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d)", re.ASCII)


def epoch(text: str) -> float:
    """Seconds since 1970 of a time as pueue writes it."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a time")
    hour, minutes, seconds, zone = found.groups()
    return _hour(hour, zone) + 60 * int(minutes) + float(seconds)


def check(text: str) -> None:
    """Refuse what ``epoch`` cannot read, for less than it costs to read it."""
    if _SURE.fullmatch(text) is None:
        epoch(text)


@lru_cache(maxsize=4096)
def _hour(text: str, zone: str) -> float:
    """A queue has tens of thousands of times, but few hours."""
    found = _HOUR.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no date and hour")
    offset = "+00:00" if zone in "Zz" else zone
    return datetime.fromisoformat(f"{found[1]}T{found[2]}:00:00{offset}").timestamp()


def rfc3339(moment: t.Optional[datetime]) -> t.Optional[str]:
    """How a request spells a moment, which must know its time zone."""
    if moment is None:
        return None
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise ValueError(f"{moment!r} has no time zone")
    return moment.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
