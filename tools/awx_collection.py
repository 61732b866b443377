# SPDX-License-Identifier: GPL-3.0-or-later
"""Print a collections path that holds ``awx.awx``, and nothing else.

    python tools/awx_collection.py

The collection is a folder in the wheel of the package ``ansible``, which
``requirements/awx-collection.txt`` pins by its hash: pip fetches that one file, without what it
depends on, and only the folder is kept, once, in the cache outside this clone.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "awx-collection.txt"
INSIDE = "ansible_collections/awx/awx/"


def main() -> int:
    """Print the folder, or say on stderr why there is none."""
    try:
        print(ensure())
    except subprocess.CalledProcessError as error:
        print(
            f"The collection awx.awx could not be had: pip ended with {error.returncode} for the "
            f"wheel that {LOCK.relative_to(ROOT)} names; see above.",
            file=sys.stderr,
        )
        return 2
    return 0


def ensure() -> Path:
    """The collections path; filled only where the cache has none for this lock."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    cache = Path(base) / "fleet-jobs"
    cache.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    target = cache / f"awx-collection-{digest}"
    with open(cache / "awx-collection.lock", "w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not target.is_dir():
            _fill(cache, target)
    return target


def _fill(cache: Path, target: Path) -> None:
    """Unpack into a folder beside the target and move it there whole."""
    with tempfile.TemporaryDirectory(prefix="unpacking-", dir=cache) as work:
        pip = [str(_pip()), "-m", "pip", "--python", sys.executable, "download", "--quiet"]
        pip += ["--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(LOCK)]
        subprocess.run(
            [*pip, "--dest", work], check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr
        )
        tree = Path(work) / "tree"
        with zipfile.ZipFile(next(Path(work).glob("ansible-*.whl"))) as wheel:
            for name in wheel.namelist():
                if name.startswith(INSIDE):
                    wheel.extract(name, tree)
        shutil.move(tree, target)


def _pip() -> Path:
    """The Python with pip: environments that uv makes have none."""
    sys.path.insert(0, str(ROOT / "tools"))
    import environment

    return environment.ensure("uv") / "bin" / "python"


if __name__ == "__main__":
    sys.exit(main())
