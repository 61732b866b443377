# SPDX-License-Identifier: GPL-3.0-or-later
"""A fake of AWX's API v2 on loopback, for tests of what is set up in an AWX.

    python -m ansible_collections.fleet.jobs.tests.awx.fake.server [--port N] [--tree URL=FOLDER]

It is no AWX: it keeps in memory what is posted, and knows only the resources that a set-up needs.
It answers as AWX 24.6.1 does (pages, ``related``, look-ups, refusals in AWX's own words), and
refuses what AWX's serializers refuse. Not here: jobs that run (a launch is checked, and noted),
roles and permissions (everybody may do everything), copies of objects, dates that a schedule would
compute, credentials from elsewhere, system jobs.
"""

from __future__ import annotations

import argparse
import http.server
import json
import sys
import threading
import typing as t
import urllib.parse
from pathlib import Path

from ansible_collections.fleet.jobs.tests.awx.fake.answers import shown
from ansible_collections.fleet.jobs.tests.awx.fake.pages import VERSION, Pages, Request

WRONG_TYPE = (
    "You did not use correct Content-Type in your HTTP request. If you are using our REST API, "
    "the Content-Type must be application/json"
)


class FakeAwx:
    """The server, as a context manager; ``requests`` is all that was asked, in order.

    ``trees`` says what a project's ``scm_url`` holds: a folder, or nothing for a local repository.
    A project with any other URL fails to update, as it would where nothing answers.
    """

    user = "admin"
    password = "fake-password"
    token = "fake-token"

    def __init__(self, *, trees: t.Optional[t.Mapping[str, Path]] = None, port: int = 0) -> None:
        self.pages = Pages(self.user, self.password, self.token, trees or {})
        self.requests: t.List[t.Tuple[str, str, int]] = []
        self.lock = threading.Lock()
        handler = type("BoundHandler", (_Handler,), {"fake": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def environment(self) -> t.Dict[str, str]:
        """What the modules of awx.awx read from their environment."""
        return {"CONTROLLER_HOST": self.url, "CONTROLLER_OAUTH_TOKEN": self.token}

    def __enter__(self) -> FakeAwx:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)

    def objects(self, kind: str) -> t.List[t.Dict[str, t.Any]]:
        """All objects of a kind, as the API shows them: ``objects("job_templates")``."""
        with self.lock:
            return [shown(self.pages.store, row) for row in self.pages.store.all(kind)]

    def attached(self, kind: str, name: str, associations: str) -> t.List[str]:
        """Names of what is attached to one object, by the object's name or identifier."""
        with self.lock:
            store = self.pages.store
            rows = store.all(kind)
            row = next(one for one in rows if name in (one.get("name"), one.get("identifier")))
            path = f"/api/v2/{kind}/{row['id']}/{associations}/"
        _dummy, page = self.ask("GET", path)
        return [one.get("name") or one["identifier"] for one in page["results"]]

    def survey(self, kind: str, name: str) -> t.Dict[str, t.Any]:
        """The survey of one template."""
        row = next(one for one in self.objects(kind) if one["name"] == name)
        _dummy, survey = self.ask("GET", row["related"]["survey_spec"])
        return t.cast(t.Dict[str, t.Any], survey)

    def ask(self, method: str, place: str, body: t.Any = None) -> t.Tuple[int, t.Any]:
        """A request without a socket: status and body."""
        parts = urllib.parse.urlsplit(place)
        query = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
        request = Request(method, parts.path, query, body, f"Bearer {self.token}")
        return self.answer(request)

    def answer(self, request: Request) -> t.Tuple[int, t.Any]:
        """One request at a time."""
        with self.lock:
            status, body = self.pages.answer(request)
            self.requests.append((request.method, request.path, status))
            # a copy, so that nobody outside holds what is kept here
            return status, json.loads(json.dumps(body))

    @property
    def changes(self) -> t.List[t.Tuple[str, str, int]]:
        """Requests that were not only for reading, without those for tokens."""
        return [one for one in self.requests if one[0] != "GET" and "/tokens/" not in one[1]]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeAwx

    def _respond(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        text = self.rfile.read(length)
        parts = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
        body = None
        if text and self.command in ("POST", "PUT", "PATCH"):
            if "application/json" not in self.headers.get("Content-Type", ""):
                self._send(415, {"detail": WRONG_TYPE})
                return
            try:
                body = json.loads(text)
            except ValueError as error:
                self._send(400, {"detail": f"JSON parse error - {error}"})
                return
        elif self.command in ("POST", "PUT", "PATCH"):
            body = {}
        login = self.headers.get("Authorization", "")
        self._send(*self.fake.answer(Request(self.command, parts.path, query, body, login)))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _respond

    def _send(self, status: int, body: t.Any) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("X-API-Product-Name", "AWX")
        if status != 401:
            self.send_header("X-API-Product-Version", VERSION)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: t.Any) -> None:
        """Nothing on the terminal; ``FakeAwx.requests`` has it all."""


def main() -> int:
    """Serve until Ctrl-C, and say how to reach it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tree", action="append", default=[], metavar="URL=FOLDER")
    options = parser.parse_args()
    trees = {
        url: Path(folder) for url, _dummy, folder in (one.rpartition("=") for one in options.tree)
    }
    with FakeAwx(trees=trees, port=options.port) as fake:
        for name, value in fake.environment.items():
            print(f"export {name}={value}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
