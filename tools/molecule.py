# SPDX-License-Identifier: GPL-3.0-or-later
"""Run Molecule's scenarios; called by "make molecule" in the environment of that name.

    python tools/molecule.py [SCENARIO ...] [--OPTION=VALUE ...]

Without a name all run. Those on containers need root, podman and some packages of Debian; where
that is missing only "embedded" runs, and the last lines say what was left out and why. With
FLEET_JOBS_LAB=require that is a failure.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ansible_collections.fleet.jobs.tests.lab import containers
from ansible_collections.fleet.jobs.tests.lab.cache import LabError

ROOT = Path(__file__).resolve().parent.parent
PREVIOUS_PUEUE = "4.0.3"
WITHOUT_CONTAINERS = "embedded"


def main() -> int:
    """Run what can run; the first failure's status."""
    options = [word for word in sys.argv[1:] if word.startswith("-")]
    chosen = [word for word in sys.argv[1:] if word not in options] or _scenarios()
    lacking = containers.reason()
    if not lacking and set(chosen) != {WITHOUT_CONTAINERS}:
        try:
            containers.image()
        except LabError as error:
            lacking = str(error)
    lines, status = [], 0
    for name in chosen:
        if lacking and name != WITHOUT_CONTAINERS:
            lines.append(f"molecule {name}: SKIPPED, {lacking}")
            status = status or int(os.environ.get("FLEET_JOBS_LAB") == "require")
            continue
        code = _run(name, options)
        status = status or code
        lines.append(f"molecule {name}: {'passed' if code == 0 else f'FAILED ({code})'}")
    print("\n".join(lines))
    return status


def _scenarios() -> list[str]:
    return sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))


def _run(name: str, options: list[str]) -> int:
    environment = {**os.environ, "MOLECULE_GLOB": "molecule/*/molecule.yml"}
    if name == "upgrade":
        found = subprocess.run(
            [sys.executable, str(ROOT / "tools" / "pueue.py"), PREVIOUS_PUEUE],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if found.returncode != 0:
            return found.returncode
        environment["FLEET_JOBS_PREVIOUS_PUEUE_BIN"] = found.stdout.strip()
    command = ["molecule", "test", "--scenario-name", name, *options]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
