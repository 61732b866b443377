# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the unit tests of module_utils under the oldest and the newest target Python found here.

Further arguments go to pytest. The live run of every module under the same interpreters is
``tests/contracts/test_targets.py``, which ansible-core drives from its own environment.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from environment import BUILD, ROOT, ensure

UNITS = "tests/unit/module_utils"


def main() -> int:
    """One pytest run per interpreter; the first failure's status, all are run."""
    found = interpreters()
    print(found.describe(), flush=True)
    status = 0
    for version, path in found.chosen().items():
        folder = ensure(f"targets-{version}", lock="targets", interpreter=path)
        print(f"== unit tests of module_utils on Python {version}", flush=True)
        done = subprocess.run(
            [str(folder / "bin" / "python"), "-m", "pytest", "-q", UNITS, *sys.argv[1:]],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{BUILD}{os.pathsep}{_module_utils()}"},
            stdin=subprocess.DEVNULL,
            check=False,
        )
        status = status or done.returncode
    return status


def interpreters():
    """The module that finds target Pythons; it lies with the tests, which use it as well."""
    path = ROOT / "tests" / "support" / "interpreters.py"
    spec = importlib.util.spec_from_file_location("interpreters", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _module_utils() -> Path:
    """A folder with nothing but ansible-core's own package, whose module_utils run on targets."""
    core = ensure("test") / "lib"
    source = next(core.glob("python3.*/site-packages/ansible"))
    folder = BUILD / "target-lib"
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "ansible"
    if not link.is_symlink() or link.resolve() != source.resolve():
        link.unlink(missing_ok=True)
        link.symlink_to(source)
    return folder


if __name__ == "__main__":
    sys.exit(main())
