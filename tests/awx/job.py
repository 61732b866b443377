# SPDX-License-Identifier: GPL-3.0-or-later
"""One AWX job: ansible-runner's own ``transmit``, ``worker`` and ``process``, as AWX chains them,
and what its event files say afterwards.

The worker is a process of its own, as receptor starts it; between the three, files take the place
of receptor. Nothing of AWX runs here.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import typing as t
from pathlib import Path

import ansible_runner

from ansible_collections.fleet.jobs.plugins.module_utils._host.process import descendants
from ansible_collections.fleet.jobs.tests.support import returns
from ansible_collections.fleet.jobs.tests.support.ansible import program

LIMIT_SECONDS = 300.0
# How long receptor waits between its SIGINT and its SIGKILL.
GRACE_SECONDS = 10.0
RESULTS = ("runner_on_ok", "runner_on_failed", "runner_on_unreachable", "runner_on_skipped")
_KEPT = ("PATH", "LANG", "TERM", "TMPDIR", "VIRTUAL_ENV")
Event = t.Dict[str, t.Any]


class Job:
    """A started job; ``wait`` or ``cancel`` ends it."""

    def __init__(
        self, place: Path, ident: int, playbook: str, environ: t.Mapping[str, str]
    ) -> None:
        self.place, self.ident = place, ident
        self.status, self.rc = "running", -1
        self.events: t.List[Event] = []
        self.answers = place.parent / f"{place.name}.out"
        self.home = place.parent / f"{place.name}.home"
        self.home.mkdir()
        self._parameters = {
            **{"ident": ident, "private_data_dir": str(place), "playbook": playbook},
            **{"inventory": str(place / "inventory" / "hosts"), "envvars": dict(environ)},
            **{"suppress_env_files": True, "fact_cache_type": "", "only_transmit_kwargs": True},
            # Without this, ansible-runner takes the signals of this process over.
            "cancel_callback": lambda: False,
        }
        self.worker = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        payload = io.BytesIO()
        ansible_runner.interface.run(streamer="transmit", _output=payload, **self._parameters)
        kept = {key: os.environ[key] for key in _KEPT if key in os.environ}
        folder = str(Path(program("ansible-playbook")).parent)
        kept["PATH"] = f"{folder}{os.pathsep}{kept.get('PATH', os.defpath)}"
        with self.answers.open("wb") as stream:
            worker = subprocess.Popen(
                [program("ansible-runner"), "worker", f"--private-data-dir={self.place}"],
                env={**kept, "HOME": str(self.home), "LC_ALL": "C.UTF-8"},
                cwd=self.place.parent,
                stdin=subprocess.PIPE,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        pipe = worker.stdin
        assert pipe is not None
        pipe.write(payload.getvalue())
        pipe.close()
        return worker

    def wait(self, timeout: float = LIMIT_SECONDS) -> Job:
        """Until the worker ends; then what it streamed becomes event files."""
        try:
            self.worker.wait(timeout)
        except subprocess.TimeoutExpired:
            self.close()
            raise AssertionError(f"job {self.ident} did not end\n{self.explain()}") from None
        self._process()
        return self

    def cancel(self) -> Job:
        """As receptor cancels: SIGINT to the worker, SIGKILL where that is not enough. The worker
        in turn ends the process group of ``ansible-playbook`` with SIGKILL."""
        self.worker.send_signal(signal.SIGINT)
        try:
            self.worker.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.worker.kill()
            self.worker.wait()
        self._process()
        return self

    def terminate(self) -> Job:
        """SIGTERM to ``ansible-playbook`` itself, as the end of its container does; then SIGKILL to
        all that is left, as the grace of a container ends."""
        (playbook,) = self.controllers()[:1] or [0]
        if playbook:
            os.kill(playbook, signal.SIGTERM)
        try:
            self.worker.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            for pid in [self.worker.pid, *descendants(self.worker.pid)]:
                _end(pid)
            self.worker.wait()
        self._process()
        return self

    def controllers(self) -> t.List[int]:
        """The processes of ``ansible-playbook`` below the worker, the first one first."""
        found = []
        for pid in sorted(descendants(self.worker.pid)):
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                continue
            if b"ansible-playbook" in command:
                found.append(pid)
        return found

    def close(self) -> None:
        """End it and all that it started, whatever state it is in."""
        for pid in [self.worker.pid, *descendants(self.worker.pid), *self.left()]:
            _end(pid)
        self.worker.wait()

    def left(self) -> t.List[int]:
        """Processes of this job, also those that no longer have their parents: workers of Ansible
        lead sessions of their own, and what they started on a host ends when its call does."""
        marker, found = str(self.place).encode(), []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if marker in Path(f"/proc/{entry}/environ").read_bytes():
                    found.append(int(entry))
        return found

    def _process(self) -> None:
        if not self.answers.read_bytes().strip():
            self.status = "error"
            return
        with self.answers.open("rb") as stream:
            done = ansible_runner.interface.run(
                streamer="process", _input=stream, quiet=True, **self._parameters
            )
        code = _read(self.artifacts / "rc")
        self.status, self.rc = done.status, int(code) if code.lstrip("-").isdigit() else -1
        files = (self.artifacts / "job_events").glob("*.json")
        found = [json.loads(path.read_text(encoding="utf-8")) for path in files]
        self.events = sorted(
            ({"event_data": {}, **event} for event in found),
            key=lambda event: int(event["counter"]),
        )
        for event in self.of("runner_on_ok", "runner_on_failed"):
            returns.check(event["event_data"]["task_action"], _result(event))

    @property
    def artifacts(self) -> Path:
        """Where ansible-runner leaves what it saw."""
        return self.place / "artifacts" / str(self.ident)

    @property
    def output(self) -> str:
        """What a person sees in AWX: the text of all events."""
        return "\n".join(event["stdout"] for event in self.events if event.get("stdout"))

    def of(
        self, *kinds: str, host: t.Optional[str] = None, task: t.Optional[str] = None
    ) -> t.List[Event]:
        """The events of these kinds (any, if none), of a host, of tasks whose name has ``task``."""
        return [
            event
            for event in self.events
            if (not kinds or event["event"] in kinds)
            and (host is None or event["event_data"].get("host") == host)
            and (task is None or task in str(event["event_data"].get("task")))
        ]

    def results(
        self, *, host: t.Optional[str] = None, task: t.Optional[str] = None
    ) -> t.List[t.Dict[str, t.Any]]:
        """What the modules answered."""
        return [_result(event) for event in self.of(*RESULTS, host=host, task=task)]

    @property
    def stats(self) -> t.Dict[str, t.Any]:
        """The statistics, as AWX makes its host summaries of them."""
        found = self.of("playbook_on_stats")
        assert found, f"job {self.ident} has no statistics\n{self.explain()}"
        return t.cast(t.Dict[str, t.Any], found[-1]["event_data"])

    def failed_hosts(self) -> t.List[str]:
        """Whom AWX calls failed: failures or dark in the statistics. What is not in the inventory,
        ``localhost`` for one, has no summary to relaunch on."""
        counts = self.stats
        names = {name for kind in ("failures", "dark") for name, n in counts[kind].items() if n}
        return sorted(names - {"localhost"})

    @property
    def artifact(self) -> t.Dict[str, t.Any]:
        """What the next node of a workflow gets (``set_stats``)."""
        found: t.Dict[str, t.Any] = {}
        for event in self.events:
            found = event["event_data"].get("artifact_data") or found
        return found

    def explain(self) -> str:
        """For an assertion message."""
        text = self.output or self.answers.read_text(encoding="utf-8", errors="replace")[-4000:]
        return f"job {self.ident}: {self.status}, rc {self.rc}\n{text}"


def _end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _result(event: Event) -> t.Dict[str, t.Any]:
    found = event["event_data"].get("res")
    return found if isinstance(found, dict) else {}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
