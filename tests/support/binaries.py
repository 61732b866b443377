# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the real pueue and pueued are, or a skip that says how to get them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

VERSION = "4.0.4"


def binary(name: str) -> str:
    """The path of ``pueue`` or ``pueued``; FLEET_JOBS_PUEUE_BIN wins, PATH comes last."""
    places = [
        os.environ.get("FLEET_JOBS_PUEUE_BIN"),
        str(Path.home() / ".cache" / "fleet-jobs" / f"pueue-{VERSION}" / "bin"),
        os.environ.get("PATH"),
    ]
    for place in places:
        found = shutil.which(name, path=place) if place else None
        if found:
            return found
    pytest.skip(f"{name} {VERSION} is not installed; set FLEET_JOBS_PUEUE_BIN to its folder")
