# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE: may change in any release; use the modules instead.
"""Which queue a reading command is about: options, and the state directory it was started from."""

from __future__ import annotations

import os
import sys
import typing as t
from pathlib import Path

from .._jobs.instance import DEFAULT_STATE_DIR, Instance

if t.TYPE_CHECKING:
    import argparse


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that every reading command has."""
    parser.add_argument(
        "--pueue-config", metavar="FILE", help="pueue's configuration (default: pueue's own search)"
    )
    parser.add_argument(
        "--state-dir",
        metavar="DIR",
        help=f"state directory (default: the one this tool is in, else {DEFAULT_STATE_DIR})",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def instance(arguments: argparse.Namespace) -> Instance:
    """The instance that the options name."""
    state_dir = arguments.state_dir or own_state_dir(Path(sys.argv[0]))
    if state_dir and not state_dir.startswith("~"):
        state_dir = os.path.abspath(state_dir)
    return Instance.find(pueue_config=arguments.pueue_config, state_dir=state_dir)


def own_state_dir(program: Path) -> t.Optional[str]:
    """The tool is installed as ``<state_dir>/tool/fleet-jobs-<digest>.py``, linked or not."""
    real = Path(os.path.realpath(str(program)))
    if real.suffix == ".py" and real.parent.name == "tool":
        return str(real.parent.parent)
    return None
