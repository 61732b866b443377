# SPDX-License-Identifier: GPL-3.0-or-later
"""Times as pueue writes them, on every Python."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.fleet.jobs.plugins.module_utils._pueue.timestamp import epoch, rfc3339


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("1970-01-01T00:00:00+00:00", 0.0),
        ("1970-01-01T01:00:00+01:00", 0.0),
        ("1969-12-31T19:30:00-04:30", 0.0),
        ("2026-07-18T14:55:02+02:00", 1784379302.0),
        ("2026-07-18T14:55:02.656+02:00", 1784379302.656),
        ("2026-07-18T14:55:02.656354+02:00", 1784379302.656354),
        ("2026-07-18T14:55:02.656354132+02:00", 1784379302.656354132),
        ("2026-07-18T12:55:02.000000001Z", 1784379302.0),
        ("2016-12-31T23:59:60Z", 1483228800.0),
    ],
)
def test_epoch(text: str, seconds: float) -> None:
    assert epoch(text) == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", "2026-07-18", "2026-07-18T14:55:02", "2026-07-18T14:55:02.+02:00"),
        *("2026-13-18T14:55:02Z", "2026-07-18T25:55:02Z", "2026-07-18T14:55:61Z"),
        *("2026-07-18T14:55:02Zx", " 2026-07-18T14:55:02Z", "2026-07-18T14:55:02Z\n"),
        "٢٠٢٦-07-18T14:55:02Z",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        epoch(text)


@pytest.mark.parametrize("offset", [timezone.utc, timezone(timedelta(hours=-3, minutes=-30))])
def test_a_moment_survives_the_way_out_and_back(offset: timezone) -> None:
    moment = datetime(2026, 7, 18, 14, 55, 2, 656354, tzinfo=offset)
    text = rfc3339(moment)
    assert text is not None and text.endswith("Z")
    assert epoch(text) == pytest.approx(moment.timestamp(), abs=1e-6)


def test_a_moment_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        rfc3339(datetime(2026, 7, 18))
    nothing: t.Optional[datetime] = None
    assert rfc3339(nothing) is None
