# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``ansible-doc`` says of every module, role and filter: fragments merged, one call."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import paths

Documents = t.Dict[str, t.Dict[str, t.Any]]


@functools.lru_cache(maxsize=None)
def dump() -> t.Dict[str, Documents]:
    """By kind and short name, in order."""
    environ = {key: text for key, text in os.environ.items() if not key.startswith("ANSIBLE_")}
    environ.update(
        ANSIBLE_COLLECTIONS_PATH=str(paths.collections()),
        ANSIBLE_COLLECTIONS_SCAN_SYS_PATH="false",
        ANSIBLE_HOME=str(paths.BUILD / "ansible"),
        HOME=str(paths.BUILD / "ansible"),
    )
    program = Path(sys.executable).parent / "ansible-doc"
    done = subprocess.run(
        [str(program), "--metadata-dump", paths.NAMESPACE],
        env=environ,
        cwd=paths.ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise paths.DocsError(f"ansible-doc cannot read the documentation: {done.stderr.strip()}")
    found = json.loads(done.stdout)["all"]
    return {
        kind: {name.rpartition(".")[2]: text for name, text in sorted(found[kind].items())}
        for kind in sorted(found, key=lambda one: (one != "module", one != "role", one))
        if kind == "role" or (kind != "keyword" and found[kind])
    }
