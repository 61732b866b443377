# SPDX-License-Identifier: GPL-3.0-or-later
"""Real virtual environments made by the real uv, with a cache and a home of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import typing as t
from dataclasses import dataclass
from pathlib import Path

import pytest

from .index import Index


def uv_binary() -> str:
    """FLEET_JOBS_UV, else the one beside the interpreter, else the one on PATH."""
    beside = Path(sys.executable).parent / "uv"
    found = os.environ.get("FLEET_JOBS_UV") or (str(beside) if beside.exists() else None)
    found = found or shutil.which("uv")
    if not found:
        pytest.skip("uv is not installed; set FLEET_JOBS_UV to its path")
    return found


@dataclass(frozen=True)
class Environment:
    """One virtual environment below ``folder``."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Environment:
        """An empty environment of the interpreter that runs the tests."""
        made = cls(folder)
        (folder / "home").mkdir(parents=True, exist_ok=True)
        made.uv("venv", "--quiet", "--python", sys.executable, str(folder / "venv"))
        return made

    @property
    def python(self) -> str:
        return str(self.folder / "venv" / "bin" / "python")

    @property
    def environ(self) -> t.Dict[str, str]:
        """What a deploy on this "host" starts from; no configuration of this machine."""
        return {
            "PATH": os.pathsep.join([str(Path(uv_binary()).parent), "/usr/bin", "/bin"]),
            "HOME": str(self.folder / "home"),
            "UV_CACHE_DIR": str(self.folder / "cache"),
            "UV_HTTP_RETRIES": "0",
            "UV_PYTHON_DOWNLOADS": "never",
        }

    def uv(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Plain uv, as a person would call it."""
        return subprocess.run(
            [uv_binary(), *arguments],
            env={**self.environ, "NO_COLOR": "1"},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=check,
            timeout=120,
        )

    def install(self, index: Index, *wanted: str) -> None:
        """Set the scene: install from the index."""
        self.uv("pip", "install", "-q", "--python", self.python, *_index(index), *wanted)

    def make_editable(self, project: Path, *, name: str, version: str = "1.0.0") -> None:
        """An editable install without a build tool: what an installer leaves in site-packages."""
        site = Path(self.evaluate("import sysconfig; print(sysconfig.get_path('purelib'))"))
        info = site / f"{name}-{version}.dist-info"
        info.mkdir()
        pth = f"__editable__.{name}-{version}.pth"
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "direct_url.json").write_text(
            f'{{"url": "file://{project}", "dir_info": {{"editable": true}}}}'
        )
        (info / "INSTALLER").write_text("uv\n")
        (info / "RECORD").write_text(
            "".join(
                f"{info.name}/{file},,\n"
                for file in ("METADATA", "direct_url.json", "INSTALLER", "RECORD")
            )
            + f"{pth},,\n"
        )
        (site / pth).write_text(f"{project}\n")

    def evaluate(self, code: str, *, cwd: t.Optional[Path] = None) -> str:
        """What plain Python of this environment prints."""
        done = subprocess.run(
            [self.python, "-B", "-c", code],
            env=self.environ,
            cwd=cwd or self.folder,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout.strip()


def _index(index: Index) -> t.Tuple[str, str]:
    return "--default-index", index.url
