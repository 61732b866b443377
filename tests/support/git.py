# SPDX-License-Identifier: GPL-3.0-or-later
"""Real git repositories, and the servers that speak its protocols on loopback."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import os
import signal
import socket
import subprocess
import threading
import typing as t
from dataclasses import dataclass
from pathlib import Path

from .waiting import eventually

IDENTITY = {
    "GIT_AUTHOR_NAME": "Tester",
    "GIT_AUTHOR_EMAIL": "tester@example.org",
    "GIT_COMMITTER_NAME": "Tester",
    "GIT_COMMITTER_EMAIL": "tester@example.org",
    "GIT_CONFIG_NOSYSTEM": "1",
    "LC_ALL": "C",
}


def environ(home: Path) -> t.Dict[str, str]:
    """A host's environment with a home of its own."""
    home.mkdir(parents=True, exist_ok=True)
    return {"PATH": os.environ["PATH"], "HOME": str(home), **IDENTITY}


@dataclass(frozen=True)
class Repository:
    """A checkout to write commits in; ``push`` puts them into ``bare``."""

    path: Path
    bare: Path

    @classmethod
    def make(cls, folder: Path) -> Repository:
        """A pair ``work`` and ``up.git`` below ``folder``, on branch main, without a commit."""
        made = cls(folder / "work", folder / "up.git")
        made.path.mkdir(parents=True)
        made.git("init", "-q", "-b", "main")
        made.git("init", "-q", "--bare", "-b", "main", str(made.bare))
        made.git("remote", "add", "origin", str(made.bare))
        return made

    def git(self, *arguments: str, check: bool = True) -> str:
        """Plain git in the checkout; what it printed."""
        return git(self.path, *arguments, check=check)

    def commit(self, files: t.Mapping[str, t.Union[str, bytes, None]], *, push: bool = True) -> str:
        """Write (or with None delete) files, commit, push; the commit's id."""
        for name, content in files.items():
            path = self.path / name
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "change")
        if push:
            self.git("push", "-q", "origin", "HEAD")
        return self.git("rev-parse", "HEAD").strip()


def git(path: Path, *arguments: str, check: bool = True) -> str:
    """Plain git in ``path``, with no configuration of this machine."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=path,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **IDENTITY},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert not check or done.returncode == 0, f"git {arguments}: {done.stderr}"
    return done.stdout


def fingerprint(*folders: Path) -> str:
    """A digest of every byte, mode, link and modification time below the folders."""
    digest = hashlib.sha256()
    for folder in folders:
        for place, names, files in os.walk(folder):
            names.sort()
            for name in sorted([*files, *names]):
                path = Path(place) / name
                state = path.lstat()
                digest.update(f"{path}|{state.st_mode}|{state.st_mtime_ns}".encode())
                if path.is_symlink():
                    digest.update(os.readlink(path).encode())
                elif path.is_file():
                    digest.update(path.read_bytes())
    return digest.hexdigest()


@contextlib.contextmanager
def daemon(base: Path) -> t.Iterator[str]:
    """``git daemon`` for every repository below ``base``; its URL without the path."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            *("git", "daemon", "--export-all", "--reuseaddr", "--listen=127.0.0.1"),
            *(f"--port={port}", f"--base-path={base}", str(base)),
        ],
        env={"PATH": os.environ["PATH"], "HOME": str(base), **IDENTITY},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        eventually(lambda: _listens(port), timeout=20, what="git daemon listens")
        yield f"git://127.0.0.1:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()


@contextlib.contextmanager
def http_server(base: Path, *, user: t.Optional[str] = None, smart: bool = True) -> t.Iterator[str]:
    """Repositories below ``base`` over http, smart (git http-backend) or dumb, with a password
    (``user:password``) if wanted."""
    if smart:
        handler: t.Any = functools.partial(_Smart, base=base, user=user)
    else:
        handler = functools.partial(_Dumb, directory=str(base))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class _Dumb(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_unused: object) -> None:
        """Quiet."""


class _Smart(http.server.BaseHTTPRequestHandler):
    """The CGI protocol, as much of it as git http-backend needs."""

    def __init__(self, *arguments: t.Any, base: Path, user: t.Optional[str]) -> None:
        self.base = base
        self.user = user
        super().__init__(*arguments)

    def log_message(self, *_unused: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self._cgi(b"")

    def do_POST(self) -> None:
        self._cgi(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _cgi(self, body: bytes) -> None:
        import base64

        wanted = self.user and "Basic " + base64.b64encode(self.user.encode()).decode()
        if wanted and self.headers.get("Authorization") != wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _unused, query = self.path.partition("?")
        variables = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.base),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            **IDENTITY,
        }
        done = subprocess.run(
            ["git", "http-backend"], env=variables, input=body, capture_output=True, check=False
        )
        head, _unused, content = done.stdout.partition(b"\r\n\r\n")
        fields = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
        status = next((int(v.split()[0]) for k, v in fields if k == "Status"), 200)
        self.send_response(status)
        for name, value in fields:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
