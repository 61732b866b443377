# SPDX-License-Identifier: GPL-3.0-or-later
"""A real package index on loopback: PEP 503 pages and wheels that the tests build themselves."""

from __future__ import annotations

import base64
import hashlib
import html
import http.server
import io
import threading
import typing as t
import zipfile
from dataclasses import dataclass, field


def build_wheel(
    name: str,
    version: str,
    *,
    modules: t.Optional[t.Mapping[str, str]] = None,
    requires: t.Sequence[str] = (),
    requires_python: t.Optional[str] = None,
    tag: str = "py3-none-any",
) -> t.Tuple[str, bytes]:
    """(file name, content) of a valid wheel; ``modules`` maps paths to source text."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    package = name.replace("-", "_")
    files = dict(modules or {f"{package}/__init__.py": f'__version__ = "{version}"\n'})
    metadata = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {r}" for r in requires)]
    metadata += [f"Requires-Python: {requires_python}"] if requires_python else []
    files[f"{info}/METADATA"] = "\n".join(["Metadata-Version: 2.1", *metadata, ""])
    files[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n"
    )
    rows = [f"{path},{_digest(text)},{len(text.encode())}" for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return f"{stem}-{tag}.whl", buffer.getvalue()


@dataclass
class Published:
    """One file of the index, listed from the ``after``-th request of its page on."""

    content: bytes
    requires_python: t.Optional[str]
    after: int


@dataclass
class Index:
    """The server. ``pages`` counts requests of each package's page; ``log`` has every request."""

    files: t.Dict[str, Published] = field(default_factory=dict)
    pages: t.Dict[str, int] = field(default_factory=dict)
    log: t.List[t.Tuple[str, str]] = field(default_factory=list)
    authorizations: t.List[str] = field(default_factory=list)
    status: t.Optional[int] = None
    credential: t.Optional[str] = None
    _server: t.Optional[http.server.ThreadingHTTPServer] = None

    def publish(self, name: str, version: str, *, after: int = 0, **options: t.Any) -> None:
        """Add a version that becomes visible after ``after`` requests of the package's page."""
        file, content = build_wheel(name, version, **options)
        self.files[file] = Published(content, options.get("requires_python"), after)

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/simple"

    def __enter__(self) -> Index:
        index = self

        class Handler(_Handler):
            served = index

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_unused: object) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    def page(self, package: str) -> t.Optional[bytes]:
        """The package's page as of this request; None for a package that has no file at all."""
        seen = self.pages.get(package, 0)
        self.pages[package] = seen + 1
        prefix = package.replace("-", "_") + "-"
        mine = {name: one for name, one in self.files.items() if name.startswith(prefix)}
        if not mine:
            return None
        links = [_link(name, one) for name, one in mine.items() if one.after <= seen]
        return f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode()


class _Handler(http.server.BaseHTTPRequestHandler):
    served: Index

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, *_unused: object) -> None:
        """Quiet; ``Index.log`` is the log."""

    def _answer(self, *, body: bool) -> None:
        index = self.served
        index.log.append((self.command, self.path))
        authorization = self.headers.get("Authorization", "")
        index.authorizations.append(authorization)
        wanted = (
            index.credential and "Basic " + base64.b64encode(index.credential.encode()).decode()
        )
        if index.status is not None:
            return self._send(index.status, b"", body=body)
        if wanted and authorization != wanted:
            return self._send(401, b"", body=body)
        words = self.path.strip("/").split("/")
        if words[0] == "files" and words[-1] in index.files:
            return self._send(200, index.files[words[-1]].content, body=body, kind="binary")
        content = index.page(words[-1]) if words[0] == "simple" and len(words) == 2 else None
        return self._send(404 if content is None else 200, content or b"", body=body)

    def _send(self, status: int, content: bytes, *, body: bool, kind: str = "html") -> None:
        self.send_response(status)
        types = {"html": "text/html", "binary": "application/octet-stream"}
        self.send_header("Content-Type", types[kind])
        self.send_header("Content-Length", str(len(content)))
        # As the big indexes do: an answer may be kept for ten minutes.
        self.send_header("Cache-Control", "max-age=600")
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="index"')
        self.end_headers()
        if body:
            self.wfile.write(content)


def _link(name: str, one: Published) -> str:
    digest = hashlib.sha256(one.content).hexdigest()
    python = html.escape(one.requires_python or "", quote=True)
    attribute = f' data-requires-python="{python}"' if python else ""
    return f'<a href="/files/{name}#sha256={digest}"{attribute}>{name}</a>'


def _digest(text: str) -> str:
    raw = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
