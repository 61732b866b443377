# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the filters instead.
"""What of a message fits into a line of a report."""

from __future__ import annotations

import typing as t


def first_line(text: t.Any) -> str:
    """The first line, cut off where it is very long."""
    return (str(text or "no message").strip().splitlines() or ["no message"])[0][:400]
