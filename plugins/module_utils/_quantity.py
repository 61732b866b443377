# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Sizes and durations as people write them: ``5G`` and ``6h`` in, bytes and seconds out."""

from __future__ import annotations

import re
import typing as t

from ._errors import FleetError

_NUMBER = r"^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$"
# systemd's and Ansible's reading: K is 1024, and an optional "iB" or "B" changes nothing.
_BYTES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SECONDS = {"": 1, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}


def parse_bytes(value: t.Union[str, int], *, option: str) -> int:
    """``"5G"`` → 5368709120. Units are powers of 1024, as in systemd's ``MemoryMax=``."""
    number, unit = _split(value, option=option, example="5G")
    unit = re.sub(r"(?:i?b)$", "", unit)
    if unit not in _BYTES:
        raise FleetError(f'{option}: "{value}" is no size; write a number with K, M, G or T.')
    return int(number * _BYTES[unit])


def parse_seconds(value: t.Union[str, int, float], *, option: str) -> float:
    """``"6h"`` → 21600.0; a bare number is seconds."""
    number, unit = _split(value, option=option, example="6h")
    if unit not in _SECONDS:
        raise FleetError(f'{option}: "{value}" is no duration; write a number with s, m, h, d, w.')
    return number * _SECONDS[unit]


def format_bytes(value: t.Optional[float]) -> str:
    """1536 → ``1.5K``; None → ``-``."""
    if value is None:
        return "-"
    for unit in ("", "K", "M", "G"):
        if abs(value) < 1024:
            return f"{value:.0f}{unit}" if value == int(value) else f"{value:.1f}{unit}"
        value /= 1024
    return f"{value:.1f}T"


def _split(value: t.Union[str, int, float], *, option: str, example: str) -> t.Tuple[float, str]:
    match = None if isinstance(value, bool) else re.match(_NUMBER, str(value))
    if match is None:
        raise FleetError(f'{option}: "{value}" cannot be read; write for example "{example}".')
    return float(match.group(1)), match.group(2).lower()
