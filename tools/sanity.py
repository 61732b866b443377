# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ``ansible-test sanity`` on a copy of the tree, without asking the network for get-pip.

ansible-test wants the collection at its real path, writes into the home, and downloads a bootstrap
script for pip. So it gets a copy, a home of its own, and a stand-in which uses ensurepip.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import ansible_test
from stage import stage

WORK = Path(__file__).resolve().parent.parent / ".build" / "sanity"
COPY = WORK / "ansible_collections" / "fleet" / "jobs"
HOME = WORK / "home"
GET_PIP = """# Stand-in for get-pip: pip from this interpreter's own ensurepip, then what is wanted.
import subprocess
import sys

unknown = ("--no-setuptools", "--no-wheel")
wanted = [one for one in sys.argv[1:] if one not in unknown]
subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"])
subprocess.check_call([sys.executable, "-m", "pip", "install"] + wanted)
"""


def main() -> int:
    """Stage, prepare the home, run; further arguments go to ansible-test."""
    stage(COPY)
    # Without a repository of its own the copy would be "ignored by git" as a part of this one.
    subprocess.run(["git", "init", "--quiet", str(COPY)], check=True)
    _stand_in()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    command = ["ansible-test", "sanity", "--python", version, "--color", "no"]
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")},
        "HOME": str(HOME),
    }
    environment.pop("PYTHONPATH", None)
    return subprocess.run(
        [*command, *sys.argv[1:]],
        cwd=COPY,
        env=environment,
        stdin=subprocess.DEVNULL,
        check=False,
    ).returncode


def _stand_in() -> None:
    """One for every version of pip that this ansible-test may ask for."""
    cache = HOME / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    source = Path(next(iter(ansible_test.__path__)), "_internal", "python_requirements.py")
    for version in re.findall(r"['\"](\d+(?:\.\d+)+)['\"]", source.read_text(encoding="utf-8")):
        name = f"get_pip_{version.replace('.', '_')}.py"
        (cache / name).write_text(GET_PIP, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
