# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a live deploy, every module and every playbook under each supported ansible-core.

Each series has a locked environment with a Python that it supports, other than the Python of the
other suites where there is one. A series without such a Python here is skipped, and the last lines
say so; with FLEET_JOBS_LAB=require that is a failure. Further arguments go to pytest.
"""

from __future__ import annotations

import os
import subprocess
import sys

from environment import BUILD, ROOT, ensure
from targets import interpreters

# Series: its lock, and the Pythons that it runs on, the one to prefer first.
CONTROLLERS = {
    "2.17": ("controller-2.17", ("3.10", "3.12", "3.11")),
    "2.19": ("test", ("3.13", "3.12", "3.11")),
    "newest": ("controller-newest", ("3.14", "3.13", "3.12")),
}
TESTS = (
    "tests/controllers",
    "tests/deploy/test_foreign_project.py",
    "tests/deploy/test_deploy_playbook.py::test_a_fix_restarts_only_what_failed",
    "tests/deploy/test_deploy_playbook.py::test_a_wave_that_went_wrong_stops_the_next_one",
    "tests/deploy/test_deploy_playbook.py::test_check_mode_foretells_and_touches_nothing",
    "tests/contracts/test_targets.py",
)


def main() -> int:
    """One pytest run per series; all are run, the first failure's status."""
    pythons = interpreters().found()
    status, lines = 0, []
    for series, (lock, preferred) in CONTROLLERS.items():
        version = next((one for one in preferred if one in pythons), None)
        if version is None:
            lines.append(f"ansible-core {series}: SKIPPED, needs Python {' or '.join(preferred)}")
            status = status or int(os.environ.get("FLEET_JOBS_LAB") == "require")
            continue
        folder = ensure(f"controller-{series}", lock=lock, interpreter=pythons[version])
        core = _core(folder)
        print(f"== ansible-core {core} on Python {version}", flush=True)
        code = _run(folder, version)
        status = status or code
        verdict = "passed" if code == 0 else f"FAILED ({code})"
        lines.append(f"ansible-core {core} on Python {version}: {verdict}")
    print("\n".join(lines))
    return status


def _run(folder, version):
    environment = {
        **os.environ,
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(BUILD),
        "VIRTUAL_ENV": str(folder),
        # Newer series left older target Pythons behind; that pairing is not ours to prove.
        "FLEET_JOBS_TARGETS": version,
    }
    return subprocess.run(
        [str(folder / "bin" / "python"), "-m", "pytest", "-q", *TESTS, *sys.argv[1:]],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        check=False,
    ).returncode


def _core(folder) -> str:
    """The exact version in the environment."""
    code = "from ansible import release; print(release.__version__)"
    done = subprocess.run(
        [str(folder / "bin" / "python"), "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
