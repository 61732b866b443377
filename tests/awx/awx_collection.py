# SPDX-License-Identifier: GPL-3.0-or-later
"""A collections path that holds ``awx.awx``, and nothing else.

The collection is a folder in the wheel of the package ``ansible``, which
``requirements/awx-collection.txt`` pins by its hash: pip fetches that one file, without what it
depends on, and only the folder is kept, once, in the cache outside this clone.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from ansible_collections.fleet.jobs.tests.lab.cache import cache, digest, made
from ansible_collections.fleet.jobs.tests.support.ansible import COLLECTION
from ansible_collections.fleet.jobs.tools import environment

LOCK = COLLECTION / "requirements" / "awx-collection.txt"
INSIDE = "ansible_collections/awx/awx/"


def ensure() -> Path:
    """The collections path; filled only where the cache has none for this lock."""
    return made(cache() / f"awx-collection-{digest(LOCK.read_text(encoding='utf-8'))}", _fill)


def _fill(work: Path) -> None:
    # Environments that uv makes have no pip; the one with uv has.
    python = environment.ensure("uv") / "bin" / "python"
    with tempfile.TemporaryDirectory(prefix="wheel-", dir=work) as folder:
        pip = [str(python), "-m", "pip", "--python", sys.executable, "download", "--quiet"]
        pip += ["--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(LOCK)]
        subprocess.run(
            [*pip, "--dest", folder], check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr
        )
        with zipfile.ZipFile(next(Path(folder).glob("ansible-*.whl"))) as wheel:
            for name in wheel.namelist():
                if name.startswith(INSIDE):
                    wheel.extract(name, work)
